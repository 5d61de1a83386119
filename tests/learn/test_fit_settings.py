import subprocess
import sys
from types import MappingProxyType

import pytest

from palate.errors import BadInput, UnknownName
from palate.learn.settings import Fit


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"steps": 0}, "steps is 0; it must be a whole number, 1 or more"),
        ({"batch": 2.5}, "batch is 2.5"),
        ({"lr": 0}, "lr is 0; it must be above 0"),
        ({"lr": {}}, "lr is {}"),
        ({"warmup": 10}, "warmup is 10 of 10 steps"),
        ({"ema": 1.0}, "ema is 1.0; it must lie between 0 and 1"),
        ({"clip": 0.0}, "clip is 0.0; it must be above 0, or None"),
        ({"checkpoint_seconds": -1}, "checkpoint_seconds is -1"),
        ({"accumulate": 3}, "A batch of 4 cannot be cut into 3 equal parts"),
        ({"optimizer": "prodigy", "lr": {"a": 1.0, "b": 2.0}}, "takes one lr"),
    ],
)
def test_what_cannot_be_done_is_refused_in_a_sentence(wrong, says):
    with pytest.raises(BadInput, match=says):
        Fit(**({"steps": 10, "batch": 4, "lr": 0.1} | wrong))


@pytest.mark.parametrize("name", ["optimizer", "schedule"])
def test_an_unknown_name_lists_the_known(name):
    with pytest.raises(UnknownName, match=rf"No {name} named 'adma'\. Known: .*"):
        Fit(steps=10, batch=4, lr=0.1, **{name: "adma"})


def test_what_touches_no_number_may_change():
    one = Fit(steps=10, batch=4, lr=0.1, options={"betas": (0.9, 0.99)}, keep=2)
    free = {"workers": 8, "keep": 1, "log_every": 1, "checkpoint_seconds": 9.0, "shard": True}
    options = MappingProxyType({"betas": [0.9, 0.99]})
    other = Fit(steps=10, batch=4, lr=0.1, accumulate=2, options=options, **free)
    assert one.lasting() == other.lasting()
    assert one.lasting() != Fit(steps=10, batch=4, lr=0.2).lasting()


def test_settings_are_light_to_import():
    code = "import sys, palate.learn.settings; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)

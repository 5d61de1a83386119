import subprocess
import sys

import pytest

import palate


def _modules_after(code: str) -> set[str]:
    seen = f"{code}\nimport sys; print('\\n'.join(sys.modules))"
    run = subprocess.run([sys.executable, "-c", seen], capture_output=True, text=True, check=True)
    return set(run.stdout.split())


HEAVY = {"torch", "diffusers", "transformers", "pyarrow", "daft", "skia", "PIL", "matplotlib"}


@pytest.mark.parametrize("code", ["import palate; palate.Taste", "import palate.cli"])
def test_nothing_heavy_is_imported_before_it_is_needed(code):
    assert not _modules_after(code) & HEAVY


def test_every_public_name_is_there():
    assert [getattr(palate, name) for name in palate.__all__]
    assert dir(palate) == sorted(palate.__all__)


def test_an_unknown_name_lists_the_known():
    with pytest.raises(AttributeError, match=r"palate has no 'Tase'\. It has: .*Taste"):
        palate.Tase  # noqa: B018

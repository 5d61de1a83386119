import math
import shutil
import signal
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from learn_toys import Line, Steady, fingerprints, net, train
from torch import nn

from palate.errors import BadInput, MissingPart, PalateError, Unfinished
from palate.learn import checkpoint
from palate.learn.facts import Fact
from palate.learn.fit import fit
from palate.learn.settings import Fit


def line(config: Fit, **more) -> tuple[nn.Linear, list[Fact]]:
    module = nn.Linear(1, 1)
    with torch.no_grad():
        module.weight.fill_(0.0), module.bias.fill_(0.0)

    def loss(batch, generator):
        x, y = batch
        return (module(x) - y).square().mean()

    return module, list(fit({"line": module}, Line(), loss, config, **more))


def fused() -> tuple[bool, bool]:
    return (
        torch.backends.cuda.flash_sdp_enabled(),  # for the CPU's fused kernel, too
        torch.backends.cuda.fp16_bf16_reduction_math_sdp_allowed(),
    )


def test_attention_is_plain_products_while_it_trains_on_a_cpu():
    before, seen = fused(), []

    def loss(batch, generator):
        seen.append(fused())
        if len(seen) == 2:
            raise BadInput("enough")
        return module(batch[0]).mean()

    module = nn.Linear(1, 1)
    with pytest.raises(BadInput, match="enough"):
        list(fit({"line": module}, Line(), loss, Fit(steps=3, batch=2, lr=0.1)))
    assert seen == [(False, True)] * 2
    assert fused() == before != seen[0]


def test_it_learns_a_line():
    module, facts = line(Fit(steps=200, batch=10, lr=0.1, weight_decay=0.0))
    assert module.weight.item() == pytest.approx(2, abs=0.01)
    assert module.bias.item() == pytest.approx(1, abs=0.01)
    assert [fact.step for fact in facts] == list(range(10, 201, 10))
    assert facts[-1].finished
    assert facts[-1].loss < 1e-3 < facts[0].loss
    assert facts[-1].items_per_second > 0


def test_a_step_by_hand():
    module, (fact,) = line(
        Fit(steps=1, batch=50, lr=0.1, optimizer="sgd", weight_decay=0.0, clip=None)
    )
    # x runs from -1 to 0.96 by 0.04: mean -0.02, mean square 0.3336. From 0 the gradient is
    # -2 mean(x y) = -2 (2 * 0.3336 - 0.02) and -2 mean(y) = -2 (1 - 0.04).
    slope, height = -2 * (2 * 0.3336 - 0.02), -2 * 0.96
    assert module.weight.item() == pytest.approx(-0.1 * slope)
    assert module.bias.item() == pytest.approx(-0.1 * height)
    assert fact.gradient == pytest.approx(math.hypot(slope, height))
    assert fact.loss == pytest.approx(4 * 0.3336 - 0.08 + 1)


def test_long_gradients_are_shortened():
    module, _ = line(Fit(steps=1, batch=50, lr=0.1, optimizer="sgd", weight_decay=0.0, clip=0.5))
    assert math.hypot(module.weight.item(), module.bias.item()) == pytest.approx(0.05, rel=1e-4)


def test_two_parts_of_four_are_a_batch_of_eight():
    whole, _ = line(Fit(steps=30, batch=8, lr=0.1))
    parts, _ = line(Fit(steps=30, batch=8, accumulate=2, lr=0.1))
    torch.testing.assert_close(whole.weight, parts.weight)
    torch.testing.assert_close(whole.bias, parts.bias)


def test_other_losses_are_only_reported():
    (fact,) = train(None, Fit(steps=2, batch=8, lr=0.01))
    assert set(fact.parts) == {"off"}


def test_every_part_draws_its_own_and_the_same_each_time():
    def draws() -> list[float]:
        module, drawn = nn.Linear(1, 1), []

        def loss(batch, generator):
            drawn.append((torch.rand((), generator=generator) + torch.rand(())).item())
            return module(batch[0]).mean()

        list(fit({"m": module}, Line(), loss, Fit(steps=5, batch=4, accumulate=2, lr=0.1)))
        return drawn

    first = draws()
    assert len(set(first)) == 10
    assert draws() == first


def test_a_loss_without_a_loss_is_refused():
    module = nn.Linear(1, 1)
    steps = fit({"m": module}, Line(), lambda b, g: {"off": b[0]}, Fit(steps=1, batch=2, lr=1))
    with pytest.raises(BadInput, match='gives off, and no "loss" to minimise'):
        next(steps)


@pytest.mark.parametrize("where", ["loss", "gradient"])
def test_a_loss_that_is_no_number_stops_it(tmp_path, where):
    module = nn.Linear(1, 1)
    seen = []

    def loss(batch, generator):
        seen.append(1)
        value = module(batch[0]).square().mean()
        bad = value * math.nan if where == "loss" else (value * 0).sqrt()  # steep as 0 times inf
        return bad if len(seen) == 7 else value

    config = Fit(steps=20, batch=4, lr=0.1, checkpoint_steps=5)
    says = rf"The {where} became nan at step 7\. The last loss that was a number: .* at step 6\."
    with pytest.raises(PalateError, match=says + ".* an lr below 0.1, a longer warmup, or a clip"):
        list(fit({"m": module}, Line(), loss, config, run=tmp_path))
    assert checkpoint.steps(tmp_path) == [5]


def test_ctrl_c_finishes_the_step_and_saves(tmp_path):
    config = Fit(steps=12, batch=8, lr=0.01, log_every=1, ema=0.9)
    list(train(tmp_path / "whole", config))
    steps = train(tmp_path / "cut", config)
    assert next(steps).step == 1
    signal.raise_signal(signal.SIGINT)
    with pytest.raises(
        Unfinished, match=r"Stopped after step 2 of 12; all of it is in .*/cut\. Run"
    ):
        next(steps)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    list(train(tmp_path / "cut", config))
    assert fingerprints(tmp_path / "cut", 12) == fingerprints(tmp_path / "whole", 12)


def test_it_runs_in_a_thread_too():
    with ThreadPoolExecutor(1) as pool:
        facts = pool.submit(lambda: list(train(None, Fit(steps=3, batch=8, lr=0.01)))).result()
    assert facts[-1].finished


def test_a_second_ctrl_c_stops_at_once():
    steps = train(None, Fit(steps=12, batch=8, lr=0.01, log_every=1))
    next(steps)
    signal.raise_signal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    with pytest.raises(Unfinished, match="Nothing was kept"):
        next(steps)


def test_averaged_weights_are_lent_in_eval_mode():
    module = net()
    (fact,) = train(None, Fit(steps=9, batch=8, lr=0.05, ema=0.9), module)
    own = module[0].weight.clone()
    with fact.averaged():
        assert not module.training
        assert not torch.equal(module[0].weight, own)
    assert module.training
    assert torch.equal(module[0].weight, own)


def test_bf16_leaves_the_weights_fp32():
    module, seen = nn.Linear(1, 1), []

    def loss(batch, generator):
        seen.append(module(batch[0]).dtype)
        return (module(batch[0]) - batch[1]).square().mean()

    facts = list(fit({"m": module}, Line(), loss, Fit(steps=60, batch=8, lr=0.1, bf16=True)))
    assert set(seen) == {torch.bfloat16}
    assert module.weight.dtype == torch.float32
    assert facts[-1].loss < facts[0].loss / 10


def test_channels_last():
    module = nn.Conv2d(1, 4, 3)

    def loss(batch, generator):
        return module(batch[0].reshape(-1, 1, 1, 1).expand(-1, 1, 4, 4)).square().mean()

    list(fit({"m": module}, Line(), loss, Fit(steps=3, batch=4, lr=0.1, channels_last=True)))
    assert module.weight.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("name", ["enable_gradient_checkpointing", "gradient_checkpointing_enable"])
def test_gradient_checkpointing_asks_the_module(name):
    module, asked = nn.Linear(1, 1), []
    setattr(module, name, lambda: asked.append(name))
    config = Fit(steps=1, batch=4, lr=0.1, gradient_checkpointing=True)
    list(fit({"m": module}, Line(), lambda b, g: module(b[0]).mean(), config))
    assert asked == [name]


def test_a_module_that_cannot_recompute_is_refused():
    with pytest.raises(BadInput, match=r"line \(Linear\) cannot recompute its activations"):
        line(Fit(steps=1, batch=4, lr=0.1, gradient_checkpointing=True))


def test_curves_are_written_for_tensorboard(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    _, facts = line(Fit(steps=20, batch=4, lr=0.1), logs=tmp_path)
    board = EventAccumulator(str(tmp_path)).Reload()
    assert {"loss", "lr/line", "gradient"} <= set(board.Tags()["scalars"])
    assert [(e.step, e.value) for e in board.Scalars("loss")] == [
        (fact.step, pytest.approx(fact.loss)) for fact in facts
    ]


def test_a_terminal_sees_a_bar_and_a_pipe_nothing(capsys, monkeypatch, tmp_path):
    config = Fit(steps=20, batch=4, lr=0.1)
    line(config, run=tmp_path)
    assert capsys.readouterr() == ("", "")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    line(Fit(steps=20, batch=4, lr=0.2))
    shown = capsys.readouterr().err
    assert "step 20/20" in shown and "loss" in shown and "items/s" in shown and "left" in shown
    line(config, run=tmp_path)
    assert f"{tmp_path} is finished: all 20 steps are done." in capsys.readouterr().err


def test_without_accelerate_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "accelerate", None)
    with pytest.raises(MissingPart, match=r"needs accelerate.*pip install 'palate\[train\]'"):
        line(Fit(steps=1, batch=4, lr=0.1))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")  # torch.compile's own import
def test_compiled_modules_learn_the_same_under_the_same_names():
    if not shutil.which("g++"):
        pytest.skip("torch.compile needs a C++ compiler, and there is no g++ here.")
    plain, compiled = Steady(), Steady()
    for module, compile in ((plain, False), (compiled, True)):
        (fact,) = train(None, Fit(steps=4, batch=8, lr=0.01, compile=compile), module)
    from torch._dynamo.utils import counters

    assert counters["stats"]["unique_graphs"] >= 1
    assert fact.finished
    torch.testing.assert_close(compiled.state_dict(), plain.state_dict(), rtol=1e-3, atol=1e-5)

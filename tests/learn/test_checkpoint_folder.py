import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from learn_toys import fingerprints, net, train

from palate import store
from palate.errors import BadFile, NoSpace
from palate.learn import checkpoint
from palate.learn.checkpoint import OPTIMIZER, WEIGHTS, Checkpoint
from palate.learn.settings import Fit


def saved(run: Path, *steps: int, keep: int = 9) -> Path:
    for step in steps:
        tensors = {WEIGHTS: {"m.w": torch.full((3,), float(step))}, OPTIMIZER: {}}
        checkpoint.save(run, Checkpoint(step=step, tensors=tensors, state={"fact": step}), keep)
    return run


def loaded(run: Path) -> Checkpoint:
    found = checkpoint.load(run)
    assert found is not None
    return found


def test_what_was_saved_is_loaded(tmp_path):
    found = loaded(saved(tmp_path, 10))
    assert (found.step, found.state["fact"]) == (10, 10)
    assert found.tensors[WEIGHTS]["m.w"].tolist() == [10.0] * 3


def test_a_folder_without_checkpoints_gives_none(tmp_path):
    assert checkpoint.load(tmp_path) is None


def test_the_newest_are_kept(tmp_path):
    saved(tmp_path, 10, 20, 30, keep=2)
    assert checkpoint.steps(tmp_path) == [30, 20]
    assert (tmp_path / "LATEST").read_text() == "step_00000030\n"


def _cut(folder: Path) -> None:
    file = folder / "weights.safetensors"
    file.write_bytes(file.read_bytes()[:-1])


def _flip(folder: Path) -> None:
    file = folder / "weights.safetensors"
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)


def _no_manifest(folder: Path) -> None:
    (folder / "manifest.json").unlink()


def _no_state(folder: Path) -> None:
    (folder / "state.json").unlink()


def _half_manifest(folder: Path) -> None:
    (folder / "manifest.json").write_text('{"weights')


@pytest.mark.parametrize("harm", [_cut, _flip, _no_manifest, _no_state, _half_manifest])
def test_a_damaged_checkpoint_is_passed_over_aloud(tmp_path, harm):
    saved(tmp_path, 10, 20)
    harm(tmp_path / "step_00000020")
    with pytest.warns(UserWarning, match=r"step_00000020.* damaged\. Going on from step 10\."):
        assert loaded(tmp_path).step == 10
    assert loaded(saved(tmp_path, 20)).step == 20  # reached again, it is written over


def test_when_none_is_whole_it_says_so(tmp_path):
    _flip(saved(tmp_path, 10) / "step_00000010")
    with pytest.raises(BadFile, match=r"No checkpoint in .* is whole.*Begin in a new folder"):
        checkpoint.load(tmp_path)


@pytest.mark.parametrize("text", ["", "step_00000010", "../../etc", "\0"])
def test_killed_before_the_pointer_moved_nothing_is_lost(tmp_path, text):
    (saved(tmp_path, 10, 20) / "LATEST").write_text(text)
    assert loaded(tmp_path).step == 20


def test_nothing_is_pickled_and_the_manifest_tells_all(tmp_path):
    folder = saved(tmp_path, 10) / "step_00000010"
    manifest = json.loads((folder / "manifest.json").read_text())
    assert {*manifest, "manifest.json"} == {path.name for path in folder.iterdir()}
    assert {path.suffix for path in folder.iterdir()} == {".json", ".safetensors"}
    assert manifest["state.json"]["sha256"] == store.fingerprint(folder / "state.json")


def test_the_averaged_weights_can_be_had_without_training(tmp_path):
    list(train(tmp_path, Fit(steps=6, batch=8, lr=0.01, ema=0.9)))
    module = net()
    module.load_state_dict(checkpoint.weights(tmp_path)["net"])
    plain = checkpoint.weights(tmp_path, averaged=False)["net"]
    assert plain.keys() == module.state_dict().keys()
    assert not torch.equal(plain["0.weight"], module[0].weight)
    assert torch.equal(plain["1.running_mean"], module[1].running_mean)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk for one checkpoint and a half."""
    disk = tmp_path / "disk"
    disk.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=240k", "tmpfs", disk], check=False)
    if made.returncode:
        pytest.skip("Only root can mount the small disk this test fills.")
    yield disk
    subprocess.run(["umount", disk], check=True)


def test_a_full_disk_leaves_the_last_checkpoint(small_disk, tmp_path):
    config = Fit(steps=6, batch=8, lr=0.01, ema=0.9, checkpoint_steps=2, keep=1)
    list(train(tmp_path / "roomy", config, net(width=700)))
    with pytest.raises(NoSpace, match=r"no space for the checkpoint of step 4 .* step 2 is whole"):
        list(train(small_disk, config, net(width=700)))
    assert loaded(small_disk).step == 2
    assert sorted(p.name for p in small_disk.iterdir()) == ["LATEST", "run.json", "step_00000002"]
    subprocess.run(["mount", "-o", "remount,size=9m", small_disk], check=True)
    list(train(small_disk, config, net(width=700)))
    assert fingerprints(small_disk, 6) == fingerprints(tmp_path / "roomy", 6)

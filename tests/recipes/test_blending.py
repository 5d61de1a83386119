"""The mean of trainings."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from palate.errors import BadInput
from palate.recipes.blending import blend, main
from palate.store.tensors import load, save


def folder(at: Path, value: float, *, wide: int = 2, name: str = "model") -> Path:
    (at / "part").mkdir(parents=True)
    tensors = {"weight": torch.full((wide,), value).bfloat16(), "count": torch.tensor([int(value)])}
    save_file(tensors, at / "part" / f"{name}.safetensors", metadata={"format": "pt"})
    (at / "config.json").write_text(json.dumps({"value": value}))
    return at


def test_means_by_hand(tmp_path: Path):
    a, b, c = (
        folder(tmp_path / name, value) for name, value in (("a", 1.0), ("b", 2.0), ("c", 4.0))
    )
    blend({a: 0.7, b: 0.5, c: -0.2}, tmp_path / "out")
    told = load_file(tmp_path / "out/part/model.safetensors")
    assert told["weight"].tolist() == torch.tensor([0.9, 0.9]).bfloat16().tolist()  # 0.7 + 1 - 0.8
    assert told["weight"].dtype == torch.bfloat16 and told["count"].tolist() == [1]
    assert json.loads((tmp_path / "out/config.json").read_text()) == {"value": 1.0}
    blend({a: 3.0, b: 1.0}, tmp_path / "second")  # shares are made to sum to 1
    assert load_file(tmp_path / "second/part/model.safetensors")["weight"].tolist() == [1.25, 1.25]


def test_links_become_files_and_the_sources_stay(tmp_path: Path):
    a, b = folder(tmp_path / "a", 1.0), folder(tmp_path / "b", 3.0)
    (a / "other").mkdir()
    (a / "other" / "model.safetensors").symlink_to("../part/model.safetensors")
    (b / "other").mkdir()
    save_file(load_file(b / "part/model.safetensors"), b / "other" / "model.safetensors")
    main([str(tmp_path / "out"), f"{a}=1", f"{b}=1"])
    made = tmp_path / "out/other/model.safetensors"
    assert not made.is_symlink() and load_file(made)["weight"].tolist() == [2.0, 2.0]
    assert load_file(a / "part/model.safetensors")["weight"].tolist() == [1.0, 1.0]


def test_a_file_of_ours_stays_one(tmp_path: Path):
    for name, value in (("a", 1.0), ("b", 3.0)):
        (tmp_path / name).mkdir()
        tensors = {"rows": torch.full((2, 2), value)}
        save(tmp_path / name / "taste.safetensors", tensors, kind="taste", config={"of": name})
    blend({tmp_path / "a": 1.0, tmp_path / "b": 1.0}, tmp_path / "out")
    told, tensors = load(tmp_path / "out" / "taste.safetensors", kind="taste")  # minds fingerprints
    assert told.config == {"of": "a"} and tensors["rows"].tolist() == [[2.0, 2.0]] * 2


def test_what_cannot_be_blended(tmp_path: Path):
    a, b = folder(tmp_path / "a", 1.0), folder(tmp_path / "b", 2.0)
    wide, other = folder(tmp_path / "wide", 1.0, wide=3), folder(tmp_path / "o", 1.0, name="unet")
    out = tmp_path / "out"
    for shares, said in [
        ({a: 1.0}, "two folders"),
        ({a: 1.0, b: -1.0}, "with a sum"),
        ({a: 1.0, tmp_path / "none": 1.0}, "no folder"),
        ({a: 1.0, wide: 1.0}, "two sorts"),
        ({a: 1.0, other: 1.0}, "another sort"),
    ]:
        with pytest.raises(BadInput, match=said):
            blend(shares, out)
    with pytest.raises(BadInput, match="overwrites nothing"):
        blend({a: 1.0, b: 1.0}, b)
    with pytest.raises(BadInput, match="FOLDER=SHARE"):
        main([str(out), str(a)])
    assert not out.exists() and not list(tmp_path.glob(".*"))  # nor what was begun

from dataclasses import replace
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from palate.errors import Mismatch
from palate.methods.prefgen.method import PrefGen
from palate.recipes.prefgen import DEBUG, PrefgenRecipe
from palate.recipes.recipe import changed, cook


def test_a_prefgen_goes_on_from_another(tmp_path):
    cook(replace(DEBUG, loud=1.0), tmp_path)
    kept = load_file(tmp_path / "model" / "prefgen.safetensors")
    more = changed(DEBUG, [f"begin={tmp_path / 'model'}"]).parts()
    for name in ("conditioner", "adapter"):
        for key, tensor in more.modules[name].state_dict().items():
            assert tensor.equal(kept[f"{name}.{key}"].float())
        assert all(p.requires_grad for p in more.modules[name].parameters())


def test_it_goes_on_for_a_base_model_that_was_trained_further(tmp_path, monkeypatch):
    cook(replace(DEBUG, loud=1.0), tmp_path)
    partners = DEBUG._partners()
    partners[0].mark = replace(partners[0].mark, fingerprint="0" * 64)
    with pytest.raises(Mismatch, match="was trained with the backbone"):
        PrefGen.from_pretrained(tmp_path / "model", *partners)
    monkeypatch.setattr(PrefgenRecipe, "_partners", lambda _: partners)
    more: Any = changed(DEBUG, [f"begin={tmp_path / 'model'}"]).parts()
    kept = load_file(tmp_path / "model" / "prefgen.safetensors")
    weights = more.method.adapter.state_dict()
    assert all(t.equal(kept[f"adapter.{name}"].float()) for name, t in weights.items())


def test_it_does_not_go_on_for_a_base_model_of_other_sizes(tmp_path):
    cook(replace(DEBUG, loud=1.0), tmp_path)
    with pytest.raises(Mismatch, match="other widths"):
        changed(replace(DEBUG, toy="flux"), [f"begin={tmp_path / 'model'}"]).parts()


def test_strength_one_is_as_loud_as_the_recipe_says(tmp_path):
    parts = DEBUG.parts()
    for loud in (1.0, 0.5):
        replace(DEBUG, loud=loud).keep(parts, tmp_path / str(loud))
    whole, half = (load_file(tmp_path / loud / "prefgen.safetensors") for loud in ("1.0", "0.5"))
    assert parts.modules["adapter"].state_dict().keys() == {
        name.removeprefix("adapter.") for name in whole if name.startswith("adapter.")
    }
    for name, tensor in whole.items():
        share = 0.5 if name.endswith("to_v.weight") else 1.0
        torch.testing.assert_close(half[name], share * tensor, rtol=0, atol=0)

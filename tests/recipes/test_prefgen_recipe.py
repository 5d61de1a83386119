from dataclasses import replace

import torch
from safetensors.torch import load_file

from palate.recipes.prefgen import DEBUG
from palate.recipes.recipe import changed, cook


def test_a_prefgen_goes_on_from_another(tmp_path):
    cook(replace(DEBUG, loud=1.0), tmp_path)
    kept = load_file(tmp_path / "model" / "prefgen.safetensors")
    more = changed(DEBUG, [f"begin={tmp_path / 'model'}"]).parts()
    for name in ("conditioner", "adapter"):
        for key, tensor in more.modules[name].state_dict().items():
            assert tensor.equal(kept[f"{name}.{key}"].float())
        assert all(p.requires_grad for p in more.modules[name].parameters())


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

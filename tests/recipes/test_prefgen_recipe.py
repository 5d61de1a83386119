from safetensors.torch import load_file

from palate.recipes.prefgen import DEBUG
from palate.recipes.recipe import changed, cook


def test_a_prefgen_goes_on_from_another(tmp_path):
    cook(DEBUG, tmp_path)
    kept = load_file(tmp_path / "model" / "prefgen.safetensors")
    more = changed(DEBUG, [f"begin={tmp_path / 'model'}"]).parts()
    for name in ("conditioner", "adapter"):
        for key, tensor in more.modules[name].state_dict().items():
            assert tensor.equal(kept[f"{name}.{key}"].float())
        assert all(p.requires_grad for p in more.modules[name].parameters())

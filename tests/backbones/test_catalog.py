"""From a name or a folder to a model, or a sentence that says why not."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from seams import asks

from palate.backbones import FLUX, SDXL, catalog
from palate.backbones.judges import Judge
from palate.backbones.tiny import tiny_flux, tiny_sdxl
from palate.errors import BadFile, BadInput, Mismatch, MissingPart, PalateError, UnknownName

CLASSES = {"sdxl": SDXL, "flux": FLUX}
UNET = Path("unet/diffusion_pytorch_model.safetensors")


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both toys as folders."""
    folder = tmp_path_factory.mktemp("saved")
    tiny_sdxl().save_pretrained(folder / "sdxl")
    tiny_flux().save_pretrained(folder / "flux")
    return folder


@pytest.fixture
def sdxl(saved: Path, tmp_path: Path) -> Path:
    """A folder of one's own, to damage."""
    return Path(shutil.copytree(saved / "sdxl", tmp_path / "mine"))


def test_every_pairing_names_an_entry_known_here() -> None:
    for entry in catalog.ENTRIES.values():
        assert set(entry.pairs_with) <= set(catalog.ENTRIES)
        assert entry.licence and entry.size and entry.summary
    assert "sdxl" in catalog.ENTRIES["idefics2-8b"].pairs_with
    assert "idefics2-8b" in catalog.ENTRIES["sdxl"].pairs_with


@pytest.mark.parametrize("kind", ["sdxl", "flux"])
def test_a_toy_has_a_name(kind: str) -> None:
    found = catalog.backbone(f"tiny-{kind}")
    assert isinstance(found, CLASSES[kind]) and found.name == f"tiny-{kind}"
    assert str(next(found.pipe.vae.parameters()).device) == (
        "cuda:0" if torch.cuda.is_available() else "cpu"
    )
    half = catalog.backbone(f"tiny-{kind}", device="cpu", dtype=torch.bfloat16)
    assert {p.dtype for p in half.pipe.text_encoder.parameters()} == {torch.bfloat16}
    assert half.mark == found.mark


@pytest.mark.parametrize("kind", ["sdxl", "flux"])
def test_a_folder_says_of_which_class_it_is(saved: Path, kind: str, capfd) -> None:
    found = catalog.backbone(saved / kind, device="cpu")
    assert capfd.readouterr() == ("", "")
    assert isinstance(found, CLASSES[kind])
    toy = catalog.backbone(f"tiny-{kind}", device="cpu")
    assert found.mark == toy.mark
    pair = (b.sample(asks())[0].pixels for b in (found, toy))
    np.testing.assert_array_equal(*pair)


def test_a_built_in_model_is_a_folder_of_the_package(saved: Path, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(catalog, "BUILT_IN", tmp_path)
    with pytest.raises(MissingPart, match=r"palate train sketchbook-sdxl`.*--backbone out/train/"):
        catalog.backbone("sketchbook-sdxl")
    with pytest.raises(
        MissingPart, match=r"palate train sketchbook-judge`.*--judge out/train/.*/model\.$"
    ):
        catalog.judge()
    shutil.copytree(saved / "flux", tmp_path / "sketchbook-sdxl")
    with pytest.raises(
        Mismatch, match=r"sketchbook-sdxl is of kind sdxl, and .* holds a flux model"
    ):
        catalog.backbone("sketchbook-sdxl")
    shutil.copytree(saved / "flux", tmp_path / "sketchbook-flux")
    assert catalog.backbone("sketchbook-flux").mark.fingerprint == tiny_flux().mark.fingerprint


def _cached(cache: Path, repo: str, folder: Path) -> None:
    """Lay a folder into a Hub cache, as a download would."""
    home, commit = cache / f"models--{repo.replace('/', '--')}", "0123456789" * 4
    shutil.copytree(folder, home / "snapshots" / commit)
    (home / "snapshots" / commit / "palate.json").unlink()
    (home / "refs").mkdir()
    (home / "refs" / "main").write_text(commit)


def test_a_hub_name_is_looked_up_in_the_cache_alone(saved: Path, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    repo = "stabilityai/stable-diffusion-xl-base-1.0"
    with pytest.raises(MissingPart, match=rf"sdxl \({repo}\) is not on .* {catalog.DOWNLOAD}=1"):
        catalog.backbone("sdxl")
    with pytest.raises(MissingPart, match="No folder or checkpoint some/body is on this machine"):
        catalog.backbone("some/body")
    _cached(tmp_path, repo, saved / "sdxl")
    _cached(tmp_path, "some/body", saved / "flux")
    assert catalog.backbone("sdxl").mark.name == "sdxl"
    assert catalog.backbone("some/body").name == "some/body"
    assert catalog.backbone("some/body").defaults.text_length == 512
    _cached(tmp_path, "black-forest-labs/FLUX.1-schnell", saved / "flux")
    assert catalog.backbone("flux-schnell").defaults.text_length == 256  # as it was trained


def test_a_download_that_fails_is_a_sentence(tmp_path, monkeypatch) -> None:
    def offline(*_: object, **how: object) -> str:
        assert how["local_files_only"] is False
        raise ConnectionError("no way out\nand a second line")

    monkeypatch.setattr("huggingface_hub.snapshot_download", offline)
    monkeypatch.setenv(catalog.DOWNLOAD, "1")
    with pytest.raises(PalateError, match=r"FLUX.1-dev cannot be downloaded: no way out$"):
        catalog.backbone("flux-dev")


@pytest.mark.parametrize(
    ("name", "kind", "complaint"),
    [
        ("nope", UnknownName, "No sdxl or flux model named 'nope'. Known: flux-dev, flux-schnell"),
        ("./nope", BadInput, "There is no folder ./nope. Give one, or: sketchbook-sdxl"),
        (Path("nope"), BadInput, "There is no folder nope"),
        ("clip-vit-l-14", Mismatch, "clip-vit-l-14 is a clip; what is needed here is one of"),
    ],
)
def test_what_is_no_backbone_is_refused(name, kind, complaint) -> None:
    with pytest.raises(kind, match=complaint):
        catalog.backbone(name)


def _cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-100])


def _gap(file: Path) -> None:
    tensors = load_file(file)
    del tensors[next(iter(tensors))]
    save_file(tensors, file)


def _foreign(file: Path) -> None:
    shutil.copy(file.parents[1] / UNET, file)


def _wrong(file: Path) -> None:
    kept = json.loads(file.read_text())
    kept["defaults"]["width"] = str(128)
    file.write_text(json.dumps(kept))


def _pickled(file: Path) -> None:
    file.rename(file.with_suffix(".bin"))


def _variant(file: Path) -> None:
    file.rename(file.with_name("diffusion_pytorch_model.fp16.safetensors"))


def _page(file: Path) -> None:
    file.write_text("<html>Not Found</html>")


@pytest.mark.parametrize(
    ("file", "damage", "complaint"),
    [
        (UNET, _cut, r"unet/diffusion_pytorch_model.safetensors is damaged: it should have 1,4"),
        (UNET, _page, r"unet/diffusion_pytorch_model.safetensors is damaged: it is cut off, or no"),
        (UNET, Path.unlink, r"unet/diffusion_pytorch_model.safetensors does not exist. Get it"),
        (UNET, _pickled, r"does not exist \(diffusion_pytorch_model.bin: only a pickle does"),
        (UNET, _variant, r"\(diffusion_pytorch_model.fp16.safetensors: only a variant of it"),
        (UNET, _gap, r"cannot be loaded, its weights and configs do not belong together"),
        (
            "text_encoder/model.safetensors",
            _gap,
            r"text_encoder are not whole, or of another model.*\(1, such as",
        ),
        ("unet/config.json", _cut, r"unet/config.json is damaged: it is not a table in JSON"),
        ("unet/config.json", Path.unlink, r"unet/config.json does not exist"),
        ("model_index.json", _page, r"model_index.json is damaged"),
        ("tokenizer/tokenizer.json", _cut, r"tokenizer/tokenizer.json is damaged"),
        ("tokenizer", shutil.rmtree, r"mine/tokenizer does not exist"),
        ("tokenizer/tokenizer.json", Path.unlink, r"mine/tokenizer holds no words"),
        ("text_encoder/model.safetensors", _foreign, r"text_encoder are not whole, or of another"),
        ("palate.json", _wrong, r"palate.json is damaged \(width is '128'\)"),
    ],
)
def test_a_folder_that_is_not_whole_names_the_file(sdxl: Path, file, damage, complaint) -> None:
    damage(sdxl / file)
    with pytest.raises(BadFile, match=complaint) as problem:
        catalog.backbone(sdxl)
    assert "\n" not in str(problem.value)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"_class_name": "StableDiffusionPipeline"}, "describes a StableDiffusionPipeline. Palate"),
        ({"unet": ["my_code", "Unet"]}, "takes its unet from 'my_code'; only parts of diffusers"),
        ({"vae": [None, None]}, "names no vae"),
    ],
)
def test_foreign_pipelines_are_refused(sdxl: Path, change, complaint) -> None:
    index = json.loads((sdxl / "model_index.json").read_text())
    (sdxl / "model_index.json").write_text(json.dumps(index | change))
    with pytest.raises(BadInput, match=complaint):
        catalog.backbone(sdxl)


def test_every_shard_must_be_there(sdxl: Path) -> None:
    whole = catalog.backbone(sdxl)
    (sdxl / UNET).unlink()
    whole.pipe.unet.save_pretrained(sdxl / "unet", max_shard_size="600KB")
    shards = sorted((sdxl / "unet").glob("*-of-*.safetensors"))
    assert len(shards) > 1
    assert catalog.backbone(sdxl).mark == whole.mark
    shards[1].unlink()
    with pytest.raises(BadFile, match=rf"{shards[1].name} does not exist"):
        catalog.backbone(sdxl)


def test_a_judge_comes_back_as_it_was_saved(tmp_path: Path, saved: Path, capfd) -> None:
    made = Judge(widths=(8, 8, 8, 8, 8))
    made.save_pretrained(tmp_path)
    capfd.readouterr()
    found = catalog.judge(tmp_path, device="cpu")
    assert capfd.readouterr() == ("", "")
    pictures = np.zeros((2, 64, 64, 3), np.uint8)
    np.testing.assert_array_equal(found.look_at(pictures).looks, made.look_at(pictures).looks)
    with pytest.raises(BadFile, match="cannot be loaded, its weights and configs"):
        catalog.judge(saved / "sdxl" / "text_encoder")
    with pytest.raises(UnknownName, match=r"No judge model named 'nope'. Known: sketchbook-judge"):
        catalog.judge("nope")

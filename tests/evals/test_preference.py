"""Scores of liking by hand, and the adapters of others' scorers with toy weights."""

import numpy as np
import pytest
import torch
from others_toy import keep_hpsv2, openclip_names, openclip_toy
from prefgen_toy import clip, reader
from safetensors.torch import save_file

from palate.backbones.reader import Reader
from palate.errors import BadFile, BadInput, MissingPart, UnknownName
from palate.evals.paired import permutation
from palate.evals.preference import choices_right, liked, personal, rate, surely
from palate.evals.scorers import ClipScorer, Viper, clip_scorer, viper
from palate.sketchbook.drawing import draw
from palate.sketchbook.scenes import any_scene


def drawings(*seeds: int) -> list[np.ndarray]:
    return [draw(any_scene(seed)) for seed in seeds]


def test_two_words_do_not_overflow() -> None:
    yes, no = torch.tensor([20.0]).half(), torch.tensor([18.0]).half()
    assert surely(yes, no).item() == pytest.approx(0.880797078, abs=1e-7)
    assert (yes.exp() / (yes.exp() + no.exp())).isnan().all()


def test_the_rate_is_against_a_base_model() -> None:
    found = rate([0.9, 0.2, 0.5, 0.5], [0.1, 0.3, 0.5, 0.4])
    assert found.value == (1 + 0 + 0.5 + 1) / 4
    assert rate([0.5], [0.5], ties=0.0).value == 0
    assert liked([0.9, 0.2, 0.5, 0.51]).value == 0.5
    with pytest.raises(BadInput, match="2 scores stand beside 1 of the base model"):
        rate([1, 2], [1])


def test_what_is_personal_is_what_a_stranger_does_not_see() -> None:
    found = personal([0.9, 0.8, 0.7], [0.6, 0.5, 0.4], ["a", "b", "c"])
    assert (found.figure.value, found.better) == (pytest.approx(0.3), 1.0)


def test_choices_as_pickscore_counts_them() -> None:
    """Right, wrong, a tie both see, a tie only the label has, a tie only the scorer calls."""
    p, labels = [0.9, 0.9, 0.51, 0.9, 0.49], [1, 0, 0.5, 0.5, 0]
    found = choices_right(p, labels, tie_within=0.05)
    assert found.value == pytest.approx((1 + 0 + 1 + 0.5 + 0.5) / 5)
    assert choices_right([0.9, 0.2], [1, 0]).value == 1.0
    with pytest.raises(BadInput, match=r"2 choices stand beside 2 labels, 1 of which are none"):
        choices_right([0.1, 0.2], [1, 0.3])


def test_a_clip_scores_by_its_scaled_cosine(tmp_path) -> None:
    pictures, prompts = drawings(0, 1), ["a fish", "a cat left of a cup"]
    plain = ClipScorer(clip(), scaled=False).score(prompts, pictures)
    cosines = torch.cosine_similarity(clip().see(pictures), clip().read(prompts))
    torch.testing.assert_close(plain, cosines, atol=1e-5, rtol=0)
    scaled = ClipScorer(clip(), scaled=True).score(prompts, pictures)
    scale = clip().model.logit_scale.exp().item()
    torch.testing.assert_close(scaled, scale * plain, atol=1e-4, rtol=0)
    with pytest.raises(BadInput, match="2 pictures stand beside 1 prompts"):
        ClipScorer(clip(), scaled=False).score(prompts[:1], pictures)


def test_hpsv2_is_read_as_it_is_published(tmp_path) -> None:
    """OpenCLIP's names, by hand; the same points, and the plain cosine."""
    whole, scorer = openclip_toy(), clip_scorer("hpsv2", keep_hpsv2(tmp_path / "hps"))
    pictures, prompts = drawings(0, 1), ["a fish", "a cat left of a cup"]
    torch.testing.assert_close(scorer.clip.see(pictures), whole.see(pictures))
    torch.testing.assert_close(scorer.clip.read(prompts), whole.read(prompts))
    cosines = (whole.see(pictures) * whole.read(prompts)).sum(1)
    torch.testing.assert_close(scorer.score(prompts, pictures), cosines)
    assert scorer.mark.name == "hpsv2"
    held = openclip_names(whole.model)
    held.pop("visual.ln_post.bias")
    save_file(held, tmp_path / "hps" / "HPS_v2_compressed.safetensors")
    with pytest.raises(BadFile, match=r"compressed\.safetensors does not hold xswu/HPSv2"):
        clip_scorer("hpsv2", tmp_path / "hps")


def test_a_missing_file_is_named_with_where_it_comes_from(tmp_path) -> None:
    with pytest.raises(MissingPart, match=r"config\.json, model\.safetensors of yuvalk.*Put them"):
        clip_scorer("pickscore", tmp_path)
    with pytest.raises(MissingPart, match=r"HPS_v2_compressed\.safetensors of xswu/HPSv2.* Put it"):
        clip_scorer("hpsv2", tmp_path)
    for file in ("HPS_v2.1_compressed.safetensors", "preprocessor_config.json", "vocab.json"):
        (tmp_path / file).write_text("{}")
    with pytest.raises(MissingPart, match=r"hpsv2\.1 needs merges\.txt of laion/.* Put it there"):
        clip_scorer("hpsv2.1", tmp_path)
    with pytest.raises(MissingPart, match=r"adapter_model\.safetensors of EPFL-VILAB/Metric-ViPer"):
        viper(tmp_path)
    with pytest.raises(UnknownName, match=r"No scorer named 'aesthetic'\. Known: hpsv2"):
        clip_scorer("aesthetic", tmp_path)


def test_viper_asks_after_what_was_liked_and_disliked() -> None:
    one: Reader = reader()
    scorer, asked = Viper(one, yes="yes", no="no"), drawings(7, 8)
    likes, dislikes = drawings(1, 2), drawings(3, 4)
    found = scorer.score(likes, dislikes, asked)
    turn = "User:<image>Score for this image?<end_of_utterance>\nAssistant:"
    text = (f"{turn} no<end_of_utterance>\n{turn} yes<end_of_utterance>\n") * 2 + turn
    seen = [one.see([*drawings(3, 1, 4, 2), picture]) for picture in asked]
    logits = one.logits([text] * 2, seen)
    gap = logits[:, one.word("yes")] - logits[:, one.word("no")]
    torch.testing.assert_close(found, gap.sigmoid(), atol=1e-5, rtol=0)
    assert not torch.allclose(found, scorer.score(dislikes, likes, asked), atol=1e-6)
    turned = scorer.score([likes[1], likes[0]], [dislikes[1], dislikes[0]], asked)
    both = scorer.score(likes, dislikes, asked, orders=2)
    torch.testing.assert_close(both, (found + turned) / 2, atol=1e-5, rtol=0)
    with pytest.raises(BadInput, match="1, 2 and 2 were given"):
        scorer.score(likes[:1], dislikes, asked)


def test_a_score_that_is_no_number_is_no_loss() -> None:
    nan = float("nan")
    with pytest.raises(BadInput, match="2 of 3 scores are no numbers, the first in place 0"):
        rate([nan, nan, 0.9], [0.5] * 3)
    with pytest.raises(BadInput, match="1 of 2 choices are no numbers"):
        choices_right([nan, 0.9], [0, 1])
    with pytest.raises(BadInput, match="1 of 1 scores are no numbers"):
        liked([nan])
    with pytest.raises(BadInput, match="1 of 3 sums are no numbers"):
        permutation([nan, 1, 2])

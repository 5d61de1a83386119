"""Likeness, diversity, copying, retrieval and moods, by hand and by brute force."""

import numpy as np
import pytest
import torch

from palate.backbones import builtin
from palate.backbones.clips import Clip
from palate.backbones.judges import Judge
from palate.errors import BadInput, Mismatch
from palate.evals.measures import Encoder, Eye, Seen
from palate.evals.moods import MIKELS, moods_of, moods_right
from palate.evals.retrieval import among, retrieval
from palate.evals.seeing import Seeing, key_of
from palate.evals.similarity import Words, clip_text, copying, diversity, likeness
from palate.recipes.clip import DEBUG
from palate.seeds import noise_for
from palate.sketchbook.drawing import draw
from palate.sketchbook.scenes import any_scene
from palate.sketchbook.vocabulary import MOODS
from palate.types import Mark


@pytest.fixture(scope="module")
def clip() -> Clip:
    both = builtin.new_clip(DEBUG.reads, DEBUG.sees, patch=DEBUG.patch, shared=DEBUG.shared)
    return Clip.of(both, name="toy-clip")


def cloud(seed: int, n: int, width: int = 6) -> torch.Tensor:
    return noise_for([seed], (n, width))[0]


def at(*degrees: float) -> Seen:
    """Points on the unit circle."""
    angles = torch.tensor(degrees).deg2rad()
    return Seen(points=torch.stack([angles.cos(), angles.sin()], 1))


def test_likeness_is_the_mean_cosine_of_all_pairs() -> None:
    made, liked = Seen(points=cloud(1, 12)), Seen(points=cloud(2, 9))
    whose, by = ["a"] * 8 + ["b"] * 4, ["a"] * 3 + ["b"] * 6
    found = likeness("CLIP-I", made, whose, liked, by)
    one, other = made.points.double(), liked.points.double()
    cosines = torch.cosine_similarity(one[:, None], other[None], dim=2)
    each = torch.cat([cosines[:8, :3].mean(1), cosines[8:, 3:].mean(1)])
    assert found.figure.value / 100 == pytest.approx(float(each.mean()), abs=1e-15)
    assert (found.figure.n, found.figure.units, found.name) == (12, 2, "CLIP-I")


def test_likeness_by_hand() -> None:
    """Of a right angle's middle to both its sides: cos 45°."""
    found = likeness("CSD", at(45, 90), ["a", "a"], at(0, 90), ["a", "a"])
    assert found.figure.value == pytest.approx(100 * (0.5**0.5 + 0.5) / 2, abs=1e-4)
    with pytest.raises(BadInput, match="no reference pictures of b, c"):
        likeness("CSD", at(45, 90), ["c", "b"], at(0), ["a"])


def test_text_is_what_the_person_said_and_cuts_are_counted(clip: Clip) -> None:
    assert isinstance(clip, Encoder) and isinstance(clip, Words)
    pictures = [draw(any_scene(seed)) for seed in range(3)]
    prompts = ["a fish", "cat " * 90, "a fish"]
    made = Seeing(clip).see(pictures)
    found = clip_text(made, prompts, clip)
    expected = 100 * (made.points * clip.read(prompts)).sum(1).mean()
    assert found.figure.value == pytest.approx(float(expected), abs=1e-4)
    assert found.notes == ("1 of 2 prompts were cut",)
    assert (found.figure.n, found.figure.units) == (3, 2)  # intervals are over prompts
    assert clip_text(made[[0]], ["a fish"], clip).notes == ()


def test_diversity_by_hand() -> None:
    """Two alike, and three at 0°, 60°, 120°: 1 - 1, and 1 - (1/2 + 1/2 - 1/2) / 3."""
    found = diversity(at(10, 10, 0, 60, 120), ["a", "a", "b", "b", "b"])
    assert found.figure.value == pytest.approx((0 + 5 / 6) / 2, abs=1e-6)
    assert found.figure.units == 2
    with pytest.raises(BadInput, match="1 of 2 groups have a single picture"):
        diversity(at(1, 2, 3), ["a", "a", "b"])


def test_copies_are_nearer_than_references_are_to_each_other() -> None:
    references = at(0, 10, 40)  # nearest others: 10°, 10°, 30°
    found = copying(at(1, 25, 52, 180), references)
    assert found.nearest[[0, 2, 3]].tolist() == [0, 2, 2]  # 25° is as far from both
    assert found.cosine == pytest.approx(np.cos(np.deg2rad([1, 15, 12, 140])), abs=1e-6)
    assert found.limit == pytest.approx(np.cos(np.deg2rad(10)), abs=1e-6)
    assert found.share.figure.value == 1 / 4
    assert copying(at(1, 25, 52, 180), references, limit=0.97).share.figure.value == 2 / 4
    with pytest.raises(BadInput, match="One reference does not say"):
        copying(at(1), at(0))


def test_the_same_picture_is_a_copy_whatever_the_limit() -> None:
    points = cloud(3, 2)
    made = Seen(points=points, keys=(b"one", b"two"))
    references = Seen(points=-points, keys=(b"two", b"three"))
    assert copying(made, references, limit=2.0).share.figure.value == 0.5


def test_whose_pictures_they_are() -> None:
    people = at(0, 90, 180)
    found = retrieval(at(10, 80, 100, 60), list("abac"), people, list("abc"), first=(1, 2))
    # ranks: a at 10° first; b at 80° first; a at 100° third; c at 60° third
    # by person: a found in 1 of 2, b in 1 of 1, c in 0 of 1
    assert found.top[1].figure.value == pytest.approx(0.5)
    assert found.top[2].figure.value == pytest.approx(0.5)
    assert found.reciprocal.figure.value == pytest.approx(((1 + 1 / 3) / 2 + 1 + 1 / 3) / 3)
    assert found.chance == {1: 1 / 3, 2: 2 / 3}
    assert found.chance_reciprocal == pytest.approx((1 + 1 / 2 + 1 / 3) / 3)
    assert among(1, at(10, 80, 100, 60), list("abac"), people, list("abc")).tolist() == [1, 1, 0, 0]
    assert found.top[1].figure.units == 3 and "among 3 people" in found.top[1].protocol


def test_retrieval_by_chance_of_three_hundred() -> None:
    """All people alike: everyone is level, and chance is what is found."""
    people = Seen(points=torch.ones(300, 4))
    found = retrieval(Seen(points=torch.ones(5, 4)), range(5), people, range(300), first=(1, 5, 16))
    assert found.chance_reciprocal == pytest.approx(0.0209422129, abs=5e-11)
    assert found.reciprocal.figure.value == pytest.approx(0.0209422129, abs=5e-11)
    for k, measure in found.top.items():
        assert measure.figure.value == pytest.approx(k / 300) == found.chance[k]


def test_nobody_finds_themselves_by_their_own_picture() -> None:
    made, people = Seen(points=cloud(1, 2), keys=(b"x", b"y")), at(0, 90)
    people = Seen(points=cloud(2, 2), keys=(b"y", b"z"))
    with pytest.raises(BadInput, match="1 pictures are both asked about and what"):
        retrieval(made, ["a", "b"], people, ["a", "b"])
    with pytest.raises(BadInput, match="q cannot be found: not among the 2 people"):
        retrieval(made, ["a", "q"], people, ["a", "b"])


class Counting(Clip):
    """A CLIP that counts what it is shown."""

    shown = 0

    def see(self, pictures, **how):
        self.shown += len(pictures)
        return super().see(pictures, **how)


def test_every_picture_is_seen_once_and_remembered(clip: Clip, tmp_path) -> None:
    counting = Counting.of(clip.model, name="toy-clip")
    pictures = [draw(any_scene(seed)) for seed in (0, 1, 0)]
    seeing = Seeing(counting, tmp_path / "seen.safetensors")
    found = seeing.see(pictures)
    assert counting.shown == 2 and len(seeing) == 2
    assert torch.equal(found.points[0], found.points[2]) and found.keys[0] == found.keys[2]
    torch.testing.assert_close(found.points, clip.see(pictures), atol=1e-5, rtol=0)
    seeing.save()
    again = Seeing(counting, tmp_path / "seen.safetensors")
    assert torch.equal(again.see(pictures[::-1]).points, found.points.flip(0))
    assert counting.shown == 2
    assert key_of(pictures[0]) != key_of(pictures[0].reshape(64, 256, 3))


def test_what_another_encoder_saw_is_refused(clip: Clip, tmp_path) -> None:
    file = tmp_path / "seen.safetensors"
    seeing = Seeing(clip, file)
    seeing.see([draw(any_scene(0))])
    seeing.save()
    towers = {"patch": DEBUG.patch, "shared": DEBUG.shared}
    other = Clip.of(builtin.new_clip(DEBUG.reads, DEBUG.sees, seed=1, **towers), name="other")
    with pytest.raises(Mismatch, match=r"holds what toy-clip \(\w+\) after .* here is other \("):
        Seeing(other, file)
    with pytest.raises(BadInput, match="No pictures were given"):
        seeing.see([])


def test_preprocessing_is_said_in_words(clip: Clip) -> None:
    assert clip.preprocessing == (
        "resize height 128 width 128, bicubic, less 0.5 0.5 0.5, over 0.5 0.5 0.5"
    )


def test_eyes_are_not_mixed() -> None:
    eye = Eye(encoder=Mark(name="toy"), preprocessing="none")
    other = Seen(points=cloud(1, 3), eye=eye)
    for measure in (
        lambda: likeness("x", Seen(points=cloud(2, 3)), "abc", other, "abc"),
        lambda: copying(Seen(points=cloud(2, 3)), other),
        lambda: retrieval(Seen(points=cloud(2, 3)), "abc", other, "abc"),
    ):
        with pytest.raises(Mismatch, match=r"seen by points after none, others by toy after none"):
            measure()


def test_moods_by_hand() -> None:
    seen = ["awe", "awe", "fear", "awe", "anger", "fear"]
    wanted = ["awe", "awe", "awe", "fear", "fear", "fear"]
    found = moods_right(seen, wanted, MIKELS)
    assert (found.right.value, found.macro) == (0.5, pytest.approx((2 / 3 + 1 / 3) / 2))
    assert set(found.each) == {"awe", "fear"} and found.chance == 0.125
    assert moods_right(["awe"] * 3, ["awe", "awe", "fear"], MIKELS).macro == 0.5
    with pytest.raises(BadInput, match="2 moods were seen and 1 wanted; unknown: calm"):
        moods_right(["awe", "calm"], ["awe"], MIKELS)


def test_moods_of_drawings_follow_from_their_looks() -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        judge = Judge(widths=(8, 8)).eval()
    pictures = np.stack([draw(any_scene(seed)) for seed in range(4)])
    assert set(moods_of(judge.look_at(pictures))) <= set(MOODS)

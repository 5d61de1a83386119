"""A reader that remembers: the same states as without, and only what is new is heard."""

from collections.abc import Iterator

import pytest
import torch
from prefgen_toy import reader
from torch import Tensor
from torch.testing import assert_close

from palate.backbones.recall import Recall
from palate.methods.prefgen.asking import Shown, Wording
from palate.sketchbook.drawing import draw
from palate.sketchbook.scenes import any_scene

WORDING = Wording()
SEEN = reader().see([draw(any_scene(seed)) for seed in range(5)])


def asked(*places: int, prompt: str | None = None) -> tuple[str, Tensor]:
    """A history of some pictures, every second one liked, and the pictures."""
    shown = [Shown(i, n % 2 == 0, prompt) for i, n in enumerate(places)]
    return WORDING.history(shown) + WORDING.closing, SEEN[list(places)]


def fresh(text: str, seen: Tensor) -> Tensor:
    return reader().states([text], [seen])[0]


@pytest.fixture
def heard() -> Iterator[list[int]]:
    """How many tokens go into the text model, pass by pass."""
    counts: list[int] = []
    handle = reader().model.model.text_model.register_forward_pre_hook(
        lambda _, args, given: counts.append(given["inputs_embeds"].shape[1]), with_kwargs=True
    )
    yield counts
    handle.remove()


def length(text: str) -> int:
    return len(reader().tokens([text])[0])


def test_one_more_picture_costs_one_picture(heard: list[int]) -> None:
    recall = Recall(reader())
    for places in ((0, 1), (0, 1, 2), (0, 1, 2, 3)):
        text, seen = asked(*places)
        assert_close(recall.states([text], [seen])[0], fresh(text, seen), atol=1e-4, rtol=1e-4)
    whole = [length(asked(*places)[0]) for places in ((0, 1), (0, 1, 2), (0, 1, 2, 3))]
    one = whole[1] - whole[0]
    closing = length(WORDING.closing)
    assert heard[::2][0] == whole[0]
    assert all(one <= count <= one + closing for count in heard[::2][1:])
    assert heard[1::2] == whole


@pytest.mark.parametrize(
    "later", [(0, 1), (0,), (0, 1, 3, 2), (3, 1, 2), (0, 3, 2), (1, 0, 2), (4,), ()], ids=str
)
def test_whatever_was_heard_before_nothing_changes(later: tuple[int, ...]) -> None:
    recall = Recall(reader())
    recall.states(*([one] for one in asked(0, 1, 2)))
    text, seen = asked(*later)
    for _ in range(2):
        assert_close(recall.states([text], [seen])[0], fresh(text, seen), atol=1e-4, rtol=1e-4)


def test_the_same_words_over_other_pictures_are_another_text(heard: list[int]) -> None:
    """0 and 2 are both liked, 1 and 3 not: the texts are equal, the second picture is not."""
    recall = Recall(reader())
    (text, before), (same, seen) = asked(0, 1, 4), asked(0, 3, 4)
    assert text == same
    recall.states([text], [before])
    found = recall.states([text], [seen])[0]
    assert heard[0] // 2 < heard[1] < heard[0]  # two of three pictures
    assert_close(found, fresh(text, seen), atol=1e-4, rtol=1e-4)
    assert (found - fresh(text, before)).abs().max() > 1e-3


def test_told_prompts_are_part_of_what_was_heard() -> None:
    recall = Recall(reader())
    recall.states(*([one] for one in asked(0, 1)))
    text, seen = asked(0, 1, prompt="a cat")
    assert_close(recall.states([text], [seen])[0], fresh(text, seen), atol=1e-4, rtol=1e-4)


def test_who_was_heard_longest_ago_is_forgotten_first(heard: list[int]) -> None:
    recall = Recall(reader(), most=2)
    texts = [asked(0, 1), asked(2, 1), asked(0, 1), asked(4, 3), asked(2, 1)]
    for text, seen in texts:
        recall.states([text], [seen])
    whole = length(texts[0][0])
    assert heard == [whole, whole, 1, whole, whole]  # the same again: its last token
    assert len(recall._heard) == 2


def test_texts_go_one_by_one_in_their_order() -> None:
    recall, both = Recall(reader()), [asked(0, 1), asked(0, 1, 2)]
    texts, seen = [text for text, _ in both], [pictures for _, pictures in both]
    found = recall.states(texts, seen)
    assert_close(found, torch.stack([fresh(*one) for one in both]), atol=1e-4, rtol=1e-4)

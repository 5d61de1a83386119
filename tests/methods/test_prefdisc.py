"""PREFDISC: two questions in one row are two questions, and a loss can teach."""

from dataclasses import replace

import pytest
import torch
from prefgen_toy import reader

from palate.backbones import catalog
from palate.backbones.builtin.reader import new_reader, reader_processor
from palate.backbones.reader import Reader
from palate.errors import BadFile, BadInput
from palate.methods.prefgen.asking import Shown, Wording
from palate.methods.prefgen.loss import score
from palate.methods.prefgen.prefdisc import (
    UNASKED,
    Question,
    Weights,
    _logits,
    packed,
    prefdisc_loss,
    scores,
)
from palate.recipes import crowd
from palate.recipes import prefdisc as recipe
from palate.recipes import reader as reader_recipe
from palate.recipes.reader import DEBUG
from palate.recipes.recipe import changed, cook

WORDING = Wording()
ASKED = [
    Question([Shown(0, True, "a cat"), Shown(1, False)], "a cup", "a boat left of a tree"),
    Question([], None, "a fish"),
]


def pictures(count: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(count, 2, 32, generator=torch.Generator().manual_seed(seed))


def test_an_answer_in_one_row_is_the_answer_alone():
    one = reader()
    seen = [pictures(4), pictures(2, seed=1)]
    with torch.no_grad():
        logits = _logits(one.model, rows := packed(ASKED, one, WORDING), seen)
    told_of = logits[torch.arange(2)[:, None], rows.asked]
    yes, no = one.word("yes"), one.word("no")
    for row, question in enumerate(ASKED):
        for column, prompt in enumerate((question.liked, question.disliked)):
            count = len(question.shown)
            mine = torch.cat([seen[row][:count], seen[row][count + column :][:1]])
            alone = scores(one, [question.shown], [prompt], [mine], WORDING)
            packed_score = score(told_of[row, column][None].float(), yes, no)
            torch.testing.assert_close(packed_score, alone, atol=1e-5, rtol=0)


def test_answers_within_the_history_are_foretold_one_place_before():
    one = reader()
    rows = packed(ASKED, one, WORDING)
    places = (rows.told[0] != UNASKED).nonzero().flatten().tolist()
    said = [one.processor.tokenizer.decode(rows.told[0, place]) for place in places]
    assert said == ["yes", "no"]
    for place, word in zip(places, said, strict=True):
        assert one.processor.tokenizer.decode(rows.ids[0, place]) == ":"
        assert one.processor.tokenizer.decode(rows.ids[0, place + 1]) == word
    assert (rows.told[1] == UNASKED).all()  # it has no history
    history = len(one.tokens([WORDING.history(ASKED[0].shown)])[0])
    starts = rows.asked[0, 0] + 1  # of the second question, right after the history as the first
    assert rows.places[0, [history, starts]].tolist() == [history, history]


def test_a_portrait_is_foretold_as_if_it_stood_alone():
    """Word by word after the same history, and nothing in the row sees it."""
    one, likes = reader(), "warm colors, watercolor"
    seen = [pictures(4), pictures(2, seed=1)]
    told = [replace(ASKED[0], likes=likes), ASKED[1]]
    rows = packed(told, one, WORDING)
    assert (rows.said[1] == UNASKED).all()
    with torch.no_grad():
        logits = _logits(one.model, rows, seen)
        plain = _logits(one.model, without := packed(ASKED, one, WORDING), seen)
    asked = torch.arange(2)[:, None]
    torch.testing.assert_close(
        logits[asked, rows.asked], plain[asked, without.asked], atol=1e-5, rtol=0
    )
    places = (rows.said[0] != UNASKED).nonzero().flatten()
    said = one.processor.tokenizer.decode(rows.said[0, places])
    assert said == "warm colors, watercolor <end_of_utterance>"
    text = WORDING.portrait(ASKED[0].shown, likes)
    feed = one.feed([text], [seen[0][:2]])
    with torch.no_grad():
        alone = one.model(**feed, use_cache=False).logits[0]
    begins = len(one.tokens([WORDING.history(ASKED[0].shown) + WORDING.closing])[0]) - 1
    whole = alone[begins : begins + len(places)]
    torch.testing.assert_close(logits[0, places], whole, atol=1e-5, rtol=0)
    losses = prefdisc_loss(one, packed(told, one, WORDING), seen, WORDING, Weights(portrait=0.5))
    bare = prefdisc_loss(one, packed(told, one, WORDING), seen, WORDING, Weights(portrait=0.0))
    off = torch.nn.functional.cross_entropy(logits[0, places], rows.said[0, places])
    torch.testing.assert_close(losses["portrait"], off, atol=1e-5, rtol=0)
    torch.testing.assert_close(losses["loss"], bare["loss"] + 0.5 * off, atol=1e-5, rtol=0)


def test_it_learns_what_is_liked():
    """Everybody likes pictures that shine and none that do not."""
    sizes = DEBUG.sizes
    one = Reader(new_reader(sizes, seed=3), reader_processor(sizes.tokens))
    one.model.train().requires_grad_(True)
    optimizer = torch.optim.AdamW(one.model.parameters(), lr=3e-3)
    stream, shine, found = torch.Generator().manual_seed(0), pictures(1), []
    for _ in range(30):
        grain = torch.randn(8, 4, 2, 32, generator=stream)
        signs = torch.tensor([1.0, -1.0, 1.0, -1.0])[:, None, None]
        seen = list(grain + signs * shine)
        questions = [Question([Shown(0, True), Shown(1, False)])] * 8
        found.append(prefdisc_loss(one, packed(questions, one, WORDING), seen, WORDING, Weights()))
        found[-1]["loss"].backward()
        optimizer.step()
        optimizer.zero_grad()
    assert sum(one["right"].item() for one in found[-5:]) / 5 > 0.95
    assert found[-1]["loss"] < 0.3 * found[0]["loss"]


def test_a_history_without_answers_adds_nothing():
    one = reader()
    seen = [pictures(2, seed=1)]
    every, none = (
        prefdisc_loss(one, packed(ASKED[1:], one, WORDING), seen, WORDING, Weights(every=w))["loss"]
        for w in (1.0, 0.0)
    )
    assert every == none


def test_answers_must_be_one_token():
    with pytest.raises(BadInput, match="'zebra' is 5 tokens to toy-reader, not one"):
        reader().word("zebra")


def test_histories_hold_as_many_of_both_sides_and_ask_about_another_pair():
    stream = torch.Generator().manual_seed(0)
    seen = torch.arange(2 * 6).float().reshape(2, 6, 1, 1)  # liked 0 to 5, disliked 6 to 11
    prompts = [(f"liked {i}", f"disliked {i}") for i in range(6)]
    question, pictures = crowd.asked(prompts, seen, 3, stream)
    numbers = pictures.flatten().int().tolist()
    assert len(numbers) == 8 and len(set(numbers)) == 8
    assert [one.liked for one in question.shown] == [number < 6 for number in numbers[:6]]
    assert [one.prompt for one in question.shown] == [
        f"liked {n}" if n < 6 else f"disliked {n - 6}" for n in numbers[:6]
    ]
    assert numbers[7] == numbers[6] + 6  # the same pair's two sides
    assert (question.liked, question.disliked) == prompts[numbers[6]]
    orders = {tuple(one.liked for one in crowd.asked(prompts, seen, 3, stream)[0].shown)}
    orders |= {tuple(o.liked for o in crowd.asked(None, seen, 3, stream)[0].shown) for _ in "abc"}
    assert len(orders) > 1


def test_a_crowd_is_people_of_one_split():
    crowds = [recipe.Crowd(split=split, people=30, pairs=3) for split in ("train", "test")]
    train, test = (crowd.numbers() for crowd in crowds)
    assert len(train) == len(test) == 30
    assert not set(train) & set(test)
    everybody = [pair for person in crowds[1].scenes() for pair in person]
    assert len(everybody) == 90
    assert all(liked.content == disliked.content for liked, disliked in everybody)


def test_adapters_learn_alone_and_come_back_with_the_reader_they_began_from(tmp_path):
    cook(reader_recipe.DEBUG, tmp_path / "reader")
    begun = tmp_path / "reader" / "model"
    with_lora = changed(recipe.DEBUG, [f"reader={begun}", "lora=2"])
    parts = with_lora.parts()
    learns = sum(p.numel() for p in parts.modules["text"].parameters())
    each = 4 * 32 + 2 * 16 + 2 * 32  # in and out of q, k, v, o at widths 32 and 16, times the rank
    assert learns == 2 * 16 * (each + 32)
    stream = torch.Generator().manual_seed(0)
    people, seen = zip(*(parts.items[i] for i in range(2)), strict=True)
    batch = torch.tensor(people), torch.stack([torch.from_numpy(one) for one in seen])
    parts.loss(batch, stream)["loss"].backward()
    frozen = [n for n, p in parts.reader.model.named_parameters() if p.grad is None]
    assert not any("lora" in name for name in frozen)
    assert len(frozen) + 2 * 4 * 16 == len(list(parts.reader.model.parameters()))
    cook(with_lora, tmp_path / "lora")
    kept = catalog.reader(tmp_path / "lora" / "model")
    assert {p.name for p in (tmp_path / "lora" / "model").iterdir()} >= {
        "adapter_config.json",
        "adapter_model.safetensors",
    }
    plain = catalog.reader(begun)
    texts, nothing = ["User: a cat<end_of_utterance>"], [torch.zeros(0, 2, 32)]
    gap = kept.logits(texts, nothing) - plain.logits(texts, nothing)
    assert gap.abs().max() > 0
    assert kept.mark.fingerprint != plain.mark.fingerprint
    (tmp_path / "lora" / "model" / "adapter_model.safetensors").unlink()
    with pytest.raises(BadFile, match=r"adapter_model\.safetensors cannot be read"):
        catalog.reader(tmp_path / "lora" / "model")

"""What is known beside the answers, and whom it is learned from: counted by hand."""

from dataclasses import replace

import pytest
import torch
from prefgen_toy import reader
from torch import nn

from palate.methods.prefgen.asking import Shown, Wording
from palate.methods.prefgen.prefdisc import Question, packed
from palate.recipes.crowd import Crowd, looked_at, prompts_of
from palate.recipes.knowing import LAYERS, Knowing, Known, Turns, counted, listening, off
from palate.recipes.lessons import Lessons
from palate.recipes.looks import spread
from palate.recipes.minds import MOST, mind
from palate.sketchbook.vocabulary import OFFSETS, SIZES

FIRST = torch.zeros(12, dtype=torch.long)  # the first value of every dimension
SECOND = torch.ones(12, dtype=torch.long)


def test_tallies_and_fits_by_hand():
    """The first is liked, the second disliked; the first and the second are asked about."""
    looks = torch.stack([FIRST, SECOND, FIRST, SECOND])[None]
    true = counted(looks, torch.tensor([[1.0, -1.0]]))
    one, other = spread(FIRST), spread(SECOND)
    assert one[0].item() == pytest.approx(1 - 1 / SIZES[0])
    assert one[1].item() == pytest.approx(-1 / SIZES[0])
    torch.testing.assert_close(true.verdicts[0], torch.stack([one, -other]))
    last = (one - other) / 2
    torch.testing.assert_close(true.tallies[0], torch.stack([0 * one, one, last]))
    torch.testing.assert_close(true.before[0], torch.stack([0 * one, one, last, last]))
    # One look has twelve values; beside another it shares none.
    same = sum(1 - 1 / size for size in SIZES)
    unlike = -sum(1 / size for size in SIZES)
    fits = [0.0, unlike, (same - unlike) / 2, (unlike - same) / 2]
    assert true.fits[0, :, 0].tolist() == pytest.approx(fits, abs=1e-5)


def test_a_guess_of_nothing_is_off_by_one_and_the_truth_by_nothing():
    true = torch.randn(3, 4, 5, generator=torch.Generator().manual_seed(0))
    true[:, 1] *= 100  # a turn that is large counts no more than the others
    assert off(true, true) == 0
    assert off(0 * true, true).item() == pytest.approx(1, abs=1e-5)
    assert off(true * torch.tensor([1.0, 0.0, 1.0, 1.0])[:, None], true).item() == pytest.approx(
        0.25
    )


def test_turns_are_found_in_the_text():
    one, wording = reader(), Wording()
    shown = [Shown(0, True), Shown(1, False), Shown(2, True)]
    asked = Question(shown, "a cat", "a cup", likes="warm colors")
    rows = packed([asked, replace(asked, shown=shown[::-1])], one, wording)
    turns = Turns.of(rows, one.word("yes"))
    assert turns.signs.tolist() == [[1, -1, 1], [1, -1, 1]]
    words = rows.ids.gather(1, turns.said)
    assert words[0].tolist() == [one.word("yes"), one.word("no"), one.word("yes")]
    assert turns.open.shape == (2, 5)
    torch.testing.assert_close(turns.open[:, :3] + 1, turns.said)
    torch.testing.assert_close(turns.open[:, 3:], rows.asked)
    after = one.processor.tokenizer.decode(rows.ids.gather(1, turns.end + 1)[0])
    assert after.strip() == "warm"


def test_heads_hear_their_own_layers_and_learn_what_is_there():
    """States in which everything stands as it is: heads that only pass it on miss nothing."""
    looks = torch.stack([FIRST, SECOND, SECOND, FIRST])[None].expand(2, -1, -1)
    signs = torch.tensor([[1.0, -1.0], [-1.0, 1.0]])
    end = torch.tensor([[6]] * 2)
    turns = Turns(torch.tensor([[0, 2, 4, 5]] * 2), torch.tensor([[1, 3]] * 2), signs, end)
    true, knowing = counted(looks, signs), Knowing(50)
    heard = {name: torch.zeros(2, 7, 50) for name in LAYERS}
    heard["look"][:, [0, 2, 4, 5]] = 50 * spread(looks)
    heard["verdict"][:, [1, 3]] = true.verdicts
    heard["tally"][:, [1, 3]] = true.tallies[:, 1:]
    heard["tally"][:, [2, 4, 5]] = true.before[:, 1:]
    heard["tally"][:, [6]] = true.tallies[:, -1:]
    heard["fit"][:, [2, 4, 5], :1] = true.fits[:, 1:]
    for head in knowing.children():
        head[0] = nn.Identity()
        with torch.no_grad():
            head[1].weight.copy_(torch.eye(50)[: len(head[1].weight)])
            head[1].bias.zero_()
    missed = knowing.missed(heard, turns, looks)
    assert all(value.item() < 1e-4 for value in missed.values())
    silent = {name: torch.zeros_like(states) for name, states in heard.items()}
    blank = knowing.missed(silent, turns, looks)
    assert blank["verdict"].item() == pytest.approx(1)
    assert blank["tally"].item() == pytest.approx(1)
    assert blank["fit"].item() == pytest.approx(1)
    weights = Known(look=0.0, verdict=2.0, tally=0.5, fit=3.0)
    assert weights.total({"loss": torch.tensor(1.0), **blank}).item() == pytest.approx(6.5)


def test_a_reader_is_listened_to_only_while_it_lasts():
    one = reader()
    layers = one.model.model.text_model.layers
    text = one.processor(text=["User: a cat"], return_tensors="pt")
    with torch.no_grad(), listening(one) as heard:
        states = one.model.model(**text, output_hidden_states=True).hidden_states
    one.model.model(**text)
    for name, share in LAYERS.items():
        assert len(heard[name]) == 1
        torch.testing.assert_close(heard[name][0], states[int(share * len(layers))])


def test_people_of_one_mind_like_what_fits_it():
    generator = torch.Generator().manual_seed(0)
    sizes = torch.tensor(SIZES)
    looks = (torch.rand(500, 12, generator=generator) * sizes).long()
    seen = set()
    for _ in range(20):
        new = mind(looks, 4, generator)
        assert new.likes.square().mean().item() == pytest.approx(1, abs=1e-5)
        cares = [bool(part.any()) for part in new.likes.split(SIZES)]
        assert 1 <= sum(cares) <= MOST
        seen.add(tuple(cares))
        pleases = new.likes[looks[new.pictures] + torch.tensor(OFFSETS)].sum(-1)
        assert pleases[0].min() > pleases[1].max()
        assert new.words
    assert len(seen) > 10


def test_a_lesson_is_the_persons_own_or_somebody_elses():
    one, crowd = reader(), Crowd(split="train", people=3, pairs=4)
    everybody = looked_at(crowd, one)
    own = Lessons(crowd=crowd, seen=everybody, prompts=1.0, clear=0.0, portrait=2)
    lesson = own.one(1, 2, torch.Generator().manual_seed(0))
    assert lesson.looks.shape == (6, 12)
    told = {prompt for pair in prompts_of(crowd.scenes()[1]) for prompt in pair}
    assert {shown.prompt for shown in lesson.question.shown} <= told
    assert lesson.question.liked in told
    mine = torch.from_numpy(everybody.seen[1]).float().flatten(0, 1)
    assert all(any(torch.equal(seen, other) for other in mine) for seen in lesson.seen)
    other = Lessons(crowd=crowd, seen=everybody, prompts=0.0, clear=1.0, portrait=2)
    made_up = other.one(1, 2, torch.Generator().manual_seed(0))
    assert {shown.prompt for shown in made_up.question.shown} == {None}
    assert [shown.liked for shown in made_up.question.shown].count(True) == 2

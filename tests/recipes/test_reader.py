"""The built-in reader: how it is asked, what it is taught, and what it leaves behind."""

import numpy as np
import pytest
import torch
import transformers
from safetensors.torch import load_file

from palate.backbones import catalog
from palate.backbones.builtin.reader import (
    Seen,
    new_reader,
    picture_tokens,
    reader_processor,
    tokens_of,
)
from palate.backbones.judges import HEADS, NOBODY
from palate.backbones.lexicon import reader_tokenizer
from palate.backbones.reader import Reader, asked
from palate.errors import BadFile, BadInput, Mismatch
from palate.recipes import eyes, reader
from palate.recipes.questions import Turn, about_category, as_text, described, talk
from palate.recipes.recipe import changed, cook
from palate.sketchbook.drawing import draw
from palate.sketchbook.scenes import Content, Scene, any_scene, look_of
from palate.sketchbook.vocabulary import CATEGORIES, DIMENSIONS
from palate.sketchbook.words import caption, read

CAT = Scene(
    content=Content(subject="cup", relation="right of", other="cat"),
    look=look_of(palette="sepia", framing="close-up"),
)
FISH = Scene(content=Content(subject="fish"), look=look_of(palette="sepia", tilt="leaning left"))


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    folder = tmp_path_factory.mktemp("reader")
    cook(changed(reader.DEBUG, ["tested=1"]), folder)
    return folder / "model"


# ---- words


def test_every_word_of_the_world_and_of_the_questions_is_one_token():
    tokenizer = reader_tokenizer()
    for seed in range(100):
        text = caption(any_scene(seed), tuple(DIMENSIONS), mood=True)
        ids = tokenizer(text).input_ids
        assert tokenizer.unk_token_id not in ids
        assert len(ids) == len(text.replace(",", " ,").split())
        assert tokenizer.decode(ids) == text  # so that answers can be read back
    assert tokenizer.tokenize("zoo") == ["z", "##o", "##o"]


def test_training_and_asking_write_a_conversation_alike():
    pictures = [np.zeros((128, 128, 3), np.uint8), np.full((128, 128, 3), 255, np.uint8)]
    turns = [Turn("What do these pictures share?", "nothing")]
    ids, labels, mask = reader.labelled([as_text(2, turns)], tokens=4)
    processor = reader_processor(4)
    conversation = asked(turns[0].question, *pictures)
    how = {"tokenize": True, "return_dict": True, "return_tensors": "pt"}
    given = processor.apply_chat_template([conversation], add_generation_prompt=True, **how)
    count = given["input_ids"].shape[1]
    assert ids[0, :count].tolist() == given["input_ids"][0].tolist()
    assert set(labels[0, :count].tolist()) == {NOBODY}
    said = labels[0][labels[0] != NOBODY]
    assert processor.tokenizer.decode(said) == "nothing <end_of_utterance>"
    assert mask.all()


# ---- what it is taught


def test_what_is_seen_does_not_depend_on_how_it_was_put():
    assert described(CAT).startswith("a cat left of a cup, sepia, flat color, plain backdrop")
    assert read(described(CAT)).content == Content(subject="cat", relation="left of", other="cup")
    assert described(CAT).endswith("level, nostalgic mood")


def test_answers_by_hand():
    luck = np.zeros(12)
    describe, category, dimension, truly = talk([CAT], luck)
    assert describe.answer == described(CAT)
    assert category == Turn(
        about_category(next(iter(CATEGORIES))),
        "flat color, no outline, rounded shapes, smooth surface",
    )
    assert dimension == Turn("What is its palette?", "sepia")
    assert truly == Turn("Is it sepia?", "yes")
    falsely = talk([CAT], np.array([0.0] * 9 + [0.99, 0.0, 0.0]) + 0.6 * np.eye(12)[2])
    assert [turn.answer for turn in falsely if turn.question.startswith("Is it")] == ["yes"]
    which, shared, nth, _ = talk([CAT, FISH], luck)
    assert which == Turn("Which pictures show sepia?", "first, second")
    assert shared.answer.startswith("sepia, flat color") and "level" not in shared.answer
    assert nth == Turn("Describe the first picture.", described(CAT))


def test_pictures_are_shown_alone_and_together():
    scenes = [any_scene(seed) for seed in range(24)]
    talks = reader.talks(scenes, torch.Generator().manual_seed(0))
    assert [count for count, _ in talks] == [1] * 6 + [2] * 3 + [3] * 2 + [4, 2]
    assert sum(count for count, _ in talks) == 24


# ---- the model


def test_it_begins_with_the_eyes_of_another_and_leaves_them_as_they_are(tmp_path):
    cook(eyes.DEBUG, tmp_path / "eyes")
    recipe = changed(reader.DEBUG, [f"eyes={tmp_path / 'eyes' / 'model'}", "tested=1"])
    cook(recipe, tmp_path / "reader")
    seeing, talking = (
        load_file(tmp_path / name / "model" / "model.safetensors") for name in ("eyes", "reader")
    )
    same = {name for name in seeing if torch.equal(seeing[name], talking[name])}
    assert {name for name in same if "text_model" not in name} == {
        name for name in seeing if "text_model" not in name
    }
    assert not any("text_model.layers.0" in name for name in same)


def test_pictures_are_looked_at_once_and_learned_from_alike(tmp_path):
    drawn, kept = (
        changed(reader.DEBUG, [f"cache={cache}", "pictures=8"]).parts()
        for cache in ("None", tmp_path)
    )
    (_, pixels), (seed, tokens) = drawn.items[5], kept.items[5]
    assert pixels.shape == (128, 128, 3) and tokens.shape == (2, 32)
    losses = [
        parts.loss(
            (torch.tensor([seed]), torch.as_tensor(given)[None]), torch.Generator().manual_seed(0)
        )
        for parts, given in ((drawn, pixels), (kept, tokens))
    ]
    torch.testing.assert_close(losses[0], losses[1], rtol=1e-3, atol=1e-3)  # kept in halves


@torch.no_grad()
def test_pictures_come_in_alike_by_either_door():
    model = new_reader(reader.DEBUG.sizes).eval()
    pictures = np.stack([draw(any_scene(seed)) for seed in range(3)])
    tokens = picture_tokens(model, torch.from_numpy(pictures))
    assert tokens.shape == (3, 2, 32)
    assert (tokens[:, 0] - tokens[:, 1]).abs().max() > 0.1  # each token says something else
    shown = [reader_processor(2).image_processor([list(pictures)], return_tensors="pt")]
    stock = model.model.get_image_features(**shown[0], return_dict=True).pooler_output
    torch.testing.assert_close(tokens.flatten(0, 1), torch.cat(stock), atol=1e-5, rtol=0)


def test_what_is_kept_loads_by_stock_classes(kept):
    model = transformers.Idefics2ForConditionalGeneration.from_pretrained(kept)
    assert type(transformers.AutoProcessor.from_pretrained(kept)).__name__ == "Idefics2Processor"
    assert model.dtype == torch.float32
    stored = load_file(kept / "model.safetensors")
    assert {t.dtype for t in stored.values()} == {torch.bfloat16}
    assert not any(name.startswith("heads") for name in stored)


def test_an_answer_does_not_depend_on_its_neighbours(kept):
    found = catalog.reader(kept)
    pictures = [draw(any_scene(seed)) for seed in range(3)]
    questions = [
        asked("What is its palette?", pictures[0]),
        asked("What do these pictures share?", *pictures),
        asked("Describe the picture.", pictures[1]),
    ]
    together = found.answer(questions, most=6)
    assert together == [found.answer([question], most=6)[0] for question in questions]
    assert all(isinstance(answer, str) for answer in together)


def test_what_was_seen_once_stands_for_the_picture(kept):
    found = catalog.reader(kept)
    pictures = [draw(any_scene(seed)) for seed in range(3)]
    conversation = asked("What do these pictures share?", *pictures)
    given = found._given([conversation])
    with torch.no_grad():
        whole = found.model(**given, output_hidden_states=True)
    seen = found.see(pictures)
    assert seen.shape == (3, 2, 32)
    text = "User:<image><image><image>What do these pictures share?<end_of_utterance>\nAssistant:"
    states = found.states([text, "User: a cat<end_of_utterance>"], [seen, seen[:0]])
    assert states.shape == (2, found.layers + 1, found.width) == (2, 17, 32)
    last = torch.stack([layer[0, -1] for layer in whole.hidden_states])
    torch.testing.assert_close(states[0], last, atol=1e-5, rtol=0)
    alone = found.states([text], [seen])
    torch.testing.assert_close(states[:1], alone, atol=1e-5, rtol=0)
    with pytest.raises(Mismatch, match="A text has 3 places for pictures, and 2 were given"):
        found.states([text], [seen[:2]])


def test_what_is_wrong_is_said(kept, tmp_path):
    with pytest.raises(BadInput, match="A conversation is empty"):
        catalog.reader(kept).answer([[]])
    with pytest.raises(Mismatch, match="sketchbook-judge is a judge; what is needed here is one"):
        catalog.reader("sketchbook-judge")
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "config.json").write_bytes((kept / "config.json").read_bytes())
    with pytest.raises(BadFile, match=r"model\.safetensors does not exist"):
        catalog.reader(broken)
    with pytest.raises(BadInput, match="Run `palate train sketchbook-eyes` first"):
        changed(reader.READER, [f"eyes={tmp_path / 'none'}"]).parts()


def test_the_heads_hear_of_every_dimension():
    logits = Seen(8, HEADS)(torch.zeros(2, 8))
    assert {name: head.shape[1] for name, head in logits.items()} == HEADS


def test_empty_text_is_no_tokens():
    assert [len(ids) for ids in tokens_of(["\n", "a cat"])] == [0, 2]


def test_a_reader_knows_what_it_is(kept):
    model = transformers.Idefics2ForConditionalGeneration.from_pretrained(kept)
    one = Reader(model, reader_processor(2), name="mine")
    assert one.mark.name == "mine"
    assert one.mark.fingerprint == catalog.reader(kept).mark.fingerprint

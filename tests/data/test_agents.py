from collections import Counter
from itertools import pairwise

import numpy as np
import pyarrow.parquet as pq
import pytest

from palate.data import agents, shards
from palate.data.agents import Population, pairs_table, people_table
from palate.errors import BadInput
from palate.sketchbook.drawing import draw
from palate.sketchbook.people import World, affinities, attributes, utility
from palate.sketchbook.scenes import CONTENTS, Content, look_to_codes

SMALL = Population(people=60, pictures=2 * 305)


def test_pictures_are_shared_out_in_pairs():
    counts = SMALL.pairs_of(np.arange(60))
    assert Counter(counts.tolist()) == {6: 5, 5: 55}  # 305 pairs, five left over after 5 each
    assert pairs_table(np.arange(60), SMALL).num_rows == 305


def test_the_paper_s_population_is_the_default():
    counts = Population().pairs_of(np.arange(50_153))
    assert 2 * counts.sum() == 990_998
    assert set(counts.tolist()) == {9, 10}


def test_people_and_prompts_are_split_without_overlap():
    rows = pairs_table(np.arange(400), Population(people=400, pictures=800 * 8)).to_pylist()
    of_person, of_content = {}, {}
    for row in rows:
        assert of_person.setdefault(row["person"], row["split"]) == row["split"]
        assert of_content.setdefault(row["content"], row["split"]) == row["split"]
    assert set(of_person.values()) == set(agents.SPLITS)


def test_a_tenth_of_the_arrangements_is_held_out_each_way():
    split = agents.split_of_contents()
    layout = np.array([c.arrangement[0] for c in CONTENTS])
    assert Counter(split[layout == "alone"].tolist()) == {0: 10, 1: 1, 2: 1}
    assert Counter(split[layout == "stacked"].tolist()) == {0: 106, 1: 13, 2: 13}
    assert Counter(split[layout == "beside"].tolist()) == {0: 212, 1: 26, 2: 26}  # said two ways


def test_two_ways_to_say_one_picture_are_held_out_together():
    split = dict(zip(CONTENTS, agents.split_of_contents().tolist(), strict=True))
    for content in CONTENTS:
        if content.relation == "left of":
            said = Content(subject=content.other, relation="right of", other=content.subject)
            assert split[said] == split[content]


def test_a_person_does_not_depend_on_how_many_there_are():
    few = pairs_table(np.array([7]), Population(people=8, pictures=2 * 8 * 5))
    many = pairs_table(np.arange(60), Population(people=60, pictures=2 * 60 * 5))
    assert few.to_pylist() == [r for r in many.to_pylist() if r["person"] == 7]


def test_what_a_person_likes_is_liked_more():
    table = pairs_table(np.arange(60), SMALL)
    taste = affinities(np.arange(60), SMALL.world)
    wins = [
        utility(taste[person], np.array(look_to_codes(a.look), np.uint8))
        > utility(taste[person], np.array(look_to_codes(b.look), np.uint8))
        for person, (a, b) in zip(table["person"].to_pylist(), agents.scenes(table), strict=True)
    ]
    assert np.mean(wins) > 0.93


def test_a_row_can_be_drawn():
    liked, disliked = next(agents.scenes(pairs_table(np.array([0]), SMALL)))
    assert liked.content == disliked.content
    assert draw(liked).shape == draw(disliked).shape == (128, 128, 3)


def test_the_words_of_a_person_are_those_of_the_affinities():
    row = people_table(np.array([4]), SMALL).to_pylist()[0]
    liked, disliked = attributes(affinities([4], SMALL.world)[0])
    assert (row["liked"], row["disliked"]) == (liked, disliked)
    np.testing.assert_allclose(row["affinity"], affinities([4], SMALL.world)[0], atol=1e-6)


def test_a_build_is_whole_and_the_same_again(tmp_path):
    first = agents.build(tmp_path / "a", SMALL)
    assert [s.file for s in first] == ["people-00000.parquet", "pairs-00000.parquet"]
    assert [s.rows for s in first] == [60, 305]
    assert agents.build(tmp_path / "b", SMALL) == first
    assert pq.read_schema(tmp_path / "a" / "pairs-00000.parquet").equals(agents.PAIRS)


def test_another_population_may_not_move_in(tmp_path):
    agents.build(tmp_path, SMALL)
    other = Population(people=60, pictures=2 * 305, world=World(seed=1))
    with pytest.raises(BadInput, match="holds another build: world differ"):
        agents.build(tmp_path, other)


def test_a_missing_shard_is_made_again(tmp_path):
    first = agents.build(tmp_path, SMALL)
    manifest = (tmp_path / shards.MANIFEST).read_bytes()
    (tmp_path / "pairs-00000.parquet").unlink()
    (tmp_path / ".pairs-00000.parquet.1.part").write_bytes(b"half")
    assert agents.build(tmp_path, SMALL) == first
    assert (tmp_path / shards.MANIFEST).read_bytes() == manifest
    assert not list(tmp_path.glob("*.part")) + list(tmp_path.glob(".*.part"))


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"people": 0, "pictures": 2}, "at least 1"),
        ({"people": 10, "pictures": 21}, "even number of at least 20"),
        ({"people": 10, "pictures": 18}, "even number of at least 20"),
        ({"people": 10, "pictures": 20, "validation": 0.6, "test": 0.5}, "leave some to train"),
    ],
)
def test_an_impossible_population_is_refused(settings, complaint):
    with pytest.raises(BadInput, match=complaint):
        Population(**settings)


def test_seeds_of_pictures_do_not_repeat():
    seeds = np.sort(pairs_table(np.arange(60), SMALL)["liked_seed"].to_numpy())
    assert all(a != b for a, b in pairwise(seeds))

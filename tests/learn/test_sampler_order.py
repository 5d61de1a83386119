import pytest
import torch
from learn_toys import Line
from torch.utils.data import default_collate

from palate.errors import BadInput
from palate.learn.sampler import Order, batches, draw
from palate.learn.settings import Fit


def stream(order: Order, steps: int) -> list[int]:
    return [i for step in range(steps) for s in order.starts(step) for i in order.indices(s)]


def test_every_item_comes_once_in_an_epoch():
    seen = stream(Order(items=12, seed=3, batch=4), 6)
    assert sorted(seen[:12]) == sorted(seen[12:]) == list(range(12))
    assert seen[:12] != seen[12:]


def test_epochs_join_without_a_gap_when_batches_do_not_fit():
    seen = stream(Order(items=5, seed=0, batch=4), 5)
    assert all(sorted(seen[5 * e : 5 * e + 5]) == list(range(5)) for e in range(4))


def test_a_step_needs_no_step_before_it():
    order = Order(items=1000, seed=7, batch=16)
    assert order.indices(order.starts(40)[0]) == stream(order, 41)[-16:]


def test_processes_share_the_order_of_one():
    alone = Order(items=30, seed=1, batch=8)
    both = [Order(items=30, seed=1, batch=8, accumulate=2, processes=2, rank=r) for r in (0, 1)]
    parts = [[order.indices(start) for start in order.starts(5)] for order in both]
    dealt = [index for pair in zip(*parts, strict=True) for part in pair for index in part]
    assert dealt == alone.indices(alone.starts(5)[0])


def test_what_the_loss_draws_depends_on_the_place_in_the_stream_alone():
    cut = Order(items=30, seed=1, batch=8, accumulate=2).starts(3)
    spread = [Order(items=30, seed=1, batch=8, processes=2, rank=r).starts(3)[0] for r in (0, 1)]
    assert [draw(1, start) for start in cut] == [draw(1, start) for start in spread]
    assert len({draw(seed, start) for seed in (1, 2) for start in cut}) == 4


def test_a_batch_that_cannot_be_shared_is_refused():
    with pytest.raises(
        BadInput, match="A batch of 6 cannot be cut into 2 equal parts on each of 2"
    ):
        Order(items=30, seed=1, batch=6, accumulate=2, processes=2)


def test_an_empty_data_set_is_refused():
    with pytest.raises(BadInput, match="holds 0 items"):
        Order(items=0, seed=1, batch=6)


@pytest.mark.parametrize("first", [0, 9])
def test_workers_change_nothing(first):
    def come(workers: int) -> torch.Tensor:
        config = Fit(steps=12, batch=8, accumulate=2, lr=0.1, workers=workers)
        order = Order(items=50, seed=0, batch=8, accumulate=2)
        made = batches(Line(), order, config, first=first, collate=default_collate)
        return torch.stack([x for x, _ in made])

    assert torch.equal(come(0), come(2))

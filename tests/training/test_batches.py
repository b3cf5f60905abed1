from hypothesis import given
from hypothesis import strategies as st

from cogspeech.training.batches import plan_epoch, plan_passes, share_of

LENGTHS = st.lists(st.tuples(st.integers(1, 60), st.integers(1, 90)), min_size=1, max_size=40)


@given(count=st.integers(1, 50), batch_size=st.integers(1, 20), seed=st.integers(0, 2**31 - 1))
def test_an_epoch_has_everybody_once(count, batch_size, seed):
    steps = plan_epoch(count, batch_size=batch_size, seed=seed, epoch=3)

    assert sorted(index for step in steps for index in step) == list(range(count))
    assert all(len(step) == batch_size for step in steps[:-1])


def test_every_epoch_and_every_seed_has_an_order_of_its_own():
    orders = {
        plan_epoch(30, batch_size=8, seed=seed, epoch=epoch) for seed in (1, 2) for epoch in (0, 1)
    }

    assert len(orders) == 4
    assert plan_epoch(30, batch_size=8, seed=1, epoch=1) in orders


@given(lengths=LENGTHS, padded_items=st.integers(1, 400))
def test_passes_keep_the_budget_and_lose_nobody(lengths, padded_items):
    step = tuple(range(len(lengths)))

    passes = plan_passes(step, lengths, padded_items=padded_items)

    assert sorted(index for indices in passes for index in indices) == list(step)
    for indices in passes:
        events, tokens = zip(*[lengths[i] for i in indices], strict=True)
        assert len(indices) == 1 or len(indices) * (max(events) + max(tokens)) <= padded_items


@given(lengths=LENGTHS)
def test_passes_are_sorted_by_length(lengths):
    passes = plan_passes(tuple(range(len(lengths))), lengths, padded_items=150)

    sums = [sum(lengths[i]) for indices in passes for i in indices]
    assert sums == sorted(sums)


@given(lengths=LENGTHS, data=st.data())
def test_passes_do_not_depend_on_the_order_of_a_step(lengths, data):
    step = tuple(data.draw(st.permutations(range(len(lengths)))))

    assert plan_passes(step, lengths, padded_items=150) == plan_passes(
        tuple(sorted(step)), lengths, padded_items=150
    )


@given(count=st.integers(1, 30), processes=st.integers(1, 5))
def test_processes_share_a_step_without_overlap(count, processes):
    step = tuple(range(100, 100 + count))

    shares = [share_of(step, index, processes) for index in range(processes)]

    assert sorted(index for share in shares for index in share) == list(step)
    assert max(map(len, shares)) - min(map(len, shares)) <= 1

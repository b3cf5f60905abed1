"""The search for the best path: against every path, against a plain table, against torch."""

import itertools
import tracemalloc

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cogspeech.transcripts import viterbi
from cogspeech.transcripts.viterbi import align_labels

BLANK, WILD = 0, -1
SCORES = st.floats(-20, 0, width=32)


@st.composite
def problems(draw, labels=(1, 2), max_frames=6):
    """Scores of 3 labels in a few frames, and a text that fits into them."""
    num_frames = draw(st.integers(1, max_frames))
    targets = draw(st.lists(st.sampled_from(labels), min_size=1, max_size=num_frames))
    while len(targets) + _repeats(targets) > num_frames:
        targets.pop()
    log_probs = draw(arrays(np.float32, (num_frames, 3), elements=SCORES))
    return log_probs, np.array(targets, dtype=np.int64)


def _repeats(targets) -> int:
    return sum(a == b != WILD for a, b in itertools.pairwise(targets))


def _random_problem(frames, items, labels, seed):
    generator = np.random.default_rng(seed)
    log_probs = generator.standard_normal((frames, labels)).astype(np.float32) * 3
    return log_probs, generator.integers(1, labels, items)


def _emitted(log_probs, target) -> np.ndarray:
    """What a target scores in every frame."""
    if target == WILD:
        return np.delete(log_probs, BLANK, axis=1).max(axis=1)
    return log_probs[:, target]


def _score(log_probs, targets, spans) -> float:
    """Of the path that has the blank wherever no span is. Checks that it is one."""
    scores = log_probs[:, BLANK].astype(np.float64).copy()
    until = 0
    for item, (first, last) in enumerate(spans):
        is_repeat = item and targets[item] == targets[item - 1] != WILD
        assert until + bool(is_repeat) <= first < last <= len(log_probs)
        scores[first:last] = _emitted(log_probs, targets[item])[first:last]
        until = last
    return scores.sum()


def _every_span(num_frames, targets, item=0, at=0):
    """All ways to place the targets."""
    if item == len(targets):
        yield ()
        return
    at += bool(item and targets[item] == targets[item - 1] != WILD)
    for first in range(at, num_frames):
        for last in range(first + 1, num_frames + 1):
            for rest in _every_span(num_frames, targets, item + 1, last):
                yield ((first, last), *rest)


def _best_in_a_table(log_probs, targets) -> float:
    """The textbook's recursion, a state at a time."""
    states = [BLANK]
    for target in targets:
        states += [int(target), BLANK]
    best = [-np.inf] * len(states)
    best[0], best[1] = float(log_probs[0, BLANK]), float(log_probs[0, states[1]])
    for frame in log_probs[1:].tolist():
        before, best = best, []
        for s, label in enumerate(states):
            ways = [before[s]]
            if s >= 1:
                ways.append(before[s - 1])
            if s >= 2 and label not in (BLANK, states[s - 2]):
                ways.append(before[s - 2])
            best.append(max(ways) + frame[label])
    return max(best[-2:])


@given(problem=problems())
def test_no_sequence_of_labels_that_reads_as_the_text_scores_higher(problem) -> None:
    log_probs, targets = problem
    best = -np.inf
    for labels in itertools.product(range(3), repeat=len(log_probs)):
        read = [label for label, _ in itertools.groupby(labels) if label != BLANK]
        if read == targets.tolist():
            best = max(best, log_probs[range(len(labels)), labels].sum(dtype=np.float64))

    spans = align_labels(log_probs, targets, blank=BLANK)

    assert _score(log_probs, targets, spans) == pytest.approx(best, abs=1e-5)


@given(problem=problems(labels=(1, 2, WILD), max_frames=5))
def test_no_placing_with_wildcards_scores_higher(problem) -> None:
    log_probs, targets = problem
    best = max(
        _score(log_probs, targets, spans) for spans in _every_span(len(log_probs), targets.tolist())
    )

    spans = align_labels(log_probs, targets, blank=BLANK, wildcard=WILD)

    assert _score(log_probs, targets, spans) == pytest.approx(best, abs=1e-5)


@settings(max_examples=25)
@given(
    frames=st.integers(20, 90),
    share=st.floats(0.05, 1.0),
    labels=st.integers(2, 5),
    seed=st.integers(0, 2**16),
    block=st.sampled_from([1, 7, 64]),
)
def test_a_plain_table_finds_the_same_score(frames, share, labels, seed, block) -> None:
    log_probs, targets = _random_problem(frames, max(1, round(share * frames)), labels, seed)
    while len(targets) + _repeats(targets) > frames:
        targets = targets[:-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(viterbi, "MIN_BLOCK_FRAMES", block)
        spans = align_labels(log_probs, targets, blank=BLANK)

    assert _score(log_probs, targets, spans) == pytest.approx(
        _best_in_a_table(log_probs, targets), rel=1e-9
    )


def test_many_blocks_of_frames_find_the_same_score_as_a_plain_table() -> None:
    log_probs, targets = _random_problem(900, 330, 6, seed=3)

    spans = align_labels(log_probs, targets, blank=BLANK)

    assert _score(log_probs, targets, spans) == pytest.approx(
        _best_in_a_table(log_probs, targets), rel=1e-9
    )


@pytest.mark.parametrize("seed", range(5))
def test_the_ctc_loss_of_torch_tends_to_the_same_score(seed) -> None:
    # A sum over all paths to a high power is that of the best one.
    log_probs, targets = _random_problem(14, 5, 4, seed)
    power = 3000.0
    loss = torch.nn.functional.ctc_loss(
        torch.from_numpy(log_probs).double()[:, None] * power,
        torch.from_numpy(targets)[None],
        torch.tensor([14]),
        torch.tensor([5]),
        blank=BLANK,
        reduction="sum",
    )

    spans = align_labels(log_probs, targets, blank=BLANK)

    assert _score(log_probs, targets, spans) == pytest.approx(-float(loss) / power, abs=0.01)


@given(
    problem=problems(),
    shifts=arrays(np.float32, 6, elements=st.integers(-50, 50).map(float)),
)
def test_adding_a_constant_to_a_frame_changes_nothing(problem, shifts) -> None:
    log_probs, targets = problem
    log_probs = np.round(log_probs)  # so that the sum is exact

    shifted = align_labels(log_probs + shifts[: len(log_probs), None], targets, blank=BLANK)

    assert (shifted == align_labels(log_probs, targets, blank=BLANK)).all()


def test_the_blank_may_be_any_label() -> None:
    log_probs, targets = _random_problem(40, 9, 5, seed=1)
    turned, order = log_probs[:, [1, 2, 3, 4, 0]], np.array([4, 0, 1, 2, 3])

    assert (
        align_labels(turned, order[targets], blank=4) == align_labels(log_probs, targets, blank=0)
    ).all()


def _written(text, labels=4) -> np.ndarray:
    """Scores that are certain of one label per frame."""
    return np.log(np.eye(labels, dtype=np.float32)[[int(label) for label in text]] + 1e-6)


def test_a_label_has_the_frames_that_write_it() -> None:
    spans = align_labels(_written("0011023300"), np.array([1, 2, 3]), blank=BLANK)

    assert spans.tolist() == [[2, 4], [5, 6], [6, 8]]


def test_the_same_label_twice_has_a_blank_between() -> None:
    spans = align_labels(_written("0111100"), np.array([1, 1]), blank=BLANK)

    assert spans[1, 0] > spans[0, 1]


@pytest.mark.parametrize("wildcard", [WILD, 4, 99, 3])
def test_a_wildcard_takes_what_no_other_target_does(wildcard) -> None:
    targets = np.array([1, wildcard, 1])

    spans = align_labels(_written("0102201"), targets, blank=BLANK, wildcard=wildcard)

    assert spans.tolist() == [[1, 2], [3, 5], [6, 7]]


def test_two_wildcards_need_no_blank_between() -> None:
    log_probs = _written("12")

    spans = align_labels(log_probs, np.array([WILD, WILD]), blank=BLANK, wildcard=WILD)

    assert spans.tolist() == [[0, 1], [1, 2]]


def test_a_text_without_labels_has_no_spans() -> None:
    nothing = np.zeros(0, dtype=np.int64)

    assert align_labels(_written("000"), nothing, blank=BLANK).shape == (0, 2)
    assert align_labels(_written("000")[:0], nothing, blank=BLANK).shape == (0, 2)


@pytest.mark.parametrize(
    ("frames", "targets", "needed"),
    [(2, [1, 2, 3], 3), (2, [1, 1], 3), (4, [1, 1, 1, 2], 6), (0, [1], 1)],
)
def test_too_few_frames_are_refused(frames, targets, needed) -> None:
    with pytest.raises(ValueError, match=f"the text needs {needed} frames, found {frames}"):
        align_labels(_written("0" * 9)[:frames], np.array(targets), blank=BLANK)


@pytest.mark.parametrize("targets", [[1, 2, 3], [1, 1], [1, 1, 1, 2], [2]])
def test_just_enough_frames_are_enough(targets) -> None:
    needed = len(targets) + _repeats(targets)

    spans = align_labels(_written("0" * needed), np.array(targets), blank=BLANK)

    assert (spans[:, 1] - spans[:, 0] == 1).all()


@pytest.mark.parametrize(
    ("targets", "settings", "match"),
    [
        ([4], {"blank": 0}, "targets must be labels from 0 to 3"),
        ([-1], {"blank": 0}, "targets must be labels from 0 to 3"),
        ([-1], {"blank": 0, "wildcard": -2}, "targets must be labels from 0 to 3"),
        ([1, 0], {"blank": 0}, "the blank must be one of 4 labels, and no target"),
        ([1], {"blank": 4}, "the blank must be one of 4 labels, and no target"),
        ([1], {"blank": -1}, "the blank must be one of 4 labels, and no target"),
        ([1], {"blank": 0, "wildcard": 0}, "the blank must be one of 4 labels, and no target"),
    ],
)
def test_labels_that_do_not_exist_are_refused(targets, settings, match) -> None:
    with pytest.raises(ValueError, match=match):
        align_labels(_written("0000"), np.array(targets), **settings)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_scores_that_are_not_finite_are_refused(value) -> None:
    log_probs = _written("0000")
    log_probs[2, 3] = value

    with pytest.raises(ValueError, match="must be finite"):
        align_labels(log_probs, np.array([1]), blank=BLANK)


def test_the_scores_stay_as_they_are() -> None:
    log_probs, targets = _random_problem(30, 9, 5, seed=2)
    before = log_probs.copy()

    align_labels(log_probs, targets, blank=BLANK, wildcard=3)

    assert (log_probs == before).all()


def test_memory_stays_far_below_a_table_of_all_states() -> None:
    log_probs, targets = _random_problem(6000, 2000, 30, seed=0)

    tracemalloc.start()
    align_labels(log_probs, targets, blank=BLANK)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 4e6  # one byte per frame and state would be 24 MB

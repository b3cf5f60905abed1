"""The best way to say a known text: exact Viterbi over the states of CTC, in numpy.

Between and around the labels of the text stands the blank; every frame is in one state:

    blank 0, label 0, blank 1, label 1, ... label L-1, blank L

A frame stays in its state or goes on to the next one; the blank between two labels may be left out,
unless they are the same (Graves et al. 2006, "Connectionist temporal classification").

Scores are taken relative to that of the blank, so that only labels add anything. The way back is
found block by block from states kept at the start of each block: memory grows with the cube root of
(frames x labels) squared, not with their product.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

MIN_BLOCK_FRAMES = 64


def align_labels(
    log_probs: Float[np.ndarray, "frame label"],
    targets: Int[np.ndarray, " item"],
    *,
    blank: int,
    wildcard: int | None = None,
) -> Int[np.ndarray, "item 2"]:
    """The frames ``[first, last)`` of every target on the best path; never empty, in order.

    Args:
        log_probs: of every label in every frame, finite.
        targets: the labels of the text, without blanks.
        blank: the label that stands for nothing.
        wildcard: a target that any label but the blank may take: it scores the best of them in
            every frame, and two of them in a row need no blank between. It needs no column.

    Raises:
        ValueError: no label of these, a value that is not finite, or fewer frames than the text
            needs.
    """
    columns = _columns_of(log_probs, targets, blank, wildcard)
    num_frames, num_items = len(log_probs), len(targets)
    repeats = np.zeros(num_items, dtype=np.bool_)
    repeats[1:] = (targets[1:] == targets[:-1]) & (targets[1:] != wildcard)
    needed = num_items + int(repeats.sum())
    if num_frames < needed:
        raise ValueError(f"the text needs {needed} frames, found {num_frames}")
    if not np.isfinite(log_probs).all():
        raise ValueError("log probabilities must be finite")
    if not num_items:
        return np.zeros((0, 2), dtype=np.int64)
    search = _Search(log_probs=log_probs, columns=columns, repeats=repeats, blank=blank)
    return search.spans()


def _columns_of(
    log_probs: Float[np.ndarray, "frame label"],
    targets: Int[np.ndarray, " item"],
    blank: int,
    wildcard: int | None,
) -> Int[np.ndarray, " item"]:
    """Where the scores of the targets stand; those of the wildcard stand after all labels."""
    num_labels = log_probs.shape[1]
    is_wild = (
        targets == wildcard if wildcard is not None else np.zeros(len(targets), dtype=np.bool_)
    )
    is_label = (targets >= 0) & (targets < num_labels)
    if blank == wildcard or not 0 <= blank < num_labels or np.any(targets == blank):
        raise ValueError(f"the blank must be one of {num_labels} labels, and no target")
    if not np.all(is_label | is_wild):
        raise ValueError(f"targets must be labels from 0 to {num_labels - 1}")
    return np.where(is_wild, num_labels, targets)


@dataclass(slots=True)
class _Scores:
    """The best score of every state in one frame; item k stands between blank k and blank k + 1."""

    blanks: Float[np.ndarray, " blank"]
    before: Float[np.ndarray, " blank"]
    """Of the item before each blank; before the first there is none."""

    def part(self, low: int, high: int) -> "_Scores":
        """The items ``[low, high)`` and the blanks around them, as views."""
        return _Scores(self.blanks[low : high + 1], self.before[low : high + 1])

    def copy(self) -> "_Scores":
        """The same in memory of its own."""
        return _Scores(self.blanks.copy(), self.before.copy())


@dataclass(slots=True)
class _Steps:
    """How the states of a block of frames were reached."""

    is_entered: Bool[np.ndarray, "frame item"]
    """The item was entered in this frame, from the blank or the item before it."""
    is_left: Bool[np.ndarray, "frame blank"]
    """The item before the blank was the better way to this blank and to the item after it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Search:
    log_probs: Float[np.ndarray, "frame label"]
    columns: Int[np.ndarray, " item"]
    repeats: Bool[np.ndarray, " item"]
    """Items that are the same as the one before them."""
    blank: int

    def spans(self) -> Int[np.ndarray, "item 2"]:
        """Forward, keeping the scores before each block of frames; then back, block by block."""
        num_frames, num_items = len(self.log_probs), len(self.columns)
        width = max(MIN_BLOCK_FRAMES, round(2 * (num_frames * num_items) ** (1 / 3)))
        blocks = [(at, min(at + width, num_frames)) for at in range(0, num_frames, width)]
        scores = _Scores(np.full(num_items + 1, -np.inf), np.full(num_items + 1, -np.inf))
        scores.blanks[0] = 0.0
        kept = []
        for first, last in blocks:
            kept.append(scores.copy())
            # Not the items that cannot be reached yet, or too late to reach the end.
            low, high = max(0, num_items - 1 - (num_frames - first)), min(num_items, last)
            self._advance(scores.part(low, high), first, last, low, None)
        at, in_item = num_items, False
        if scores.before[num_items] > scores.blanks[num_items]:
            at, in_item = num_items - 1, True
        spans = np.zeros((num_items, 2), dtype=np.int64)
        for first, last in reversed(blocks):
            # The path loses at most one item a frame, and depends on no other.
            low, high = max(0, at - (last - first)), min(at + 1, num_items)
            steps = _Steps(
                is_entered=np.zeros((last - first, high - low), dtype=np.bool_),
                is_left=np.zeros((last - first, high - low + 1), dtype=np.bool_),
            )
            self._advance(kept.pop().part(low, high), first, last, low, steps)
            at, in_item = self._walk_back(steps, spans, (at, in_item), first, low)
        return spans

    def _advance(
        self, scores: _Scores, first: int, last: int, low: int, steps: _Steps | None
    ) -> None:
        """Brings the scores from before frame ``first`` to the last frame before ``last``.

        Args:
            scores: of the items from ``low`` on; changed in place.
            first: the first frame.
            last: the frame after the last one.
            low: the first item. Of the one before it only the first score is known; what follows
                from that in later frames is too far left for the path.
            steps: to be filled, where the way back is asked for.
        """
        blanks, before = scores.blanks, scores.before
        items = before[1:]
        columns = self.columns[low : low + len(items)]
        again = np.flatnonzero(self.repeats[low : low + len(items)])
        emitted = np.empty(len(items))
        entering = np.empty(len(items))
        for row, frame in enumerate(self._relative(first, last)):
            if steps is not None:
                np.greater(before, blanks, out=steps.is_left[row])
            through_blank = blanks[again]
            np.maximum(blanks, before, out=blanks)
            entering[:] = blanks[:-1]
            entering[again] = through_blank
            if steps is not None:
                np.greater(entering, items, out=steps.is_entered[row])
            np.maximum(items, entering, out=items)
            np.take(frame, columns, out=emitted, mode="clip")  # no other mode writes unbuffered
            items += emitted

    def _relative(self, first: int, last: int) -> Float[np.ndarray, "frame column"]:
        """How much better than the blank every label is, and after the labels the best of them."""
        relative = self.log_probs[first:last].astype(np.float64)
        relative -= relative[:, [self.blank]].copy()
        best = np.delete(relative, self.blank, axis=1).max(axis=1, initial=-np.inf)
        return np.concatenate([relative, best[:, None]], axis=1)

    def _walk_back(
        self,
        steps: _Steps,
        spans: Int[np.ndarray, "item 2"],
        state: tuple[int, bool],
        first: int,
        low: int,
    ) -> tuple[int, bool]:
        """Follows the steps of a block back to the state before it and notes the spans it meets."""
        at, in_item = state
        for row in range(len(steps.is_left) - 1, -1, -1):
            goes_left = bool(steps.is_left[row, at - low])
            if in_item:
                spans[at, 0] = first + row
                spans[at, 1] = max(spans[at, 1], first + row + 1)
                if not steps.is_entered[row, at - low]:
                    continue
                goes_left = goes_left and not self.repeats[at]
            in_item = goes_left
            at -= goes_left
        return at, in_item

"""Which recordings make an optimizer step, and in which passes they go through the model.

A step is ``batch_size`` recordings of a random order, so its statistics do not depend on lengths:
patients speak shorter or longer than others, and batches of one length would be batches of one
class. Inside a step the recordings are sorted by length and divided into passes of at most so many
padded items; the gradients of the passes are added (gradient accumulation), so passes are a matter
of memory and time, never of the result.
"""

from collections.abc import Sequence

import numpy as np

from cogspeech.types import EmbeddedRecording

Indices = tuple[int, ...]


def length_of(recording: EmbeddedRecording) -> tuple[int, int]:
    """Events and tokens; where encoder layers are trained, the positions they read."""
    sides = (
        (recording.event_word, recording.event_states),
        (recording.token_word, recording.token_states),
    )
    events, tokens = (len(words if states is None else states.states) for words, states in sides)
    return events, tokens


def plan_epoch(count: int, *, batch_size: int, seed: int, epoch: int) -> tuple[Indices, ...]:
    """A permutation of ``count`` recordings, cut into steps; a function of its arguments alone."""
    order = np.random.default_rng((seed, epoch)).permutation(count).tolist()
    return tuple(tuple(order[at : at + batch_size]) for at in range(0, count, batch_size))


def plan_passes(
    step: Indices, lengths: Sequence[tuple[int, int]], *, padded_items: int
) -> tuple[Indices, ...]:
    """A step, divided into passes of similar length.

    Args:
        step: recordings by position.
        lengths: of all recordings, as `length_of` gives them.
        padded_items: most events and tokens of a pass, padding included; a recording that is longer
            has a pass of its own.
    """
    passes: list[list[int]] = []
    longest = (0, 0)
    for index in sorted(step, key=lambda i: (sum(lengths[i]), lengths[i], i)):
        events, tokens = lengths[index]
        longest = (max(longest[0], events), max(longest[1], tokens))
        if passes and (len(passes[-1]) + 1) * sum(longest) <= padded_items:
            passes[-1].append(index)
        else:
            passes.append([index])
            longest = (events, tokens)
    return tuple(tuple(indices) for indices in passes)


def share_of(step: Indices, process: int, num_processes: int) -> Indices:
    """The recordings of a step that one of several processes takes."""
    return step[process::num_processes]

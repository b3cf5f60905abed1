"""``same_words``: transcripts that say the same, in different recordings."""

import hashlib
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import ClassVar

import numpy as np
from jaxtyping import UInt64

from cogspeech.audit.base import CHECKS, Check, Evidence, Finding, Item
from cogspeech.audit.groups import grouped

MIN_WORDS = 20
"""Fewer may be the same by chance."""
SHINGLE = 3
"""Words in a row that are compared."""
SIMILAR = 0.6
"""Share of all shingles of two transcripts that both have (Jaccard)."""
BANDS, ROWS = 32, 3
"""Of min-hashes (Broder, 1997): at a share of 0.6, 2 pairs in 10,000 are never compared."""
READ_PEOPLE, READ_SHARE = 5, 0.1
"""A text that more people than this, and this share of all, say is one they were given."""


@CHECKS.register("same_words")
class SameWords(Check):
    """Digests for equal transcripts, min-hashed shingles for similar ones."""

    codes: ClassVar[Mapping[str, str]] = {
        "same_words": f"two transcripts of at least {MIN_WORDS} words are equal",
        "similar_words": f"two transcripts share at least {SIMILAR:.0%} of their "
        f"{SHINGLE}-word sequences",
        "read_text": "a large part of the participants say the same text",
    }

    def find(self, evidence: Evidence) -> Iterator[Finding]:
        """A finding per group."""
        copies: dict[tuple[str, ...], list[Item]] = defaultdict(list)
        for item in evidence.items:
            words = _plain_words(item)
            if len(words) >= MIN_WORDS:
                copies[words].append(item)
        with_words = sum(map(len, copies.values()))
        for group in copies.values():
            if len(group) > 1:
                yield _finding("same_words", group, with_words)
        texts = list(copies)
        for members in grouped(_similar_pairs(texts)):
            items = [item for at in members for item in copies[texts[at]]]
            yield _finding("similar_words", items, with_words)


def _finding(code: str, items: Sequence[Item], with_words: int) -> Finding:
    rows = [item.recording for item in items]
    people = {row.participant_id for row in rows}
    is_read = len(people) > max(READ_PEOPLE, READ_SHARE * with_words)
    told = "are equal" if code == "same_words" else "are almost equal"
    end = "look which of them is a copy"
    if is_read:
        end = "if the text was given, its words tell nothing about a person"
    return Finding(
        code="read_text" if is_read else code,
        severity="info" if is_read else "warning",
        recordings=tuple(dict.fromkeys(row.recording_id for row in rows)),
        message=f"the transcripts of {len(rows)} recordings of {len(people)} participants {told}; "
        f"{end}",
    )


def _plain_words(item: Item) -> tuple[str, ...]:
    if item.transcript is None:
        return ()
    texts = (
        unicodedata.normalize("NFC", word.text).casefold().strip(" .,;:!?\"'-")
        for word in item.transcript.participant_words
    )
    return tuple(text for text in texts if text)


def _similar_pairs(texts: Sequence[tuple[str, ...]]) -> Iterator[tuple[int, int]]:
    """Neighbours in a bucket of min-hashes are compared, so the work grows with their number."""
    shingles = [_shingles(words) for words in texts]
    buckets: dict[tuple[int, bytes], list[int]] = defaultdict(list)
    generator = np.random.default_rng(0)
    factors = generator.integers(1 << 63, size=BANDS * ROWS, dtype=np.uint64) * 2 + 1
    for at, own in enumerate(shingles):
        smallest = (own[:, None] * factors).min(axis=0).reshape(BANDS, ROWS)
        for band, row in enumerate(smallest):
            buckets[band, row.tobytes()].append(at)
    candidates = {pair for b in buckets.values() for pair in pairwise(b)}
    for first, second in sorted(candidates):
        both = len(np.intersect1d(shingles[first], shingles[second], assume_unique=True))
        if both >= SIMILAR * (len(shingles[first]) + len(shingles[second]) - both):
            yield first, second


def _shingles(words: tuple[str, ...]) -> UInt64[np.ndarray, " shingle"]:
    texts = {"\0".join(words[at : at + SHINGLE]) for at in range(len(words) - SHINGLE + 1)}
    digests = b"".join(hashlib.blake2b(text.encode(), digest_size=8).digest() for text in texts)
    return np.unique(np.frombuffer(digests, dtype=np.uint64))

"""The ``hashed_words`` encoder: one token per word, from its letters. No weights, works offline."""

import unicodedata
from typing import Any

import numpy as np
from pydantic import Field

from cogspeech.embeddings.base import (
    TEXT_ENCODERS,
    EncoderOptions,
    TextEncoder,
    TokenEmbeddings,
)

NGRAM_SIZES = (3, 4)


@TEXT_ENCODERS.register("hashed_words")
class HashedWordsEncoder(TextEncoder):
    """Each word and its letter n-grams, hashed into a vector with signs (feature hashing).

    Weinberger et al. (2009), through scikit-learn's ``FeatureHasher`` (murmurhash3). A last column
    holds the logarithm of the number of letters, so no vector is ever zero.
    """

    class Options(EncoderOptions):
        """``{name: hashed_words, size: 64}``."""

        size: int = Field(default=64, ge=8, le=4096)
        """Columns that letters are hashed into."""

    options: Options

    def __init__(self, options: Options) -> None:
        super().__init__(options)

    @property
    def dimension(self) -> int:
        """Hashed columns and the length of the word."""
        return self.options.size + 1

    def fingerprint(self) -> dict[str, Any]:
        """The options are all there is."""
        return {"name": "hashed_words", "version": 1, "size": self.options.size}

    def encode(self, words: tuple[str, ...]) -> TokenEmbeddings:
        """One token per word, in order."""
        from sklearn.feature_extraction import FeatureHasher

        plain = [unicodedata.normalize("NFKC", word).casefold() for word in words]
        hasher = FeatureHasher(n_features=self.options.size, input_type="string")
        hashed = hasher.transform([_features(word) for word in plain]).toarray()
        norm = np.linalg.norm(hashed, axis=1, keepdims=True)
        length = np.log1p([[len(word)] for word in plain])
        vectors = np.concatenate([hashed / np.maximum(norm, 1.0), length], axis=1)
        return TokenEmbeddings(
            vectors=vectors.astype(np.float32), word_index=np.arange(len(words), dtype=np.int64)
        )


def _features(word: str) -> list[str]:
    bounded = f"<{word}>"
    ngrams = [
        bounded[at : at + size] for size in NGRAM_SIZES for at in range(len(bounded) - size + 1)
    ]
    return [f"word={word}", *ngrams]

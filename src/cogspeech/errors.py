"""Every error a user can meet, one leaf per stage.

CogspeechError
├── ConfigError        the study file
├── CorpusError        the recordings table
│   └── AudioError     one recording's audio
│       └── SilentAudioError   no sample but 0
├── AuditError         recordings from which nothing may be concluded
├── TranscriptError    words and their times
│   └── NoWordsError   nobody says a word
├── EncoderError       a checkpoint or tokenizer that cannot be used
├── EmbeddingError     recordings that could not be embedded
├── CacheError         the embedding cache
├── PredictionsError   a table of predictions that cannot be evaluated
├── SplitError         folds that would not be sound
├── TrainingError      a fit that went wrong
│   └── CheckpointError
├── BundleError        a trained model that cannot be read, or cannot answer
└── MissingExtra       an optional library that is not installed

A message is one line that says what was expected, what was found, where, and what to do.
Transcript words never stand in a message: recordings are patient data.
"""

import importlib
from types import ModuleType


class CogspeechError(Exception):
    """Base of all errors that are the input's or the user's, never a defect of the program."""


class ConfigError(CogspeechError):
    """The study file asks for something that does not exist or does not fit."""


class CorpusError(CogspeechError):
    """The recordings table cannot be used."""


class AudioError(CorpusError):
    """A recording's audio cannot be used."""


class SilentAudioError(AudioError):
    """A recording, or all that the participant says in it, is digital silence."""


class AuditError(CogspeechError):
    """No result of these recordings could be relied on."""


class TranscriptError(CogspeechError):
    """Words or their times cannot be used."""


class NoWordsError(TranscriptError):
    """A recording in which no word is heard, or none of the participant stands."""


class EncoderError(CogspeechError):
    """An encoder cannot be loaded, or cannot read its input."""


class EmbeddingError(CogspeechError):
    """Recordings that could not be embedded, while others could."""


class CacheError(CogspeechError):
    """The cache folder cannot be used."""


class PredictionsError(CogspeechError):
    """A table of predictions cannot be evaluated."""


class SplitError(CogspeechError):
    """The participants cannot be divided soundly."""


class TrainingError(CogspeechError):
    """A fit cannot start or go on."""


class CheckpointError(TrainingError):
    """A checkpoint cannot be used."""


class BundleError(CogspeechError):
    """A trained model cannot be read, or has no answer to what it is asked."""


class MissingExtra(CogspeechError):
    """An optional library is not installed."""


def require(module: str, *, extra: str) -> ModuleType:
    """The optional module, or one clear error with the pip line that installs it.

    Raises:
        MissingExtra: the module is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        message = f"{module} is not installed; run: pip install 'cogspeech[{extra}]'"
        raise MissingExtra(message) from error

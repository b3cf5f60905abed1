"""Train on one corpus, test on another: both as one list of recordings with a side each.

Everything that looks at recordings, the audit above all, then looks over both.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from cogspeech.errors import CorpusError
from cogspeech.types import Corpus, Recording

TRAIN, TEST = "train", "test"


def side_by_side(trained: Corpus, tested: Corpus) -> Corpus:
    """Both corpora as one, whose ``official_split`` says which of the two a recording is from.

    What the corpora themselves say in that column is replaced.

    Raises:
        CorpusError: a participant or recording has the same id in both. Nobody can know whether
            that is one person or two.
    """
    for column in ("participant_id", "recording_id"):
        _refuse_shared(column, trained.recordings, tested.recordings)
    notices = dict.fromkeys(corpus.notice for corpus in (trained, tested) if corpus.notice)
    return Corpus(
        recordings=(*_on_side(trained, TRAIN), *_on_side(tested, TEST)),
        notice=" ".join(notices) or None,
        passed_over=(*trained.passed_over, *tested.passed_over),
    )


def _on_side(corpus: Corpus, side: str) -> Iterator[Recording]:
    return (replace(recording, official_split=side) for recording in corpus.recordings)


def _refuse_shared(column: str, trained: Iterable[Recording], tested: Iterable[Recording]) -> None:
    known = {getattr(recording, column): recording.where for recording in trained}
    for recording in tested:
        name = getattr(recording, column)
        if name in known:
            raise CorpusError(
                f"{recording.where}: {column} '{name}' also stands at {known[name]}, in the corpus "
                "that is trained on; who is trained on must not be tested: leave the person out "
                "of one table, or give one table other ids if they are two people"
            )

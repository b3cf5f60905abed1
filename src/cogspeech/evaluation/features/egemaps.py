"""The extended Geneva minimalistic acoustic parameter set (eGeMAPS v02; Eyben et al., 2016).

Computed by openSMILE, which only the extra ``opensmile`` installs: its licence forbids commercial
use. Here it hears the participant's turns, joined; what it found is kept in the cache.
"""

import functools
from typing import Any

import numpy as np
from jaxtyping import Float

from cogspeech.cache import ContentCache, cache_folder, content_key, file_digest
from cogspeech.corpora.audio import probe_audio, stream_turns
from cogspeech.errors import require
from cogspeech.transcripts.pauses import participant_turns
from cogspeech.types import Case, Turn

SAMPLE_RATE_HZ = 16_000
FUNCTIONALS = 88
MIN_SPEECH_S = 0.2
TERMS = (
    "eGeMAPS is computed by openSMILE (c) audEERING GmbH, whose licence allows research and other "
    "non-commercial use only; these results must not serve a commercial purpose"
)


def geneva_functionals(case: Case) -> Float[np.ndarray, " functional"] | None:
    """The 88 functionals over the participant's turns, pauses inside them included.

    ``None`` where nobody knows when the participant speaks, or for less than `MIN_SPEECH_S`.

    Raises:
        AudioError: the audio cannot be decoded.
        MissingExtra: openSMILE is not installed.
    """
    path = case.recording.audio_path
    turns = participant_turns(case.transcript, duration_s=probe_audio(path).duration_s)
    if sum(turn.end_s - turn.start_s for turn in turns) < MIN_SPEECH_S:
        return None
    cache, key = ContentCache(cache_folder()), _key(case, turns)
    kept = cache.read(key)
    if kept is None:
        pieces = [piece for _, piece in stream_turns(path, turns, sample_rate_hz=SAMPLE_RATE_HZ)]
        table = open_smile().process_signal(np.concatenate(pieces), SAMPLE_RATE_HZ)
        kept = {"functionals": table.to_numpy(dtype=np.float32)[0]}
        person = case.recording.participant_id
        cache.write(key, kept, kind="functionals", maker="egemaps", participant_id=person)
    else:
        cache.link(key, case.recording.participant_id)
    found = kept["functionals"].astype(np.float64)
    return found if np.isfinite(found).all() else None


@functools.cache
def open_smile() -> Any:
    """openSMILE, set up for the functionals.

    Raises:
        MissingExtra: it is not installed.
    """
    library = require("opensmile", extra="opensmile")
    return library.Smile(
        feature_set=library.FeatureSet.eGeMAPSv02,
        feature_level=library.FeatureLevel.Functionals,
    )


def _key(case: Case, turns: tuple[Turn, ...]) -> str:
    return content_key(
        kind="functionals",
        audio=file_digest(case.recording.audio_path),
        turns=[[turn.start_s, turn.end_s] for turn in turns],
        maker="eGeMAPSv02",
        version=require("opensmile", extra="opensmile").__version__,
    )

"""Every kind of leak that is planted: what is done to a sound corpus, and what must be found."""

import copy
import io
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import soundfile
import soxr

from leak_corpora import CLASSES, Draft, DraftCorpus

MIN_WORDS = 20
"""Fewer are no transcript to be copied."""
Generator = np.random.Generator
Plant = Callable[[DraftCorpus, Generator], None]


class CannotBePlanted(Exception):
    """The corpus has nothing to plant it in."""


@dataclass(frozen=True)
class Kind:
    """One kind of leak."""

    name: str
    group: str
    """``exact``, ``near``, ``by class`` or ``weak``: what recall is asked for."""
    codes: tuple[str, ...]
    """One of them must be found."""
    plant: Plant


KINDS: list[Kind] = []


def kind(group: str, *codes: str) -> Callable[[Plant], Plant]:
    """Adds a kind under the name of its function."""

    def add(plant: Plant) -> Plant:
        KINDS.append(Kind(plant.__name__, group, codes, plant))
        return plant

    return add


def _copied(corpus: DraftCorpus, generator: Generator, **changes: Any) -> Draft:
    """A copy of a recording under a new person's name, with any label, at the end of the corpus."""
    source = corpus.drafts[generator.integers(len(corpus.drafts))]
    number = 100 + int(generator.integers(900))
    row = source.row | {
        "recording_id": f"r{number}b",
        "participant_id": f"p{number}b",
        "file": f"r{number + 1000}",
        "diagnosis": str(generator.choice(CLASSES)),
    }
    draft = replace(source, row=row, words=_other_words(source, generator), **changes)
    corpus.drafts.append(draft)
    return draft


def _other_words(draft: Draft, generator: Generator) -> list[dict[str, Any]]:
    """Nothing of what was said: the sound alone must give a copy away."""
    return [word | {"text": f"w{generator.integers(1 << 30)}"} for word in draft.words]


def _noisy(samples: np.ndarray, level_db: float, generator: Generator) -> np.ndarray:
    noise = generator.standard_normal(len(samples)) * np.sqrt(np.mean(samples**2))
    return np.asarray((samples + noise * 10 ** (level_db / 20)).clip(-1, 1))


def _encoded(draft: Draft, container: str, subtype: str, rate_hz: int) -> None:
    """Through a lossy codec and back."""
    coded = io.BytesIO()
    samples = soxr.resample(draft.samples, draft.rate_hz, rate_hz).clip(-0.99, 0.99)
    soundfile.write(coded, samples, rate_hz, format=container, subtype=subtype)
    coded.seek(0)
    draft.samples, draft.rate_hz = soundfile.read(coded)


@kind("exact", "same_audio")
def same_file_under_another_id(corpus: DraftCorpus, generator: Generator) -> None:
    _copied(corpus, generator)


@kind("exact", "same_audio")
def same_samples_in_another_container(corpus: DraftCorpus, generator: Generator) -> None:
    _copied(corpus, generator, suffix=".flac")


@kind("exact", "same_audio")
def oversampled_before_the_split(corpus: DraftCorpus, generator: Generator) -> None:
    """The smaller class filled up with copies of its own recordings."""
    for draft in [d for d in corpus.drafts if d.label][:4]:
        row = draft.row | {"recording_id": f"{draft.row['recording_id']}x"}
        corpus.drafts.append(replace(draft, row=row | {"file": f"{row['file']}9"}))


@kind("near", "similar_audio")
def encoded_as_mp3(corpus: DraftCorpus, generator: Generator) -> None:
    _encoded(_copied(corpus, generator), "MP3", "MPEG_LAYER_III", 16_000)


@kind("near", "similar_audio")
def encoded_as_opus(corpus: DraftCorpus, generator: Generator) -> None:
    _encoded(_copied(corpus, generator), "OGG", "OPUS", 16_000)


@kind("near", "similar_audio")
def through_a_telephone(corpus: DraftCorpus, generator: Generator) -> None:
    _encoded(_copied(corpus, generator), "WAV", "GSM610", 8_000)


@kind("near", "similar_audio")
def resampled(corpus: DraftCorpus, generator: Generator) -> None:
    draft = _copied(corpus, generator)
    rate_hz = int(generator.choice([11_025, 22_050, 44_100]))
    draft.samples = soxr.resample(draft.samples, draft.rate_hz, rate_hz)
    draft.rate_hz = rate_hz


@kind("near", "similar_audio")
def gain_changed(corpus: DraftCorpus, generator: Generator) -> None:
    draft = _copied(corpus, generator)
    draft.samples = draft.samples * generator.uniform(0.1, 0.7) * generator.choice([-1, 1])


@kind("near", "similar_audio")
def noise_added(corpus: DraftCorpus, generator: Generator) -> None:
    draft = _copied(corpus, generator)
    draft.samples = _noisy(draft.samples, -15, generator)


@kind("near", "similar_audio")
def trimmed(corpus: DraftCorpus, generator: Generator) -> None:
    draft = _copied(corpus, generator)
    start = generator.uniform(0, 0.4)
    first, last = (round(at * len(draft.samples)) for at in (start, start + 0.6))
    draft.samples = draft.samples[first:last]


@kind("near", "similar_audio")
def overlapping_cut(corpus: DraftCorpus, generator: Generator) -> None:
    """Two cuts of one session: the last 60 % of one are the first 60 % of the other."""
    draft = _copied(corpus, generator)
    other = corpus.drafts[generator.integers(len(corpus.drafts) - 1)]
    size = len(draft.samples)
    joined = np.concatenate([draft.samples[round(0.4 * size) :], other.samples[::-1]])
    draft.samples = joined[:size]


@kind("near", "similar_audio")
def overlapping_cut_with_noise(corpus: DraftCorpus, generator: Generator) -> None:
    overlapping_cut(corpus, generator)
    corpus.drafts[-1].samples = _noisy(corpus.drafts[-1].samples, -15, generator)


@kind("exact", "same_words")
def same_transcript(corpus: DraftCorpus, generator: Generator) -> None:
    if min(len(draft.words) for draft in corpus.drafts) < MIN_WORDS:
        raise CannotBePlanted
    first, second = generator.choice(len(corpus.drafts), 2, replace=False)
    corpus.drafts[first].words = copy.deepcopy(corpus.drafts[second].words)


@kind("near", "similar_words")
def similar_transcript(corpus: DraftCorpus, generator: Generator) -> None:
    """One word in twenty corrected."""
    same_transcript(corpus, generator)
    seen: dict[str, Draft] = {}
    for draft in corpus.drafts:
        text = " ".join(word["text"] for word in draft.words)
        if text in seen:
            for at in generator.choice(len(draft.words), len(draft.words) // 20, replace=False):
                draft.words[at]["text"] = "corrected"
        seen[text] = draft


@kind("exact", "participant_in_two_splits")
def visits_on_both_sides(corpus: DraftCorpus, generator: Generator) -> None:
    first, second = _of_one_class(corpus, generator)
    second.row["participant_id"] = first.row["participant_id"]
    first.row["official_split"], second.row["official_split"] = "train", "test"


@kind("exact", "conflicting_labels")
def conflicting_labels(corpus: DraftCorpus, generator: Generator) -> None:
    first, second = _of_one_class(corpus, generator)
    second.row["participant_id"] = first.row["participant_id"]
    second.row["diagnosis"] = CLASSES[1 - first.label]


def _of_one_class(corpus: DraftCorpus, generator: Generator) -> tuple[Draft, Draft]:
    own = [draft for draft in corpus.drafts if draft.label == generator.integers(2)]
    first, second = generator.choice(len(own), 2, replace=False)
    return own[first], own[second]


@kind("exact", "label_in_name")
def label_in_the_file_name(corpus: DraftCorpus, generator: Generator) -> None:
    for draft in corpus.drafts:
        draft.row["file"] = f"{draft.row['file']}_{draft.row['diagnosis']}"


@kind("exact", "label_in_folder")
def label_in_the_folder(corpus: DraftCorpus, generator: Generator) -> None:
    for draft in corpus.drafts:
        draft.row["folder"] = f"audio/{draft.row['diagnosis']}"


@kind("exact", "column_by_class")
def label_in_another_column(corpus: DraftCorpus, generator: Generator) -> None:
    for draft in corpus.drafts:
        draft.row["cohort"] = ("a", "b")[draft.label]


@kind("exact", "labels_in_order")
def ids_in_the_order_of_labels(corpus: DraftCorpus, generator: Generator) -> None:
    ordered = sorted(corpus.drafts, key=lambda draft: draft.label)
    for number, draft in enumerate(ordered):
        draft.row["participant_id"] = f"s{number + 1}"


def _dementia(corpus: DraftCorpus) -> list[Draft]:
    return [draft for draft in corpus.drafts if draft.label]


@kind("exact", "sample_rate_by_class")
def sample_rate(corpus: DraftCorpus, generator: Generator) -> None:
    for draft in _dementia(corpus):
        draft.samples = soxr.resample(draft.samples, draft.rate_hz, 22_050).clip(-1, 1)
        draft.rate_hz = 22_050


@kind("exact", "codec_by_class")
def codec(corpus: DraftCorpus, generator: Generator) -> None:
    for draft in _dementia(corpus):
        draft.suffix, draft.subtype = ".ogg", "VORBIS"


@kind("exact", "bit_depth_by_class")
def bit_depth(corpus: DraftCorpus, generator: Generator) -> None:
    for draft in _dementia(corpus):
        draft.subtype = "PCM_24"


@kind("exact", "channels_by_class")
def channels(corpus: DraftCorpus, generator: Generator) -> None:
    for draft in _dementia(corpus):
        draft.samples = np.stack([draft.samples] * 2, axis=1)


@kind("by class", "loudness_by_class")
def loudness_normalised(corpus: DraftCorpus, generator: Generator) -> None:
    """One class brought to one level, in the middle of the other's."""
    levels = [float(np.sqrt(np.mean(d.samples**2))) for d in corpus.drafts]
    for draft in _dementia(corpus):
        own = float(np.sqrt(np.mean(draft.samples**2)))
        draft.samples = (draft.samples * float(np.median(levels)) / own).clip(-1, 1)


@kind("by class", "loudness_by_class")
def louder(corpus: DraftCorpus, generator: Generator) -> None:
    for draft in _dementia(corpus):
        draft.samples = draft.samples * 10 ** (-12 / 20)


@kind("by class", "leading_silence_by_class")
def silence_cut_off(corpus: DraftCorpus, generator: Generator) -> None:
    for draft in _dementia(corpus):
        cut = round(draft.words[0]["start_s"] * draft.rate_hz)
        draft.samples = draft.samples[cut:]
        for word in draft.words:
            for key in ("start_s", "end_s"):
                word[key] = max(0.0, word[key] - cut / draft.rate_hz)


@kind("by class", "noise_floor_by_class")
def another_room(corpus: DraftCorpus, generator: Generator) -> None:
    for draft in _dementia(corpus):
        draft.samples = _noisy(draft.samples, -20, generator)


@kind("by class", "bandwidth_by_class")
def narrow_band(corpus: DraftCorpus, generator: Generator) -> None:
    for draft in _dementia(corpus):
        half = soxr.resample(draft.samples, draft.rate_hz, draft.rate_hz * 3 // 4)
        draft.samples = soxr.resample(half, draft.rate_hz * 3 // 4, draft.rate_hz).clip(-1, 1)


@kind("by class", "duration_by_class")
def cut_to_one_length(corpus: DraftCorpus, generator: Generator) -> None:
    """One class cut to the length of its shortest recording."""
    shortest = min(len(draft.samples) for draft in corpus.drafts)
    for draft in _dementia(corpus):
        draft.samples = draft.samples[: round(0.9 * shortest)]
        end_s = len(draft.samples) / draft.rate_hz
        draft.words = [word for word in draft.words if word["end_s"] < end_s]


@kind("exact", "interviewer_by_class")
def interviewer_in_one_class(corpus: DraftCorpus, generator: Generator) -> None:
    for draft in corpus.drafts:
        for word in draft.words:
            word["speaker"] = "participant"
        if draft.label:
            draft.words[0]["speaker"] = "interviewer"


@kind("exact", "transcript_source_by_class")
def another_recogniser(corpus: DraftCorpus, generator: Generator) -> None:
    for draft in _dementia(corpus):
        draft.source = "faster_whisper"


@kind("exact", "task_by_class", "language_by_class")
def another_task(corpus: DraftCorpus, generator: Generator) -> None:
    for draft in _dementia(corpus):
        draft.row["task"] = "fluency"


@kind("by class", "official_split_by_class")
def prevalence_of_the_splits(corpus: DraftCorpus, generator: Generator) -> None:
    """Nine in ten of the tested are of one class."""
    for draft in corpus.drafts:
        is_test = generator.random() < (0.9 if draft.label else 0.1)
        draft.row["official_split"] = "test" if is_test else "train"


@kind("by class", "age_by_class")
def older(corpus: DraftCorpus, generator: Generator) -> None:
    """By two standard deviations."""
    for draft in _dementia(corpus):
        draft.row["age_years"] += 14


@kind("exact", "missing_by_class")
def unknown_in_one_class(corpus: DraftCorpus, generator: Generator) -> None:
    for draft in _dementia(corpus):
        draft.row["education_years"] = ""


@kind("weak", "same_voice")
def same_voice_under_two_ids(corpus: DraftCorpus, generator: Generator) -> None:
    """Somebody's second visit, under another id. Only where the corpus has second visits."""
    if not corpus.second_visits:
        raise CannotBePlanted
    at, other = generator.choice(len(corpus.drafts), 2, replace=False)
    visit = corpus.second_visits[at]
    corpus.drafts[other].samples, corpus.drafts[other].words = visit.samples, visit.words

"""The synthetic corpus: words stand where they are heard, groups differ as documented."""

import functools
import hashlib
import json
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import soundfile

from cogspeech.config import TargetSection
from cogspeech.corpora.base import IMPORTERS, check_recordings
from cogspeech.corpora.importers.synthetic import SyntheticImporter, make, voice
from cogspeech.corpora.importers.synthetic.people import PITCHES, invite
from cogspeech.corpora.importers.synthetic.picture import (
    CLOSINGS,
    CONNECTORS,
    EMPTY_SENTENCES,
    FUNCTION_WORDS,
    OPENINGS,
    PRONOUNS,
    UNITS,
    VAGUE_OBJECTS,
    VAGUE_SUBJECTS,
)
from cogspeech.corpora.importers.synthetic.script import MAX_SENTENCES, MIN_PAUSE_S, write_script
from cogspeech.corpora.importers.synthetic.signs import draw_profile, vary_profile
from cogspeech.errors import CorpusError, MissingExtra
from cogspeech.types import Corpus, Recording, no_progress

SMALL = {"participants": 8, "second_visits": 0.25}
MAKE_IN_ANOTHER_PROCESS = """
import sys
from pathlib import Path
from cogspeech.corpora.importers.synthetic import SyntheticImporter
from cogspeech.types import no_progress
options = SyntheticImporter.Options(participants=8, second_visits=0.25)
SyntheticImporter(options).read(Path(sys.argv[1]), target_column="diagnosis", progress=no_progress)
"""


def _read(
    path: Path, *, target_column: str = "diagnosis", progress=no_progress, **options
) -> Corpus:
    importer = SyntheticImporter(SyntheticImporter.Options(**{**SMALL, **options}))
    return importer.read(path, target_column=target_column, progress=progress)


def _digests(folder: Path) -> dict[str, str]:
    return {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def _words(recording: Recording) -> list[dict]:
    return json.loads(recording.transcript_path.read_text(encoding="utf-8"))["words"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("synthetic") / "corpus"


@pytest.fixture(scope="module")
def corpus(folder: Path) -> Corpus:
    return _read(folder)


@pytest.fixture
def unspoken(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Replaces espeak-ng by a hum of 50 ms, and says which words were asked for."""
    asked: list[str] = []

    def hum(word, *_args, **_kwargs):
        asked.append(word)
        return np.full(800, 0.1, dtype=np.float32)

    monkeypatch.setattr("cogspeech.corpora.importers.synthetic.speak.say", hum)
    return asked


def test_it_is_registered_by_name() -> None:
    assert IMPORTERS.get("synthetic") is SyntheticImporter


def test_the_corpus_passes_the_checks_and_says_what_it_is(corpus: Corpus) -> None:
    check_recordings(corpus.recordings, TargetSection())

    assert "synthetic" in corpus.notice
    assert len({r.participant_id for r in corpus.recordings}) == 8
    assert len(corpus.recordings) == 10
    assert {r.task for r in corpus.recordings} == {"picture_description"}
    assert {r.language for r in corpus.recordings} == {"en"}


def test_words_lie_inside_the_audio_in_order_and_never_overlap(corpus: Corpus) -> None:
    for recording in corpus.recordings:
        words = _words(recording)
        duration_s = soundfile.info(recording.audio_path).duration

        assert words[0]["start_s"] >= 0.3 - 1e-4
        assert words[-1]["end_s"] <= duration_s - 0.3 + 1e-4
        assert all(word["end_s"] - word["start_s"] > 0.03 for word in words)
        assert all(one["end_s"] <= two["start_s"] for one, two in pairwise(words))


def test_every_word_is_louder_than_the_room(corpus: Corpus) -> None:
    for recording in corpus.recordings:
        samples, rate_hz = soundfile.read(recording.audio_path)
        spans = [
            (round(word["start_s"] * rate_hz), round(word["end_s"] * rate_hz))
            for word in _words(recording)
        ]
        is_word = np.zeros(len(samples), dtype=bool)
        for start, end in spans:
            is_word[start:end] = True
        room = samples[~is_word].std()

        assert rate_hz == 16_000
        assert all(samples[start:end].std() > 2 * room for start, end in spans)
        assert 0 < room < 0.003
        assert np.abs(samples).max() < 1.0


def test_pauses_hold_room_noise_and_not_digital_silence(corpus: Corpus) -> None:
    recording = corpus.recordings[0]
    samples, rate_hz = soundfile.read(recording.audio_path, dtype="int16")
    lead = samples[: int(0.3 * rate_hz)]

    assert len(np.unique(lead)) > 3


def test_word_files_have_the_form_of_the_contract(corpus: Corpus) -> None:
    content = json.loads(corpus.recordings[0].transcript_path.read_text(encoding="utf-8"))

    assert (content["language"], content["source"]) == ("en", "synthetic")
    assert set(content["words"][0]) == {"text", "start_s", "end_s", "speaker", "confidence"}
    assert {word["speaker"] for word in content["words"]} == {"participant"}
    assert all(word["text"] == word["text"].lower() for word in content["words"])


def test_the_same_options_give_the_same_bytes_in_another_process(
    corpus: Corpus, folder: Path, tmp_path: Path
) -> None:
    subprocess.run([sys.executable, "-c", MAKE_IN_ANOTHER_PROCESS, str(tmp_path / "b")], check=True)

    assert _digests(tmp_path / "b") == _digests(folder)


def test_a_word_sounds_the_same_whatever_was_said_before() -> None:
    own = voice.Voice(accent="en-us", variant="michel", tract_scale=1.1, pitch=60, pitch_range=40)
    other = voice.Voice(accent="en-029", variant="adam", tract_scale=1.0, pitch=30, pitch_range=40)
    first = voice.say("lighthouse", own, rate_wpm=150.0)

    for word in ("uh", "harbour", "she"):
        voice.say(word, other, rate_wpm=120.0)
        voice.say(word, own, rate_wpm=180.0)

    np.testing.assert_array_equal(voice.say("lighthouse", own, rate_wpm=150.0), first)


def test_every_word_of_the_grammar_can_be_spoken_in_every_voice() -> None:
    texts = [*OPENINGS, *CLOSINGS, *CONNECTORS, *EMPTY_SENTENCES, *VAGUE_OBJECTS, *VAGUE_SUBJECTS]
    for unit in UNITS:
        texts += [unit.pronoun, *unit.subjects, *unit.adjectives, *unit.predicates]
    words = sorted({word.strip("[]") for text in texts for word in text.split()} | {"um", "uh"})
    voices = [
        voice.Voice(accent=accent, variant=variant, tract_scale=1.0, pitch=50, pitch_range=40)
        for accent in voice.ACCENTS
        for variant in voice.VARIANTS
    ]
    for index, word in enumerate(words):
        samples = voice.say(word, voices[index % len(voices)], rate_wpm=160.0)
        assert 0.04 < len(samples) / voice.SAMPLE_RATE_HZ < 1.5, word


def test_progress_is_told_after_each_recording(tmp_path: Path, unspoken: list[str]) -> None:
    told = []

    _read(tmp_path, progress=lambda *step: told.append(step))

    assert told == [("synthesise", done, 10) for done in range(1, 11)]


def test_a_finished_corpus_is_reused(tmp_path: Path, unspoken: list[str]) -> None:
    first = _read(tmp_path)
    before = _digests(tmp_path)
    unspoken.clear()

    again = _read(tmp_path)

    assert again == first
    assert unspoken == []
    assert _digests(tmp_path) == before


def test_other_options_are_refused_with_the_remedy(tmp_path: Path, unspoken: list[str]) -> None:
    _read(tmp_path)

    with pytest.raises(CorpusError, match=r"other options .* another folder, or remove"):
        _read(tmp_path, seed=8)
    with pytest.raises(CorpusError, match="other options"):
        _read(tmp_path, target_column="group")


def test_an_unreadable_record_of_the_options_is_refused(tmp_path: Path) -> None:
    (tmp_path / make.DONE_FILE).write_bytes(b"\xff{")

    with pytest.raises(CorpusError, match="other options"):
        _read(tmp_path)


def test_a_half_written_corpus_is_made_anew(tmp_path: Path, unspoken: list[str]) -> None:
    _read(tmp_path / "whole")
    _read(tmp_path / "half", participants=12)
    (tmp_path / "half" / make.DONE_FILE).unlink()
    (tmp_path / "half" / "audio" / "p001-v1.wav").write_bytes(b"RIFF")

    _read(tmp_path / "half")

    assert _digests(tmp_path / "half") == _digests(tmp_path / "whole")


def test_a_corpus_is_finished_only_when_everything_is_written(
    tmp_path: Path, unspoken: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(_stage, done, _total):
        if done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _read(tmp_path, progress=interrupt)
    assert not (tmp_path / make.DONE_FILE).exists()
    assert not (tmp_path / make.TABLE_FILE).exists()

    assert len(_read(tmp_path).recordings) == 10


def test_a_folder_with_other_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "recordings.csv").write_text("precious", encoding="utf-8")

    with pytest.raises(CorpusError, match="holds files that are no synthetic corpus"):
        _read(tmp_path)
    assert (tmp_path / "recordings.csv").read_text(encoding="utf-8") == "precious"


def test_a_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "corpus").write_text("", encoding="utf-8")

    with pytest.raises(CorpusError, match="needs a folder of its own"):
        _read(tmp_path / "corpus")


def test_a_folder_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")

    with pytest.raises(CorpusError, match="cannot write the synthetic corpus"):
        _read(tmp_path / "file" / "corpus")


def test_the_label_column_has_the_name_the_study_gives_it(
    tmp_path: Path, unspoken: list[str]
) -> None:
    corpus = _read(tmp_path, target_column="group")

    assert {r.label for r in corpus.recordings} == {"control", "dementia"}
    assert "diagnosis" not in (tmp_path / make.TABLE_FILE).read_text(encoding="utf-8")


def test_a_label_column_that_is_taken_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="'sex' is a column of its own"):
        _read(tmp_path / "new", target_column="sex")
    assert not (tmp_path / "new").exists()


def test_missing_espeak_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    voice._engine.cache_clear()

    with pytest.raises(MissingExtra, match=r"pip install 'cogspeech\[demo\]'"):
        _read(tmp_path)


def test_a_library_that_cannot_be_loaded_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = ModuleType("espeakng_loader")
    broken.get_library_path = lambda: str(tmp_path / "libespeak-ng.so")
    monkeypatch.setitem(sys.modules, "espeakng_loader", broken)

    with pytest.raises(CorpusError, match="cannot be loaded"):
        voice._Engine()


def test_a_library_that_does_not_find_its_data_is_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Library:
        def __init__(self, _path: str) -> None:
            self.espeak_Initialize = lambda *_arguments: -1

    monkeypatch.setattr("ctypes.CDLL", Library)

    with pytest.raises(CorpusError, match="does not find its data"):
        voice._Engine()


def test_a_word_without_sound_is_an_error() -> None:
    some = voice.Voice(accent="en-us", variant="adam", tract_scale=1.0, pitch=50, pitch_range=40)

    with pytest.raises(CorpusError, match="gave no sound"):
        voice.say(" ", some, rate_wpm=160.0)


def test_a_voice_that_does_not_exist_is_an_error() -> None:
    none = voice.Voice(accent="en-xx", variant="adam", tract_scale=1.0, pitch=50, pitch_range=40)

    with pytest.raises(CorpusError, match=r"failed with code \d+ in voice en-xx\+adam"):
        voice.say("dog", none, rate_wpm=160.0)


def test_labels_cannot_be_read_from_ids() -> None:
    people = invite(400, 0.25, effect=1.0, seed=3)
    is_impaired = np.array([person.label == "dementia" for person in people])

    assert [person.participant_id for person in people] == [f"p{n:03d}" for n in range(1, 401)]
    assert is_impaired.sum() == 200
    assert abs(np.corrcoef(np.arange(400), is_impaired)[0, 1]) < 0.1
    assert abs(np.corrcoef(np.arange(400) % 2, is_impaired)[0, 1]) < 0.1


def test_nothing_but_the_habits_of_speech_depends_on_the_label() -> None:
    people = invite(2000, 0.25, effect=1.0, seed=3)
    is_impaired = np.array([person.label == "dementia" for person in people])

    for trait in ("num_visits", "age_years", "education_years", "noise_level_db", "noise_tilt"):
        values = np.array([getattr(person, trait) for person in people])
        assert _effect_size(values, is_impaired) < 0.15, trait
    for group in (is_impaired, ~is_impaired):
        chosen = [person for person, inside in zip(people, group, strict=True) if inside]
        assert sum(person.sex == "female" for person in chosen) == 500
        assert sum(person.num_visits == 2 for person in chosen) == 250
        accents = [person.voice.accent for person in chosen]
        variants = [person.voice.variant for person in chosen]
        assert {accents.count(name) for name in voice.ACCENTS} == {166, 167}
        assert {variants.count(name) for name in voice.VARIANTS} == {111, 112}


def test_two_visits_share_the_participant_and_the_voice(corpus: Corpus) -> None:
    twice = {r.participant_id for r in corpus.recordings if r.visit == "2"}
    people = {p.participant_id: p for p in invite(8, 0.25, effect=1.0, seed=7)}

    assert twice == {name for name, person in people.items() if person.num_visits == 2}
    for name in twice:
        first, second = [r for r in corpus.recordings if r.participant_id == name]
        assert [first.recording_id, second.recording_id] == [f"{name}-v1", f"{name}-v2"]
        assert (first.label, first.sex) == (second.label, second.sex)
        assert second.age_years == first.age_years + 1
        assert [w["text"] for w in _words(first)] != [w["text"] for w in _words(second)]
        assert people[name].voice.pitch in range(*PITCHES[first.sex])


def _effect_size(values: np.ndarray, is_impaired: np.ndarray) -> float:
    """Absolute difference of the means in standard deviations."""
    difference = values[is_impaired].mean() - values[~is_impaired].mean()
    return abs(difference) / values.std()


@functools.cache
def _statistics(*, effect: float) -> dict[str, np.ndarray]:
    """What can be counted in 240 scripts; the last 120 are of impaired speakers."""
    rows = []
    for index in range(240):
        rng = np.random.default_rng([11, index])
        profile = draw_profile(rng, effect=effect if index >= 120 else 0.0)
        words = (script := write_script(profile, rng)).words
        pauses_s = [w.pause_before_s for w in words if w.pause_before_s >= MIN_PAUSE_S]
        content = [w.pause_before_s >= MIN_PAUSE_S for w in words if w.is_content]
        other = [w.pause_before_s >= MIN_PAUSE_S for w in words if not w.is_content]
        rows.append(
            {
                "num_words": len(words),
                "pause_s": np.mean(pauses_s),
                "pauses_before_content": np.mean(content),
                "pauses_before_others": np.mean(other),
                "fillers": np.mean([w.is_filler for w in words]),
                "repetitions": np.mean([w.is_repetition for w in words]),
                "pronouns": np.mean([w.text in PRONOUNS for w in words]),
                "units": len(script.units),
                "rate_wpm": profile.articulation_rate_wpm,
            }
        )
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def test_without_an_effect_the_groups_speak_alike() -> None:
    is_impaired = np.arange(240) >= 120

    for name, values in _statistics(effect=0.0).items():
        assert _effect_size(values, is_impaired) < 0.25, name


def test_an_effect_shows_every_documented_sign() -> None:
    found = _statistics(effect=2.0)
    control = {name: values[:120].mean() for name, values in found.items()}
    impaired = {name: values[120:].mean() for name, values in found.items()}

    for name in ("pause_s", "pauses_before_content", "fillers", "repetitions", "pronouns"):
        assert impaired[name] > 1.3 * control[name], name
    for name in ("units", "rate_wpm"):
        assert impaired[name] < 0.9 * control[name], name
    assert (
        impaired["pauses_before_content"] / control["pauses_before_content"]
        > impaired["pauses_before_others"] / control["pauses_before_others"]
    )


def test_no_single_sign_separates_the_groups() -> None:
    for name, values in _statistics(effect=1.0).items():
        wins = np.mean(values[120:, None] > values[None, :120])
        assert 0.12 < wins < 0.88, name


def test_descriptions_have_a_natural_length() -> None:
    num_words = _statistics(effect=1.0)["num_words"]

    assert np.percentile(num_words, 1) >= 60
    assert np.percentile(num_words, 99) <= 160


def test_a_second_visit_has_nearly_the_habits_of_the_first() -> None:
    profile = draw_profile(np.random.default_rng(1), effect=1.0)

    again = vary_profile(profile, np.random.default_rng(2))

    assert again != profile
    assert again.pause_median_s == pytest.approx(profile.pause_median_s, rel=0.3)


def test_the_picture_has_units_enough_for_every_script() -> None:
    assert 14 <= len(UNITS) <= 18
    assert len({unit.name for unit in UNITS}) == len(UNITS)
    assert len(UNITS) >= MAX_SENTENCES
    for unit in UNITS:
        verb = "are" if unit.is_plural else "is"
        assert all(predicate.split()[0] == verb for predicate in unit.predicates)
        assert not FUNCTION_WORDS & set(" ".join(unit.subjects).split())


def test_people_of_an_odd_number_are_all_invited() -> None:
    people = invite(9, 1.0, effect=1.0, seed=1)

    assert [person.label for person in people].count("control") == 5
    assert {person.num_visits for person in people} == {2}

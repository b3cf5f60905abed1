"""What each check finds, how bad it is, and what it leaves alone."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cogspeech.audit.audit import judge
from cogspeech.audit.base import CHECKS, Evidence, Item, verdict_of
from cogspeech.audit.checks.by_class import ALPHA
from cogspeech.audit.landmarks import Landmarks
from cogspeech.audit.listening import Sound
from cogspeech.audit.voices import Voice
from cogspeech.config import AcceptedFinding, AuditSection
from cogspeech.types import Recording, Transcript, Word

CLASSES = ("control", "dementia")
COUNT = 32


def sound(seed, **changes):
    generator = np.random.default_rng(seed)
    voice = generator.normal(size=26)
    given = {
        "pcm_digest": f"digest {seed}",
        "sample_rate_hz": 16_000,
        "num_channels": 1,
        "codec": "WAV PCM",
        "bits_per_sample": 16,
        "duration_s": float(generator.uniform(40, 90)),
        "dc_offset": 0.0,
        "clipped_share": 0.0,
        "bandwidth_hz": 8_000.0,
        "level_dbfs": float(generator.normal(-25, 3)),
        "noise_dbfs": float(generator.normal(-60, 3)),
        "leading_silence_s": float(generator.uniform(0.1, 2)),
        "speech_s": 30.0,
        "landmarks": Landmarks(
            frames=np.sort(generator.integers(0, 3_000, 600)).astype(np.int32),
            bins=generator.integers(0, 200, 600).astype(np.int16),
        ),
        "voice": Voice(halves=voice + generator.normal(0, 0.1, (2, 26))),
    }
    return Sound(**{**given, **changes})


def transcript(seed, words=60):
    generator = np.random.default_rng(seed)
    texts = (f"w{n}" for n in generator.integers(500, size=words))
    timed = [Word(text=t, start_s=n / 2, end_s=n / 2 + 0.4) for n, t in enumerate(texts)]
    return Transcript(recording_id="r", words=tuple(timed))


def item(number, *, row=None, **changes):
    fields = {
        "recording_id": f"r{(number * 37) % 101}",
        "participant_id": f"p{(number * 37) % 101}",
        "audio_path": Path("/corpus/audio") / f"{(number * 37) % 101}.wav",
        "label": CLASSES[number % 2],
        "task": "picture",
    }
    given = {
        "sound": sound(number),
        "transcript": transcript(number),
        "transcript_source": "manual",
    }
    return Item(recording=Recording(**{**fields, **(row or {})}), **{**given, **changes})


def corpus(change=lambda number: {}, count=COUNT):
    return Evidence(items=tuple(item(n, **change(n)) for n in range(count)), classes=CLASSES)


def found(name, evidence):
    return list(CHECKS.get(name)().find(evidence))


def only(name, evidence):
    (finding,) = found(name, evidence)
    return finding


def test_a_sound_corpus_is_sound():
    audit = judge(corpus(), AuditSection())

    assert (audit.verdict, audit.findings, audit.num_recordings) == ("sound", (), COUNT)


def test_an_accepted_error_keeps_its_reason_and_no_longer_counts():
    evidence = corpus(lambda n: {"sound": sound(n, pcm_digest="same")} if n < 2 else {})
    accepted = AuditSection(accept=(AcceptedFinding(code="same_audio", reason="twins"),))

    before, after = judge(evidence, AuditSection()), judge(evidence, accepted)

    assert (before.verdict, after.verdict) == ("unsound", "sound")
    assert [f.accepted for f in after.findings] == ["twins"]
    assert verdict_of([replace(before.findings[0], severity="warning")]) == "warnings"


COPIES = {
    "label": ({}, "error", "with different labels"),
    "split": ({"label": "control", "official_split": "test"}, "error", "in different splits"),
    "participant": ({"label": "control"}, "error", "of different participants"),
    "visit": ({"label": "control", "participant_id": "p0"}, "warning", "of one participant"),
}


@pytest.mark.parametrize(("row", "severity", "told"), COPIES.values(), ids=COPIES)
@pytest.mark.parametrize("code", ["same_audio", "similar_audio"])
def test_how_bad_a_copy_is_depends_on_whose_it_is(row, severity, told, code):
    copy = sound(0) if code == "same_audio" else replace(sound(0), pcm_digest="another")
    evidence = corpus(lambda n: {"sound": copy, "row": row} if n == 1 else {}, count=4)

    finding = only("same_audio", evidence)

    assert (finding.code, finding.severity) == (code, severity)
    assert finding.recordings == ("r0", "r37")
    assert told in finding.message


def test_three_copies_are_one_group():
    evidence = corpus(lambda n: {"sound": replace(sound(0), pcm_digest=str(n))} if n < 3 else {})

    assert len(only("same_audio", evidence).recordings) == 3


def test_equal_and_almost_equal_transcripts():
    words = transcript(0).words
    corrected = (*words[:30], Word(text="x", start_s=15.0, end_s=15.4), *words[31:])
    said = {1: words, 2: corrected}
    evidence = corpus(
        lambda n: {"transcript": Transcript(recording_id="r", words=said[n])} if n in said else {}
    )

    same, similar = found("same_words", evidence)

    assert (same.code, same.recordings) == ("same_words", ("r0", "r37"))
    assert (similar.code, similar.recordings) == ("similar_words", ("r0", "r37", "r74"))


def test_a_text_that_many_read_is_told_and_few_words_are_left_alone():
    read = found("same_words", corpus(lambda n: {"transcript": transcript(n % 3 == 0 or n)}))
    short = found("same_words", corpus(lambda n: {"transcript": transcript(1, words=19)}))

    assert [(f.code, f.severity) for f in read] == [("read_text", "info")]
    assert short == []


def test_the_same_voice_is_named_with_a_score():
    twin = Voice(halves=sound(0).voice.halves + 0.02)
    finding = only(
        "same_voice", corpus(lambda n: {"sound": sound(n, voice=twin)} if n == 9 else {})
    )

    assert (finding.severity, set(finding.recordings)) == ("warning", {"r0", "r30"})
    assert finding.details["score"] < 0.1


def test_where_all_sound_alike_nobody_is_named():
    generator = np.random.default_rng(0)
    alike = [Voice(halves=generator.normal(0, 0.1, (2, 26))) for _ in range(COUNT)]

    assert found("same_voice", corpus(lambda n: {"sound": sound(n, voice=alike[n])})) == []


def test_visits_of_one_person_may_sound_alike():
    evidence = corpus(
        lambda n: {"sound": sound(n - n % 4 // 2), "row": {"participant_id": f"p{n - n % 4 // 2}"}}
    )

    assert found("same_voice", evidence) == []


def test_a_repeated_id_a_strange_label_and_two_labels_of_one():
    rows = {0: {"recording_id": "r37"}, 2: {"label": "ctrl"}, 4: {"participant_id": "p37"}}
    findings = found("labels", corpus(lambda n: {"row": rows.get(n)}))

    assert {f.code for f in findings} == {"id_repeated", "label_unknown", "conflicting_labels"}
    assert {f.severity for f in findings} == {"error"}
    assert only("labels", corpus(lambda n: {"row": {"label": "control"}})).code == "one_class"


def test_a_person_on_both_sides_and_recordings_on_none():
    def sides(number):
        who = {"participant_id": "p0"} if number == 2 else {}
        return {"row": {"official_split": ("test", "train")[number > 0], **who}}

    assert only("splits", corpus(sides)).code == "participant_in_two_splits"
    partly = only("splits", corpus(lambda n: {"row": {"official_split": "train" if n else None}}))
    assert (partly.code, partly.severity) == ("split_incomplete", "warning")


def half(number, **changes):
    return {"sound": sound(number, **(changes if number % 2 else {}))}


BY_CLASS = {
    "sample_rate": lambda n: half(n, sample_rate_hz=44_100),
    "codec": lambda n: half(n, codec="MP3"),
    "bit_depth": lambda n: half(n, bits_per_sample=24),
    "channels": lambda n: half(n, num_channels=2),
    "loudness": lambda n: half(n, level_dbfs=-5.0 - n / 10),
    "noise_floor": lambda n: half(n, noise_dbfs=-30.0 - n / 10),
    "leading_silence": lambda n: half(n, leading_silence_s=5.0 + n),
    "bandwidth": lambda n: half(n, bandwidth_hz=4_000.0),
    "transcript_format": lambda n: {
        "row": {"transcript_path": Path(f"/corpus/a.{('words.json', 'cha')[n % 2]}")}
    },
    "transcript_source": lambda n: {"transcript_source": ("manual", "whisper")[n % 2]},
    "interviewer": lambda n: (
        {
            "transcript": Transcript(
                recording_id="r", words=(Word(text="so", speaker="interviewer"),)
            )
        }
        if n % 2
        else {}
    ),
    "age": lambda n: {"row": {"age_years": 60.0 + 20 * (n % 2) + n / 9}},
    "education": lambda n: {"row": {"education_years": 8.0 + 8 * (n % 2)}},
    "sex": lambda n: {"row": {"sex": "fm"[n % 2]}},
    "language": lambda n: {"row": {"language": ("en", "es")[n % 2]}},
    "task": lambda n: {"row": {"task": ("picture", "fluency")[n % 2]}},
    "site": lambda n: {"row": {"site": "ab"[n % 2]}},
    "official_split": lambda n: {"row": {"official_split": ("train", "test")[n % 2]}},
}
HARMLESS = {
    "duration": lambda n: half(n, duration_s=200.0 + n),
    "file_name": lambda n: {"row": {"audio_path": Path(f"/corpus/{('a', 'b')[n % 2]}{n}.wav")}},
    "folder_depth": lambda n: {"row": {"audio_path": Path(f"/corpus{'/x' * (n % 2)}/{n}.wav")}},
    "visit": lambda n: {"row": {"visit": "12"[n % 2]}},
    "missing": lambda n: {"row": {"mmse": (None, 20.0)[n % 2]}},
    "column": lambda n: {"row": {"metadata": {"cohort": "ab"[n % 2]}}},
}


@pytest.mark.parametrize("name", BY_CLASS)
def test_a_property_that_tells_the_classes_apart_is_an_error(name):
    codes = {f.code: f for f in found("by_class", corpus(BY_CLASS[name]))}
    finding = codes[f"{name}_by_class"]

    assert finding.severity == "error"
    assert finding.details["p_adjusted"] <= ALPHA
    assert finding.details["explained"] > 0.5


@pytest.mark.parametrize("name", HARMLESS)
def test_what_no_model_sees_or_what_may_be_a_sign_is_a_warning(name):
    assert only("by_class", corpus(HARMLESS[name])).severity == "warning"


def test_a_property_that_only_leans_is_a_warning():
    def change(number):
        is_odd = (number % 2) ^ (number in (0, 5, 10, 15))
        return {"row": {"site": "ab"[is_odd]}}

    finding = only("by_class", corpus(change))

    assert (finding.code, finding.severity) == ("site_by_class", "warning")
    assert finding.details["table"]["control"] == {"a": 14.0, "b": 2.0}


def test_one_class_brought_to_one_level_is_seen():
    finding = only("by_class", corpus(lambda n: half(n, level_dbfs=-25.0 + n / 1000)))

    assert finding.code == "loudness_by_class"
    assert finding.details["auroc"] == pytest.approx(0.5, abs=0.2)


def test_visits_are_not_counted_as_people():
    """Six people with eight visits each say no more than six people."""

    def change(number):
        person = number % 6
        return {"row": {"participant_id": f"p{person}", "label": CLASSES[person % 2],
                        "site": "ab"[person % 2]}}  # fmt: skip

    assert found("by_class", corpus(change, count=48)) == []


def test_differences_of_people_are_described():
    evidence = corpus(lambda n: {"row": {"age_years": 70.0 + 3 * (n % 2) + (n // 2 % 8) / 4}})
    details = only("by_class", evidence).details

    assert details["median"] == {"control": 70.875, "dementia": 73.875}
    assert details["standardised_difference"] == pytest.approx(
        3 / np.std(np.arange(8) / 4, ddof=1), rel=0.05
    )


def test_names_that_give_the_label_away():
    def named(number):
        label = CLASSES[number % 2]
        return {"row": {"audio_path": Path(f"/corpus/{number}_{label}.wav")}}

    def in_folders(number):
        return {"row": {"audio_path": Path(f"/corpus/{CLASSES[number % 2]}/{number}.wav")}}

    def all_alike(number):
        return {"row": {"audio_path": Path(f"/dementia/{number}.wav")}}

    def below_one(number):
        return {"row": {"audio_path": Path(f"/dementia/{CLASSES[number % 2]}/{number}.wav")}}

    def in_order(number):
        return {"row": {"participant_id": f"s{number % 2 * COUNT + number // 2}"}}

    assert [(f.code, f.severity) for f in found("label_in_names", corpus(named))] == [
        ("label_in_name", "warning")
    ]
    assert [(f.code, f.severity) for f in found("label_in_names", corpus(in_folders))] == [
        ("label_in_folder", "info")
    ]
    assert found("label_in_names", corpus(all_alike)) == []
    assert [f.code for f in found("label_in_names", corpus(below_one))] == ["label_in_folder"]
    assert [(f.code, f.severity) for f in found("label_in_names", corpus(in_order))] == [
        ("labels_in_order", "info")
    ]


LIMITS = {
    "clipped": {"sound": sound(1, clipped_share=0.02)},
    "offset": {"sound": sound(1, dc_offset=-0.06)},
    "quiet": {"sound": sound(1, level_dbfs=-56.0, noise_dbfs=-90.0)},
    "noisy": {"sound": sound(1, level_dbfs=-20.0, noise_dbfs=-25.0)},
    "little_speech": {"sound": sound(1, speech_s=0.9)},
    "little_participant": {"transcript": transcript(1, words=6)},
    "few_words": {"transcript": Transcript(recording_id="r", words=(Word(text="a"),) * 4)},
}


@pytest.mark.parametrize("code", LIMITS)
def test_a_recording_beyond_a_limit_is_named(code):
    finding = only("speech_quality", corpus(lambda n: LIMITS[code] if n == 1 else {}))

    assert (finding.code, finding.severity, finding.recordings) == (code, "warning", ("r37",))

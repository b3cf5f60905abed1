"""What a recording must be like for an answer, and where an error ends and an abstention begins."""

import json

import numpy as np
import pytest
import soundfile

from cogspeech import Predictor
from cogspeech.config import TranscriptsSection
from cogspeech.delivery.cli import main
from cogspeech.errors import AudioError, ConfigError, TranscriptError
from cogspeech.explanation.base import EXPLAINERS
from cogspeech.training.bundle import save_bundle
from cogspeech.training.training_ranges import MEASURES, TrainingRange
from small_bundles import TRAINED, random_bundle, tone_study
from tone_corpora import RATE_HZ, tone_recording

NOTHING = {"probability": None, "score": None, "decision": "abstain"}


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return tone_study(tmp_path_factory.mktemp("study"))


@pytest.fixture(scope="module")
def bundle(study):
    return random_bundle(study)


@pytest.fixture(scope="module")
def predictor(bundle):
    return Predictor(bundle)


def recording(folder, samples, *words, language=None, rate_hz=RATE_HZ):
    """A recording and its words file; a word is ``(start_s, end_s)`` or ``()``."""
    soundfile.write(folder / "a.wav", samples, rate_hz)
    spoken = [
        {"text": f"word{n}"} | dict(zip(("start_s", "end_s"), times, strict=False))
        for n, times in enumerate(words)
    ]
    plain = {"words": spoken} | ({"language": language} if language else {})
    (folder / "a.words.json").write_text(json.dumps(plain))
    return folder / "a.wav"


def noise(seconds, seed=0):
    return 0.1 * np.random.default_rng(seed).standard_normal(round(seconds * RATE_HZ))


def codes(answer):
    return [reason.partition(": ")[0] for reason in answer["reasons"]]


def test_an_ordinary_recording_is_answered(predictor, tmp_path):
    tone_recording(tmp_path, "a", words=5)

    answer = predictor.predict(tmp_path / "a.wav")

    assert answer["reasons"] == []
    assert answer["decision"] in ("control", "dementia")
    assert answer["language"] == "en"
    assert answer["explainer"]["name"] == "occlusion"
    assert answer["explainer"]["meaning"] == EXPLAINERS.get("occlusion").meaning


@pytest.mark.parametrize(
    ("samples", "words", "reason"),
    [
        (np.zeros(32_000), [(0.1, 0.3)], "no_speech: the audio is digital silence"),
        (noise(2), [], "no_speech: there is no word"),
        (
            np.concatenate([np.zeros(16_000), noise(1)]),
            [(0.1, 0.3)],
            "no_speech: the audio is digital silence wherever the participant speaks",
        ),
        (
            noise(0.01),
            [(0.0, 0.01)],
            "too_short: less audio of the participant than one frame of the audio encoder",
        ),
    ],
)
def test_where_there_is_nothing_to_embed_it_abstains(predictor, tmp_path, samples, words, reason):
    path = recording(tmp_path, samples, *words)
    if "wherever" in reason:
        plain = json.loads((tmp_path / "a.words.json").read_text())
        plain["words"].append(
            {"text": "so", "start_s": 1.0, "end_s": 1.9, "speaker": "interviewer"}
        )
        (tmp_path / "a.words.json").write_text(json.dumps(plain))

    answer = predictor.predict(path)

    assert answer["reasons"] == [reason]
    assert {key: answer[key] for key in NOTHING} == NOTHING
    assert (answer["words"], answer["streams"]) == ([], [])
    assert answer["quality"]["duration_s"] == pytest.approx(len(samples) / RATE_HZ)
    json.dumps(answer, allow_nan=False)


@pytest.mark.parametrize("name", ["a.ctm", "a.srt"])
def test_words_of_another_format_are_an_error_and_no_silence(predictor, tmp_path, name):
    (tmp_path / name).write_text("subject,age\nsecret,70\n")

    with pytest.raises(TranscriptError, match=f"no word that could be read: .*{name}:1: ") as found:
        predictor.predict(recording(tmp_path, noise(2), (0.1, 0.3)), tmp_path / name)

    assert "secret" not in str(found.value)


@pytest.mark.parametrize(
    ("language", "found"), [("de", ["other_language"]), ("deu", ["other_language"]),
                            ("en-GB", []), ("eng", []), (None, [])],
)  # fmt: skip
def test_another_language_is_a_reason_and_an_unknown_one_is_not(
    predictor, tmp_path, language, found
):
    path = recording(tmp_path, noise(3), (0.1, 0.4), (0.6, 0.9), language=language)

    answer = predictor.predict(path)

    assert codes(answer) == found
    assert answer["language"] == language
    assert answer["score"] is not None


def test_every_measure_has_a_row_and_a_reason_if_it_is_outside(study, tmp_path):
    ranges = {measure.name: TrainingRange(low=1e6, high=1e6) for measure in MEASURES}
    tone_recording(tmp_path, "a", words=5)

    answer = Predictor(random_bundle(study, ranges=ranges)).predict(tmp_path / "a.wav")

    rows = {row["name"]: row for row in answer["quality"]["measures"]}
    assert list(rows) == [measure.name for measure in MEASURES]
    known = [measure for measure in MEASURES if rows[measure.name]["value"] is not None]
    assert len(known) >= 8
    assert [rows[measure.name]["is_inside"] for measure in known] == [False] * len(known)
    assert codes(answer) == [measure.below for measure in known]
    assert rows["words"] == {
        "name": "words",
        "shown": "words",
        "unit": "",
        "value": 5.0,
        "training_low": 1e6,
        "training_high": 1e6,
        "is_inside": False,
    }


def test_a_model_that_only_reads_is_not_put_off_by_the_sound(study, tmp_path):
    ranges = {measure.name: TrainingRange(low=1e6, high=1e6) for measure in MEASURES}
    read = study.model_copy(
        update={"fusion": study.fusion.model_copy(update={"name": "text_only"})}
    )
    tone_recording(tmp_path, "a", words=5)

    answer = Predictor(random_bundle(read, ranges=ranges, sample_rates_hz=(8000,))).predict(
        tmp_path / "a.wav"
    )

    assert codes(answer) == ["too_short"]
    inside = {row["name"]: row["is_inside"] for row in answer["quality"]["measures"]}
    assert [name for name, found in inside.items() if found is not None] == ["words"]


def test_what_the_encoder_cannot_hear_is_no_difference(study, bundle, tmp_path):
    """A browser records at 48 kHz; the encoder hears 16 kHz of it."""
    ranges = {"bandwidth_hz": TrainingRange(low=8000.0, high=8000.0)}
    words = [(0.1, 0.4), (0.6, 0.9)]
    path = recording(tmp_path, noise(9)[: 3 * 48_000], *words, rate_hz=48_000)
    predictor = Predictor(random_bundle(study, ranges=ranges))

    assert predictor.predict(path)["reasons"] == []

    recording(tmp_path, noise(3)[: 3 * 8000], *words, rate_hz=8000)
    assert codes(predictor.predict(path)) == ["other_sample_rate", "outside_training_range"]


def test_an_unreadable_recording_or_words_are_errors(predictor, tmp_path):
    path = recording(tmp_path, noise(3), (0.1, 0.4))
    (tmp_path / "a.words.json").write_text("{")
    with pytest.raises(TranscriptError, match=r"a\.words\.json"):
        predictor.predict(path)
    (tmp_path / "b.words.json").write_text((tmp_path / "a.words.json").read_text())
    (tmp_path / "b.wav").write_text("no audio")
    with pytest.raises(AudioError, match="not readable"):
        predictor.predict(tmp_path / "b.wav")
    with pytest.raises(TranscriptError, match=r"nowhere\.json: no such words file"):
        predictor.predict(path, tmp_path / "nowhere.json")


def test_without_words_and_without_a_recogniser_it_says_what_to_do(predictor, tmp_path):
    soundfile.write(tmp_path / "a.wav", noise(1), RATE_HZ)

    with pytest.raises(TranscriptError, match=r"--transcript, or choose what finds .* such as"):
        predictor.predict(tmp_path / "a.wav")


def test_a_recogniser_that_does_not_exist_is_refused_at_once(bundle):
    with pytest.raises(ConfigError, match="pocketsphinx"):
        Predictor(bundle, recogniser="pocketsphynx")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("faster_whisper", "recogniser faster_whisper: the key 'model' is required"),
        ("{name: faster_whisper", "expected a name, or its options as in a study file"),
        ("{name: pocketsphinx, speed: 2}", "recogniser pocketsphinx: unknown key 'speed'"),
    ],
)
def test_a_recogniser_without_or_with_wrong_options_is_refused(
    bundle, tmp_path, given, said, capsys
):
    save_bundle(bundle, tmp_path / "model")

    assert main(["predict", str(tmp_path / "model"), "a.wav", "--recogniser", given]) == 2

    assert said in capsys.readouterr().err


@pytest.fixture(scope="module")
def heard(study, real_speech, tmp_path_factory):
    """A real sentence, without words, and the answer of a study that used a recogniser."""
    pytest.importorskip("pocketsphinx")
    clip = min((real_speech / "librivox").glob("*.wav"), key=lambda p: p.stat().st_size)
    path = tmp_path_factory.mktemp("real") / "clip.wav"
    path.write_bytes(clip.read_bytes())
    section = TranscriptsSection(source="pocketsphinx", voice_activity="energy")
    training = TRAINED.model_copy(update={"words_from": ("pocketsphinx 5.0.4",)})
    trained = random_bundle(study, transcripts=section, training=training)
    return path, Predictor(trained), Predictor(trained).predict(path)


def test_words_are_found_where_none_are_given(heard):
    _, _, answer = heard

    assert answer["reasons"] == []
    assert len(answer["words"]) >= 4
    assert answer["language"] == "en"
    assert answer["quality"]["words_from"].startswith("pocketsphinx")


def test_words_of_a_recogniser_are_a_reason_where_it_was_trained_on_those_of_people(heard, bundle):
    path, _, answer = heard

    other = Predictor(bundle, recogniser="pocketsphinx").predict(path)

    assert codes(other) == ["other_words"]
    assert other["words"] != []
    assert other["score"] != answer["score"]


def test_a_words_file_goes_before_the_recogniser(heard, tmp_path):
    _, predictor, _ = heard
    tone_recording(tmp_path, "a", words=5)

    answer = predictor.predict(tmp_path / "a.wav")

    assert answer["quality"]["words_from"] == "manual"
    assert codes(answer) == ["other_words"]


def test_several_recordings_on_the_command_line(bundle, tmp_path, capsys):
    save_bundle(bundle, tmp_path / "model")
    for name in ("a", "c"):
        tone_recording(tmp_path, name, words=5)
    (tmp_path / "b.wav").write_text("no audio")
    audio = [str(tmp_path / f"{name}.wav") for name in "abc"]
    out = tmp_path / "answers.json"

    assert main(["predict", str(tmp_path / "model"), *audio]) == 3
    lines, problems = capsys.readouterr()
    assert main(["predict", str(tmp_path / "model"), *audio, "--json", str(out)]) == 3
    readable = capsys.readouterr().out.splitlines()
    assert main(["predict", str(tmp_path / "model"), audio[1], audio[1]]) == 2
    one = capsys.readouterr()

    answers = [json.loads(line) for line in lines.splitlines()]
    assert [answer["recording_id"] for answer in answers] == ["a", "c"]
    assert problems.startswith("1 of 3 recordings failed:\n  audio file")
    assert out.read_text().splitlines() == lines.splitlines()
    decision = f"{answers[0]['decision']}  dementia {answers[0]['probability']:.2f}"
    assert readable[0] == f"a  {decision}"
    assert one.out == ""
    assert one.err.count("\n") == 1
    assert one.err.endswith("(+1 more recordings)\n")


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["a.wav", "b.wav", "--transcript", "w.json"], "--transcript belongs to one audio file"),
        (["a.wav", "b.wav", "--segmentation", "s.csv"], "--segmentation belongs to one audio file"),
        (["a.wav", "--transcript", "w.json", "--recogniser", "pocketsphinx"], "leave one out"),
    ],
)
def test_flags_that_contradict_each_other_are_refused(flags, said, capsys):
    assert main(["predict", "model", *flags]) == 2

    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("source", "language", "expected"),
    [
        ("manual", "english", []),
        ("whisper", "en", ["other_words"]),
        ("manual", "german", ["other_language"]),
    ],
)
def test_who_wrote_the_words_and_in_which_language_is_told_by_name(
    bundle, predictor, tmp_path, source, language, expected
):
    assert bundle.facts.training.words_from == ("manual",)
    tone_recording(tmp_path, "a", words=5)
    path = tmp_path / "a.words.json"
    said = json.loads(path.read_text()) | {"source": source, "language": language}
    path.write_text(json.dumps(said))

    assert codes(predictor.predict(tmp_path / "a.wav")) == expected

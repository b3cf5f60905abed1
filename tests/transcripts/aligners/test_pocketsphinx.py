"""Real voices: sentences, and spoken digits with pauses whose place is known to the sample."""

import dataclasses
import importlib.util
import itertools
import sys

import numpy as np
import pytest
import soundfile

from cogspeech.config import TranscriptsSection
from cogspeech.corpora.audio import read_audio
from cogspeech.errors import MissingExtra, TranscriptError
from cogspeech.transcripts.aligners.pocketsphinx import PocketsphinxAligner
from cogspeech.transcripts.base import checked
from cogspeech.transcripts.speech_energy import find_speech
from cogspeech.transcripts.sphinx import Lexicon, Listener, start_decoder
from cogspeech.types import Recording, Transcript, Utterance, Word
from planted_digits import RATE_HZ, planted, speech_clips

pytest.importorskip("pocketsphinx", reason="the extra 'align' brings pocketsphinx")
pytestmark = pytest.mark.real_speech


@pytest.fixture(scope="module")
def aligner():
    return PocketsphinxAligner(PocketsphinxAligner.Options())


@pytest.fixture(scope="module")
def sentences(real_speech):
    """The clips, with the words that are read in each."""
    folder = real_speech / "librivox"
    found = []
    for line in (folder / "transcription").read_text().splitlines():
        text, _, name = line.removeprefix("<s> ").partition(" </s> ")
        found.append((_recording(folder / f"{name.strip('()')}.wav"), text.split()))
    assert len(found) == 5
    return found


@pytest.fixture(scope="module")
def digits(real_speech):
    return speech_clips(real_speech)


def _recording(path):
    return Recording(recording_id=path.stem, participant_id="p1", audio_path=path, where="a.csv:2")


def _transcript(texts, utterances=(), **fields):
    return Transcript(
        recording_id="r1",
        words=tuple(Word(text=text) for text in texts),
        utterances=tuple(
            Utterance(first_word=a, last_word=b, start_s=start_s, end_s=end_s)
            for a, b, start_s, end_s in utterances
        ),
        **fields,
    )


def _written(path, samples, rate_hz=16_000):
    soundfile.write(path, samples, rate_hz, subtype="PCM_16")
    return _recording(path)


def _spans(transcript):
    return np.array(
        [(np.nan, np.nan) if word.start_s is None else (word.start_s, word.end_s)
         for word in transcript.words]
    )  # fmt: skip


def test_every_word_of_the_sentences_is_where_speech_is(aligner, sentences) -> None:
    for recording, texts in sentences:
        found = aligner.align(_transcript(texts), recording)

        speech = find_speech(read_audio(recording.audio_path, sample_rate_hz=16_000))
        spans = _spans(found)
        assert np.isfinite(spans).all()
        assert (spans[1:, 0] >= spans[:-1, 1] - 1e-9).all()
        heard = [speech.speech_s(*span) / (end - start) for span in spans for start, end in [span]]
        assert np.mean(heard) > 0.9
        assert np.diff(spans).min() >= 0.03
        assert np.diff(spans).max() < 1.5
        assert found.warnings == ()
        checked(found, speech.duration_s, TranscriptsSection())


def test_phones_tile_their_words(aligner, sentences) -> None:
    recording, texts = sentences[0]

    words = aligner.align(_transcript(texts), recording).words

    assert " ".join(phone.label for phone in words[1].phones) == "M IH S T ER"
    for word in words:
        assert word.phones[0].start_s == word.start_s
        assert word.phones[-1].end_s == word.end_s
        for phone, following in itertools.pairwise(word.phones):
            assert phone.end_s == pytest.approx(following.start_s)


@pytest.mark.parametrize("noise", [0.0, 1e-3])
def test_planted_pauses_are_recovered(aligner, digits, tmp_path, noise) -> None:
    errors, recovered = [], []
    for number in range(3):
        generator = np.random.default_rng(number)
        truth = planted(digits, range(15), generator, words=25, noise=noise)

        found = aligner.align(
            _transcript(truth.texts), _written(tmp_path / f"{number}.wav", truth.samples, RATE_HZ)
        )

        error_s = np.abs(_spans(found) - truth.spans_s)
        is_long = truth.spans_s[1:, 0] - truth.spans_s[:-1, 1] >= 0.3
        errors.append(error_s)
        recovered += list(np.maximum(error_s[1:, 0], error_s[:-1, 1])[is_long] <= 0.08)
    assert np.median(errors) <= 0.04
    assert np.percentile(errors, 90) <= 0.15
    assert np.mean(recovered) >= 0.95


def test_what_came_before_changes_nothing(aligner, sentences) -> None:
    recording, texts = sentences[2]
    other, other_texts = sentences[3]
    first = aligner.align(_transcript(texts), recording)
    aligner.align(_transcript(other_texts), other)
    assert aligner.align(_transcript(texts), recording) == first

    with pytest.raises(TranscriptError):
        aligner.align(_transcript(sentences[0][1]), other)
    assert aligner.align(_transcript(texts), recording) == first
    assert _new().align(_transcript(texts), recording) == first


def _new():
    return PocketsphinxAligner(PocketsphinxAligner.Options())


def test_words_that_no_dictionary_has_are_marked(aligner, sentences) -> None:
    recording, texts = sentences[0]
    texts = ["dashwoodd" if text == "dashwood" else text for text in texts]

    words = aligner.align(_transcript(texts), recording).words

    assert [word.text for word in words if word.is_pronunciation_guessed] == ["dashwoodd"]
    assert all(word.is_timed for word in words)


def test_spelling_does_not_matter(aligner, sentences) -> None:
    recording, texts = sentences[0]
    plain = _spans(aligner.align(_transcript(texts), recording))

    shouted = aligner.align(_transcript([f"{text.upper()}," for text in texts]), recording)

    assert (_spans(shouted) == plain).all()


def test_words_that_nobody_understood_have_no_times(aligner, sentences) -> None:
    recording, texts = sentences[0]
    texts = [*texts[:4], "xxx", *texts[4:], "\u4f60"]

    found = aligner.align(_transcript(texts), recording)

    assert [word.text for word in found.words if not word.is_timed] == ["xxx", "\u4f60"]
    assert found.warnings == ("pocketsphinx: 2 words have no times: they cannot be pronounced",)


def test_without_espeak_the_remedy_is_named(sentences, monkeypatch) -> None:
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name, *more: None if name == "espeakng_loader" else find_spec(name, *more),
    )
    recording, texts = sentences[0]

    found = _new().align(_transcript(["qwortlish", *texts]), recording)

    assert "pip install espeakng-loader" in found.warnings[0]
    assert _new().fingerprint()["espeakng_loader"] is None


def test_another_text_is_refused(aligner, sentences) -> None:
    recording, _ = sentences[0]
    _, texts = sentences[4]

    with pytest.raises(TranscriptError, match=r"a\.csv:2: .*none of its \d+ words is heard"):
        aligner.align(_transcript(texts), recording)


def test_no_speech_is_refused(aligner, tmp_path) -> None:
    noise = 0.01 * np.random.default_rng(0).standard_normal(48_000)

    with pytest.raises(TranscriptError, match="none of its 6 words is heard"):
        aligner.align(
            _transcript(["there", "is", "a", "boy", "on", "the"]),
            _written(tmp_path / "noise.wav", noise),
        )


@pytest.mark.parametrize("language", ["de", "zh"])
def test_another_language_is_refused(aligner, sentences, language) -> None:
    recording, texts = sentences[0]

    with pytest.raises(TranscriptError, match=f"language is '{language}'.*another aligner"):
        aligner.align(_transcript(texts, language=language), recording)
    with pytest.raises(TranscriptError, match="another aligner"):
        aligner.align(_transcript(texts), dataclasses.replace(recording, language=language))


@pytest.mark.parametrize("language", ["en", "eng", "en-US"])
def test_english_has_many_names(aligner, sentences, language) -> None:
    recording, texts = sentences[0]

    assert aligner.align(_transcript(texts, language=language), recording).words[0].is_timed


def test_without_the_library_the_extra_is_named(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "pocketsphinx", None)

    with pytest.raises(MissingExtra, match="align"):
        _new()


def _joined(sentences, order, tmp_path, gap_s=0.6):
    """Sentences one after the other, and where each begins; a quiet room between them."""
    pieces, starts, at = [], [], 0
    room = 5e-4 * np.random.default_rng(0).standard_normal(round(gap_s * 16_000))
    for number in order:
        samples, rate_hz = soundfile.read(sentences[number][0].audio_path, dtype="float32")
        assert rate_hz == 16_000
        starts.append(at / rate_hz)
        pieces += [samples, room]
        at += len(samples) + len(room)
    return _written(tmp_path / "long.wav", np.concatenate(pieces)), starts


def _differences(found, sentences, order, starts, alone):
    """Seconds between a word's place in the joined recording and that in its own sentence."""
    at, differences = 0, []
    for number, start_s in zip(order, starts, strict=True):
        count = len(sentences[number][1])
        spans = _spans(found)[at : at + count] - start_s
        differences.append(np.abs(spans - alone[number]))
        at += count
    return differences


@pytest.fixture(scope="module")
def alone(aligner, sentences):
    return [_spans(aligner.align(_transcript(texts), each)) for each, texts in sentences]


@pytest.mark.slow
def test_a_long_recording_without_any_times(aligner, sentences, alone, tmp_path) -> None:
    order = [0, 1, 2, 3, 4] * 3
    recording, starts = _joined(sentences, order, tmp_path)

    found = aligner.align(_transcript([t for n in order for t in sentences[n][1]]), recording)

    differences = np.concatenate(_differences(found, sentences, order, starts, alone))
    assert np.isfinite(differences).all()
    assert np.percentile(differences, 95) <= 0.1
    assert sum(bool(word.phones) for word in found.words) >= 0.95 * len(found.words)


@pytest.mark.slow
@pytest.mark.parametrize("missing", ["in the text", "in the audio"])
def test_where_text_and_audio_differ_the_rest_is_found(
    aligner, sentences, alone, tmp_path, missing
) -> None:
    order = [0, 1, 2, 3, 4] * 3
    shorter = [n for place, n in enumerate(order) if place not in (4, 5)]
    heard, written = (order, shorter) if missing == "in the text" else (shorter, order)
    recording, starts = _joined(sentences, heard, tmp_path)

    found = aligner.align(_transcript([t for n in written for t in sentences[n][1]]), recording)

    spans, at, right, wrong = _spans(found), 0, 0, 0
    places = iter(starts[:4] + starts[6:] if missing == "in the text" else starts)
    for place, number in enumerate(written):
        count = len(sentences[number][1])
        mine = spans[at : at + count]
        at += count
        if missing == "in the audio" and place in (4, 5):
            wrong += int(np.isfinite(mine[:, 0]).sum())
            continue
        right += int((np.abs(mine - next(places) - alone[number]).max(axis=1) <= 0.1).sum())
    total = sum(len(sentences[n][1]) for n in shorter)
    assert right >= 0.85 * total
    assert wrong == 0


def test_utterances_with_times_are_looked_for_there(aligner, sentences, alone, tmp_path) -> None:
    order = [0, 0, 1]  # the same sentence twice: only its times tell which one is meant
    recording, starts = _joined(sentences, order, tmp_path)
    first = sentences[0][1]
    length_s = soundfile.info(sentences[0][0].audio_path).duration
    span = (0, len(first), starts[1], starts[1] + length_s)

    found = aligner.align(_transcript([*first, *sentences[1][1]], [span]), recording)

    differences = _spans(found)[: len(first)] - starts[1] - alone[0]
    assert np.abs(differences).max() <= 0.1
    late = _spans(found)[len(first) :] - starts[2] - alone[1]
    assert np.abs(late).max() <= 0.1


def test_what_was_said_once_cannot_be_two_utterances(aligner, sentences, alone) -> None:
    recording, texts = sentences[0]
    spans = [(0, len(texts), 0.0, 7.0), (len(texts), 2 * len(texts), 0.0, 7.0)]

    spans_s = _spans(aligner.align(_transcript([*texts, *texts], spans), recording))

    assert np.abs(spans_s[: len(texts)] - alone[0]).max() <= 0.1
    timed = spans_s[np.isfinite(spans_s[:, 0])]
    assert (timed[1:, 0] >= timed[:-1, 1] - 1e-9).all()


def test_where_words_repeat_nobody_guesses_which_were_passed_over(sentences) -> None:
    recording, texts = sentences[0]
    samples = read_audio(recording.audio_path, sample_rate_hz=16_000)
    decoder = start_decoder()
    names = [name for text in texts for name in Lexicon(decoder).names(text)]
    listener = Listener(decoder, samples, find_speech(samples))
    length_s = listener.speech.duration_s

    once = listener.hear(names, 0.0, length_s, latest_first=5, may_stop=True)
    twice = listener.hear(names * 2, 0.0, length_s, latest_first=len(names), may_stop=True)

    assert once is not None
    assert (once[0], len(once[1])) == (0, len(names))
    assert twice is None


def test_an_utterance_that_is_not_there_loses_its_times_alone(
    aligner, sentences, alone, tmp_path
) -> None:
    recording, starts = _joined(sentences, [0, 1], tmp_path)
    right, wrong = sentences[0][1], sentences[4][1]
    spans = [
        (0, len(right), 0.0, starts[1]),
        (len(right), len(right) + len(wrong), starts[1], starts[1] + 4.0),
    ]

    found = aligner.align(_transcript([*right, *wrong], spans), recording)

    assert np.abs(_spans(found)[: len(right)] - alone[0]).max() <= 0.1
    assert np.isnan(_spans(found)[len(right) :]).all()
    assert found.warnings == (
        f"pocketsphinx: {len(wrong)} words have no times: they are not heard in the audio",
    )


def test_times_of_another_aligner_are_not_kept(aligner, sentences) -> None:
    recording, texts = sentences[0]
    words = tuple(Word(text=text, start_s=0.0, end_s=9.0, spread=True) for text in texts)
    transcript = Transcript(recording_id="r1", words=words, warnings=("a.cha:3: odd",))

    found = aligner.align(transcript, recording)

    assert not any(word.spread for word in found.words)
    assert found.warnings == ("a.cha:3: odd",)
    assert (_spans(found) == _spans(aligner.align(_transcript(texts), recording))).all()

"""Events, turns and the cache: from a file on disk to events and tokens."""

import dataclasses

import numpy as np
import pytest
import soundfile

from cogspeech.cache import ContentCache, cache_folder
from cogspeech.config import TranscriptsSection
from cogspeech.embeddings.acoustic import AcousticEncoder
from cogspeech.embeddings.extract import (
    CONTEXT_S,
    WINDOW_S,
    embed_recording,
    embed_recordings,
    encode_frames,
    events_of,
)
from cogspeech.embeddings.hashed_words import HashedWordsEncoder
from cogspeech.embeddings.spans import plan_windows
from cogspeech.errors import AudioError
from cogspeech.types import Recording, Transcript, Word

RATE_HZ = 16_000


@pytest.fixture
def encoders():
    return (
        AcousticEncoder(AcousticEncoder.Options(mel_bands=12)),
        HashedWordsEncoder(HashedWordsEncoder.Options(size=16)),
    )


@pytest.fixture
def cache():
    return ContentCache(cache_folder())


def words(*spans, speaker="participant"):
    return tuple(
        Word(text=f"w{index}", start_s=start, end_s=end, speaker=speaker)
        for index, (start, end) in enumerate(spans)
    )


def transcript(*parts, name="r1"):
    return Transcript(recording_id=name, words=tuple(word for part in parts for word in part))


def recording(tmp_path, samples, *, name="r1", rate_hz=RATE_HZ):
    path = tmp_path / f"{name}.wav"
    soundfile.write(path, samples, rate_hz)
    return Recording(
        recording_id=name, participant_id=name, audio_path=path, where="recordings.csv:2"
    )


def noise(seconds, seed=0):
    return 0.1 * np.random.default_rng(seed).standard_normal(round(seconds * RATE_HZ))


def embed(made, said, encoders, cache):
    return embed_recording(made, said, encoders, min_pause_s=0.15, cache=cache)


def test_a_pause_is_an_event_before_the_word_it_delays():
    said = transcript(words((0.1, 0.4), (0.5, 0.9), (1.5, 1.8)))

    events = events_of(said, min_pause_s=0.15)

    assert [(e.word_index, e.is_pause) for e in events] == [
        (0, False),
        (1, False),
        (2, True),
        (2, False),
    ]
    assert (events[2].start_s, events[2].end_s) == (0.9, 1.5)


def test_a_word_without_times_has_tokens_but_no_event(tmp_path, encoders, cache):
    said = transcript(words((0.1, 0.4)), (Word(text="untimed"),), words((1.0, 1.3)))

    embedded = embed(recording(tmp_path, noise(2)), said, encoders, cache)

    assert embedded.event_word.tolist() == [0, 2]
    assert embedded.token_word.tolist() == [0, 1, 2]


def test_what_the_interviewer_says_changes_nothing(tmp_path, encoders, cache):
    said = transcript(
        words((0.2, 0.6)), words((1.0, 2.0), speaker="interviewer"), words((2.5, 2.9))
    )
    samples = noise(3.5)
    louder = samples.copy()
    louder[RATE_HZ : 2 * RATE_HZ] *= 9.0

    first, second = (
        embed(recording(tmp_path, x, name=n), said, encoders, cache)
        for n, x in (("a", samples), ("b", louder))
    )

    np.testing.assert_array_equal(first.event_vectors, second.event_vectors)
    assert not first.event_is_pause.any()


def test_moving_everything_in_time_changes_nothing_but_the_times(tmp_path, encoders, cache):
    said, shift_s = transcript(words((0.5, 0.9), (1.4, 2.0))), 320 * 40 / RATE_HZ
    later = transcript(words((0.5 + shift_s, 0.9 + shift_s), (1.4 + shift_s, 2.0 + shift_s)))
    samples = noise(3)
    moved = np.concatenate([noise(shift_s, seed=9), samples])

    first = embed(recording(tmp_path, samples, name="a"), said, encoders, cache)
    second = embed(recording(tmp_path, moved, name="b"), later, encoders, cache)

    np.testing.assert_allclose(first.event_vectors, second.event_vectors, atol=1e-5)
    np.testing.assert_allclose(first.event_start_s + shift_s, second.event_start_s)


def test_alone_or_among_others_and_in_any_order_it_is_the_same(tmp_path, encoders, monkeypatch):
    made = [recording(tmp_path, noise(2 + i, seed=i), name=f"r{i}") for i in range(3)]
    said = [transcript(words((0.2, 0.7), (1.2, 1.6)), name=f"r{i}") for i in range(3)]

    def run(order, place):
        found = embed_recordings(
            [made[i] for i in order],
            [said[i] for i in order],
            encoders,
            TranscriptsSection(),
            cache=ContentCache(tmp_path / place),
        )
        return {e.recording_id: e.event_vectors for e in found}

    together, reversed_, alone = run([0, 1, 2], "a"), run([2, 1, 0], "b"), run([1], "c")

    for name, vectors in together.items():
        np.testing.assert_array_equal(vectors, reversed_[name])
    np.testing.assert_array_equal(together["r1"], alone["r1"])


def test_the_second_time_nothing_is_encoded(tmp_path, encoders, cache, monkeypatch):
    made, said = recording(tmp_path, noise(2)), transcript(words((0.2, 0.7), (1.2, 1.6)))
    first = embed(made, said, encoders, cache)
    monkeypatch.setattr(AcousticEncoder, "encode", lambda *a: pytest.fail("encoded again"))
    monkeypatch.setattr(HashedWordsEncoder, "encode", lambda *a: pytest.fail("encoded again"))

    again = embed(made, said, encoders, cache)

    np.testing.assert_array_equal(first.event_vectors, again.event_vectors)
    np.testing.assert_array_equal(first.token_vectors, again.token_vectors)


@pytest.mark.parametrize("change", ["audio", "times", "encoder"])
def test_whatever_the_numbers_depend_on_is_part_of_the_key(tmp_path, encoders, cache, change):
    made, said = recording(tmp_path, noise(2)), transcript(words((0.2, 0.7), (1.2, 1.6)))
    before = embed(made, said, encoders, cache).event_vectors
    if change == "audio":
        made = recording(tmp_path, noise(2, seed=5))
    elif change == "times":
        said = transcript(words((0.2, 0.75), (1.2, 1.6)))
    else:
        encoders = (AcousticEncoder(AcousticEncoder.Options(mel_bands=13)), encoders[1])

    after = embed(made, said, encoders, cache).event_vectors

    assert before.shape != after.shape or not np.array_equal(before, after)


def test_windows_give_the_frames_of_the_whole(encoders):
    """The acoustic encoder has no context, so the windows of a long recording must be exact."""
    samples = noise(WINDOW_S + CONTEXT_S + 3.3).astype(np.float32)

    frames = encode_frames(samples, encoders[0])

    np.testing.assert_allclose(frames, encoders[0].encode(samples[None])[0], atol=1e-5)


def test_less_than_one_frame_is_refused(tmp_path, encoders, cache):
    made = recording(tmp_path, noise(0.03))

    with pytest.raises(AudioError, match=r"recordings\.csv:2: .*less than one frame"):
        embed(made, transcript(words((0.0, 0.02))), encoders, cache)


def test_the_sample_rate_of_the_file_does_not_matter_much(tmp_path, encoders, cache):
    time_s = np.arange(2 * 48_000) / 48_000
    tone = 0.3 * np.sin(2 * np.pi * 300 * time_s) * (1 + np.sin(2 * np.pi * 3 * time_s))
    said = transcript(words((0.2, 0.7), (1.2, 1.6)))

    fast = embed(recording(tmp_path, tone, name="a", rate_hz=48_000), said, encoders, cache)
    slow = embed(recording(tmp_path, tone[::3], name="b"), said, encoders, cache)

    similar = np.corrcoef(fast.event_vectors.ravel(), slow.event_vectors.ravel())[0, 1]
    assert similar > 0.99


def test_event_vectors_are_relative_to_the_recording(tmp_path, encoders, cache):
    made, said = recording(tmp_path, noise(2)), transcript(words((0.0, 1.0), (1.0, 2.0)))

    embedded = embed(made, said, encoders, cache)

    np.testing.assert_allclose(embedded.event_vectors.mean(axis=0), 0, atol=0.05)
    assert dataclasses.is_dataclass(embedded)


def test_no_window_is_padded_to_share_a_batch(encoders, monkeypatch):
    heard, encode = [], AcousticEncoder.encode
    monkeypatch.setattr(
        AcousticEncoder, "encode", lambda self, w: heard.extend(map(len, w)) or encode(self, w)
    )
    samples, geometry = noise(3 * WINDOW_S + 5).astype(np.float32), encoders[0].geometry

    encode_frames(samples, encoders[0])

    planned = plan_windows(
        len(samples),
        geometry,
        window_frames=int(WINDOW_S * 50),
        context_frames=int(CONTEXT_S * 50),
    )
    assert sorted(heard) == sorted(w.stop_sample - w.start_sample for w in planned)


def test_a_window_hears_its_context_on_both_sides(encoders, monkeypatch):
    heard, encode = [], AcousticEncoder.encode
    monkeypatch.setattr(
        AcousticEncoder, "encode", lambda self, w: heard.append(w.shape[1]) or encode(self, w)
    )

    encode_frames(noise(3 * WINDOW_S).astype(np.float32), encoders[0])

    assert max(heard) / RATE_HZ == pytest.approx(WINDOW_S + 2 * CONTEXT_S, abs=0.05)


def test_the_text_encoder_is_part_of_the_key_of_the_tokens(tmp_path, encoders, cache):
    made, said = recording(tmp_path, noise(2)), transcript(words((0.2, 0.7), (1.2, 1.6)))
    other = HashedWordsEncoder(HashedWordsEncoder.Options(size=20))

    sizes = [
        embed(made, said, (encoders[0], text), cache).token_vectors.shape[1]
        for text in (encoders[1], other)
    ]

    assert sizes == [encoders[1].dimension, other.dimension]


def test_the_turns_are_part_of_the_key_of_the_events(tmp_path, encoders, cache):
    """A short "mhm" moves no word and no pause, but its audio is not the participant's."""
    made, own = recording(tmp_path, noise(2)), words((0.2, 0.7), (0.8, 1.4))
    said = transcript(own[:1], words((0.72, 0.78), speaker="interviewer"), own[1:])
    embed(made, transcript(own), encoders, cache)

    found = embed(made, said, encoders, cache)

    alone = embed(made, said, encoders, ContentCache(tmp_path / "another"))
    np.testing.assert_array_equal(found.event_vectors, alone.event_vectors)


def test_the_participants_audio_is_prepared_once_as_a_whole(tmp_path, encoders, cache, monkeypatch):
    heard, prepare = [], AcousticEncoder.prepare
    monkeypatch.setattr(
        AcousticEncoder, "prepare", lambda self, s: heard.append(len(s)) or prepare(self, s)
    )
    asked = words((25.5, 29.0), speaker="interviewer")

    said = transcript(words((0.5, 25.0)), asked, words((29.5, 55.0)))
    embed(recording(tmp_path, noise(56)), said, encoders, cache)

    assert [n / RATE_HZ for n in heard] == pytest.approx([25.0 + 26.0], abs=0.01)


def test_what_the_interviewer_says_is_no_token_and_no_event(tmp_path, encoders, cache):
    own, asked = words((0.2, 0.6), (1.6, 2.0)), words((0.8, 1.4), speaker="interviewer")

    embedded = embed(
        recording(tmp_path, noise(3)), transcript(own[:1], asked, own[1:]), encoders, cache
    )

    assert embedded.token_word.tolist() == [0, 1]
    assert embedded.event_word.tolist() == [0, 1]

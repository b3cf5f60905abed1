"""Events, turns and the cache: from a file on disk to events and tokens."""

import dataclasses

import numpy as np
import pytest
import soundfile

from checkpoints import save_audio_checkpoint
from cogspeech.cache import ContentCache, cache_folder
from cogspeech.corpora.audio import read_audio
from cogspeech.embeddings.acoustic import AcousticEncoder
from cogspeech.embeddings.base import Level
from cogspeech.embeddings.entries import Job, events_of, jobs_of
from cogspeech.embeddings.extract import embed_recordings
from cogspeech.embeddings.hashed_words import HashedWordsEncoder
from cogspeech.embeddings.huggingface import HuggingFaceAudioEncoder
from cogspeech.embeddings.spans import frames_of_words, pool_spans
from cogspeech.errors import EmbeddingError
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
    job = Job(recording=made, transcript=said, min_pause_s=0.15)
    (embedded,) = embed_recordings([job], encoders, cache=cache)
    return embedded


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
            jobs_of([made[i] for i in order], [said[i] for i in order], min_pause_s=0.15),
            encoders,
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


def test_windows_give_the_frames_of_the_whole(tmp_path, encoders, cache):
    """The acoustic encoder has no context, so the windows of a long recording must be exact."""
    spans = np.array([(at, at + 0.4) for at in np.arange(0.5, 49, 0.9)])
    made, said = recording(tmp_path, noise(50)), transcript(words(*spans.tolist()))

    found = embed(made, said, encoders, cache)

    encoder = encoders[0]
    samples = read_audio(made.audio_path, sample_rate_hz=RATE_HZ)[
        : round((spans[-1, 1] + 0.25) * RATE_HZ)
    ]
    samples = samples[round(0.25 * RATE_HZ) :]
    level = Level(mean=float(samples.mean()), variance=float(samples.var()))
    frames = encoder.encode(encoder.prepare(samples, level)[None])[0]
    edges = (spans - 0.25) * RATE_HZ
    first, last = frames_of_words(edges[:, 0], edges[:, 1], encoder.geometry, len(frames))
    whole = pool_spans(frames, first, last) - frames.mean(axis=0)
    np.testing.assert_allclose(found.event_vectors[~found.event_is_pause], whole, atol=1e-4)


def test_less_than_one_frame_is_refused(tmp_path, encoders, cache):
    made = recording(tmp_path, noise(0.03))

    with pytest.raises(EmbeddingError, match=r"recordings\.csv:2: .*less than one frame"):
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


@pytest.fixture
def heard(monkeypatch):
    """The shapes of all encoder calls."""
    shapes, encode = [], AcousticEncoder.encode
    monkeypatch.setattr(
        AcousticEncoder, "encode", lambda self, w: shapes.append(w.shape) or encode(self, w)
    )
    return shapes


def test_a_window_hears_its_context_on_both_sides(tmp_path, encoders, cache, heard):
    embed(recording(tmp_path, noise(70)), transcript(words((0.1, 69.5))), encoders, cache)

    longest = max(length for _, length in heard)
    options = encoders[0].options
    assert longest / RATE_HZ == pytest.approx(options.window_s + 2 * options.context_s, abs=0.05)


def test_windows_of_equal_length_share_a_call_across_recordings(tmp_path, encoders, cache, heard):
    options = AcousticEncoder.Options(mel_bands=12, window_s=20.0, context_s=2.0)
    encoders = (AcousticEncoder(options), encoders[1])
    lengths_s = (46.0, 46.0, 7.0, 7.0, 7.0, 9.5)
    made = [recording(tmp_path, noise(s, i), name=f"r{i}") for i, s in enumerate(lengths_s)]
    said = [transcript(words((0.1, s - 0.1)), name=f"r{i}") for i, s in enumerate(lengths_s)]

    embed_recordings(jobs_of(made, said, min_pause_s=0.15), encoders, cache=cache)

    seconds = sorted((count, round(length / RATE_HZ)) for count, length in heard)
    # Two recordings of 46 s: beginnings, middles and ends; three of 7 s; one of 9.5 s.
    assert seconds == [(1, 10), (2, 8), (2, 22), (2, 24), (3, 7)]


@pytest.mark.parametrize("pooling", ["in_context", "isolated_words"])
def test_no_sample_that_was_not_recorded_is_heard(tmp_path, cache, monkeypatch, pooling):
    """Not padded: every sample that an encoder hears is one of the recording."""
    options = AcousticEncoder.Options(mel_bands=4, pooling=pooling)
    encoders = (
        AcousticEncoder(options),
        HashedWordsEncoder(HashedWordsEncoder.Options(size=16)),
    )
    samples, encode = [], AcousticEncoder.encode
    monkeypatch.setattr(
        AcousticEncoder, "encode", lambda self, w: samples.extend(w.ravel()) or encode(self, w)
    )
    monkeypatch.setattr(AcousticEncoder, "prepare", lambda self, s, level: s)
    recorded = noise(23.7)
    said = transcript(words((0.1, 0.33), (0.4, 0.405), (5.0, 23.0)))

    made = recording(tmp_path, recorded)
    embed(made, said, encoders, cache)

    known = read_audio(made.audio_path, sample_rate_hz=RATE_HZ)
    assert np.isin(np.array(samples), known).all()


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


def test_every_window_is_prepared_by_the_level_of_all_turns(tmp_path, encoders, cache, monkeypatch):
    levels, prepare = [], AcousticEncoder.prepare
    monkeypatch.setattr(
        AcousticEncoder, "prepare", lambda self, s, at: levels.append(at) or prepare(self, s, at)
    )
    samples = noise(56)
    samples[: 25 * RATE_HZ] *= 0.1
    asked = words((25.5, 29.0), speaker="interviewer")
    made = recording(tmp_path, samples)

    embed(made, transcript(words((0.5, 25.0)), asked, words((29.5, 55.0))), encoders, cache)

    known = read_audio(made.audio_path, sample_rate_hz=RATE_HZ)
    kept = np.concatenate(
        [
            known[4_000 : round(25.25 * RATE_HZ)],
            known[round(29.25 * RATE_HZ) : round(55.25 * RATE_HZ)],
        ]
    )
    assert len(levels) >= 2
    for level in levels:
        assert level.mean == pytest.approx(kept.mean(), abs=1e-6)
        assert level.variance == pytest.approx(kept.var(), rel=1e-4)


def test_what_the_interviewer_says_is_no_token_and_no_event(tmp_path, encoders, cache):
    own, asked = words((0.2, 0.6), (1.6, 2.0)), words((0.8, 1.4), speaker="interviewer")

    embedded = embed(
        recording(tmp_path, noise(3)), transcript(own[:1], asked, own[1:]), encoders, cache
    )

    assert embedded.token_word.tolist() == [0, 1]
    assert embedded.event_word.tolist() == [0, 1]


@pytest.mark.parametrize(
    "option",
    [{"storage": "float16"}, {"pooling": "isolated_words"}, {"window_s": 5.0}, {"context_s": 2.5}],
)
def test_every_option_of_the_embedding_is_part_of_the_key(tmp_path, encoders, cache, option):
    made, said = recording(tmp_path, noise(9)), transcript(words((0.2, 0.7), (1.2, 1.6)))
    embed(made, said, encoders, cache)
    before = {entry.key for entry in cache.entries() if entry.kind == "audio"}
    other = AcousticEncoder(AcousticEncoder.Options(mel_bands=12, **option))

    embed(made, said, (other, encoders[1]), cache)

    after = {entry.key for entry in cache.entries() if entry.kind == "audio"}
    assert before < after


def test_stored_as_float16_it_is_nearly_the_same_and_half_as_large(tmp_path, encoders):
    said = transcript(words(*[(at, at + 0.3) for at in np.arange(0.1, 18, 0.4).tolist()]))
    made, caches = recording(tmp_path, noise(20)), {}
    found = {}
    for storage in ("float32", "float16"):
        chosen = (
            AcousticEncoder(AcousticEncoder.Options(mel_bands=12, storage=storage)),
            HashedWordsEncoder(HashedWordsEncoder.Options(size=16, storage=storage)),
        )
        caches[storage] = ContentCache(tmp_path / storage)
        found[storage] = embed(made, said, chosen, caches[storage])

    assert found["float16"].event_vectors.dtype == np.float16
    np.testing.assert_allclose(
        found["float16"].event_vectors, found["float32"].event_vectors, atol=5e-3
    )
    sizes = {
        storage: sum(e.num_bytes for e in cache.entries() if e.kind == "audio")
        for storage, cache in caches.items()
    }
    assert sizes["float16"] < 0.6 * sizes["float32"]


def test_values_that_float16_cannot_hold_are_refused(tmp_path, encoders, cache, monkeypatch):
    encode = AcousticEncoder.encode
    monkeypatch.setattr(AcousticEncoder, "encode", lambda self, w: 1e9 * encode(self, w))
    half = AcousticEncoder(AcousticEncoder.Options(mel_bands=12, storage="float16"))

    with pytest.raises(EmbeddingError, match="float16 cannot hold; set its dtype and storage"):
        embed(
            recording(tmp_path, noise(2)), transcript(words((0.2, 0.7))), (half, encoders[1]), cache
        )


def test_the_same_audio_in_another_file_is_not_encoded_again(tmp_path, encoders, cache, heard):
    samples, said = noise(2), transcript(words((0.2, 0.7)))
    embed(recording(tmp_path, samples), said, encoders, cache)
    calls = len(heard)
    stored, _ = soundfile.read(tmp_path / "r1.wav", dtype="int16")
    soundfile.write(tmp_path / "again.flac", stored, RATE_HZ)
    again = dataclasses.replace(
        recording(tmp_path, samples, name="other"), audio_path=tmp_path / "again.flac"
    )

    embed(again, said, encoders, cache)

    assert len(heard) == calls


def test_a_damaged_entry_is_made_again(tmp_path, encoders, cache):
    made, said = recording(tmp_path, noise(2)), transcript(words((0.2, 0.7)))
    first = embed(made, said, encoders, cache)
    for path in cache.folder.glob("??/*.safetensors"):
        damaged = bytearray(path.read_bytes())
        damaged[-1] ^= 1
        path.write_bytes(damaged)

    again = embed(made, said, encoders, cache)

    np.testing.assert_array_equal(first.event_vectors, again.event_vectors)
    np.testing.assert_array_equal(first.token_vectors, again.token_vectors)
    assert len(list(cache.folder.glob("??/*.safetensors"))) == 3


def test_one_bad_recording_is_named_and_the_others_are_in_the_cache(tmp_path, encoders, cache):
    made = [recording(tmp_path, noise(2, i), name=f"r{i}") for i in range(4)]
    said = [transcript(words((0.2, 0.7)), name=f"r{i}") for i in range(4)]
    content = made[2].audio_path.read_bytes()
    made[2].audio_path.write_bytes(content[: len(content) // 2])
    jobs = jobs_of(made, said, min_pause_s=0.15)

    with pytest.raises(
        EmbeddingError, match=r"recordings\.csv:2: .*r2\.wav' breaks off at 1\.00 s"
    ):
        embed_recordings(jobs, encoders, cache=cache)

    assert len(embed_recordings([*jobs[:2], jobs[3]], encoders, cache=cache)) == 3
    assert sum(entry.kind == "audio" for entry in cache.entries()) == 3


def test_participants_of_the_same_entry_are_both_remembered(tmp_path, encoders, cache):
    samples, said = noise(2), transcript(words((0.2, 0.7)))
    for name in ("a", "b"):
        embed(recording(tmp_path, samples, name=name), said, encoders, cache)

    assert cache.keys_of("a") == cache.keys_of("b")
    assert len(cache.keys_of("a")) == 3


@pytest.mark.parametrize(
    "kind",
    [
        "wav2vec2",
        "whisper",
        pytest.param("wav2vec2-layer-norm", marks=pytest.mark.slow),
        pytest.param("wavlm", marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize(
    "pooling", ["in_context", pytest.param("isolated_words", marks=pytest.mark.slow)]
)
def test_transformers_give_the_same_alone_and_among_others(tmp_path, kind, pooling):
    folder = save_audio_checkpoint(kind, tmp_path / "model")
    text = HashedWordsEncoder(HashedWordsEncoder.Options(size=16))
    lengths_s = (3.0, 33.0, 3.0) if pooling == "in_context" else (3.0, 4.0, 3.0)
    made = [recording(tmp_path, noise(s, i), name=f"r{i}") for i, s in enumerate(lengths_s)]
    said = [
        transcript(words((0.1, 0.5), (0.9, 1.3), (1.5, s - 0.1)), name=f"r{i}")
        for i, s in enumerate(lengths_s)
    ]
    jobs = jobs_of(made, said, min_pause_s=0.15)

    def run(chosen, place):
        options = HuggingFaceAudioEncoder.Options(model=str(folder), pooling=pooling)
        encoders = (HuggingFaceAudioEncoder(options), text)
        found = embed_recordings(chosen, encoders, cache=ContentCache(tmp_path / place))
        return {e.recording_id: e.event_vectors for e in found}

    together = run(jobs, "together")
    alone = [run([job], f"alone-{job.recording.recording_id}") for job in jobs]
    backwards = run(jobs[::-1], "backwards")

    for one in alone:
        for name, vectors in one.items():
            np.testing.assert_allclose(together[name], vectors, atol=1e-5)
            np.testing.assert_allclose(together[name], backwards[name], atol=1e-5)


def test_an_isolated_word_hears_nothing_but_itself(tmp_path, cache, monkeypatch):
    monkeypatch.setattr(HuggingFaceAudioEncoder, "prepare", lambda self, s, level: s)
    folder = save_audio_checkpoint("wav2vec2", tmp_path / "model")
    text = HashedWordsEncoder(HashedWordsEncoder.Options(size=16))
    spans = ((0.1, 0.6), (1.0, 1.4))
    samples = noise(2)
    louder = samples.copy()
    louder[round(1.0 * RATE_HZ) : round(1.4 * RATE_HZ)] = noise(0.4, seed=8)

    def changed(pooling):
        options = HuggingFaceAudioEncoder.Options(model=str(folder), pooling=pooling)
        encoders = (HuggingFaceAudioEncoder(options), text)
        one, two = (
            embed(recording(tmp_path, x, name=n), transcript(words(*spans)), encoders, cache)
            for n, x in (("a", samples), ("b", louder))
        )
        return np.abs(one.event_vectors - two.event_vectors).max(axis=1)

    word, _pause, other = changed("isolated_words")
    assert word == 0 < other
    assert changed("in_context")[0] > 1e-3


def test_more_context_brings_windows_nearer_to_the_whole(tmp_path):
    """The tolerance that docs/explanation/embedding.md names, on random weights."""
    folder = save_audio_checkpoint("wav2vec2-layer-norm", tmp_path / "model")
    text = HashedWordsEncoder(HashedWordsEncoder.Options(size=16))
    spans = [(at, at + 0.3) for at in np.arange(0.1, 19, 0.4).tolist()]
    made, said = recording(tmp_path, noise(20)), transcript(words(*spans))

    def vectors(window_s, context_s):
        options = HuggingFaceAudioEncoder.Options(
            model=str(folder), window_s=window_s, context_s=context_s
        )
        cache = ContentCache(tmp_path / "cache")
        return embed(made, said, (HuggingFaceAudioEncoder(options), text), cache).event_vectors

    whole = vectors(30.0, 0.0)
    apart = [
        float(np.sqrt(np.mean(np.square(vectors(5.0, context_s) - whole))) / whole.std())
        for context_s in (0.0, 1.0, 2.0)
    ]
    assert apart[0] > apart[1] > apart[2]
    assert apart[2] < 0.1

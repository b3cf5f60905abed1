"""The weights without their library, compared with the library itself."""

import json
import subprocess
import sys
from importlib import metadata

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import given
from hypothesis import strategies as st

from cogspeech.config import TranscriptsSection
from cogspeech.errors import MissingExtra
from cogspeech.transcripts.detectors import silero as module
from cogspeech.transcripts.voice_activity import build_detector

RATE_HZ = 16_000


@pytest.fixture(scope="module")
def library():
    """silero_vad, which sets torch to one thread when it is imported."""
    threads = torch.get_num_threads()
    import silero_vad

    torch.set_num_threads(threads)
    return silero_vad


def detector():
    return build_detector(TranscriptsSection(voice_activity="silero"))


@pytest.mark.real_speech
def test_the_library_hears_speech_in_the_same_places(library, real_speech):
    """Its streaming model, frame by frame; the second clip lies over the border of two blocks."""
    clips = sorted((real_speech / "librivox").glob("*.wav"))
    noise = 1e-3 * np.random.default_rng(0).standard_normal(12 * RATE_HZ)
    pieces = [soundfile.read(clips[1])[0], noise, soundfile.read(clips[4])[0][:-100]]
    samples = np.concatenate(pieces).astype(np.float32)
    model = library.load_silero_vad(onnx=True)
    frames = torch.from_numpy(np.pad(samples, (0, -len(samples) % 512))).split(512)
    judged = [model(frame, RATE_HZ).item() for frame in frames]
    expected = library.get_speech_timestamps(
        torch.from_numpy(samples), model, min_speech_duration_ms=100, speech_pad_ms=0
    )
    assert len(frames) > module.BLOCK_FRAMES
    assert len(expected) >= 2
    own = detector()

    probabilities, spans = own._probabilities(samples), own.detect(samples)

    assert np.abs(probabilities - judged).max() < 1e-4
    assert spans.ravel() * RATE_HZ == pytest.approx(
        [each[edge] for each in expected for edge in ("start", "end")]
    )


def test_probabilities_become_stretches_as_in_the_library(library):
    probability = st.sampled_from([0.0, 0.2, 0.3, 0.36, 0.45, 0.49, 0.5, 0.51, 0.9])

    @given(st.lists(probability, min_size=1, max_size=40), st.integers(0, 511))
    def check(probabilities, missing):
        num_samples = 512 * len(probabilities) - missing
        expected = library.get_speech_timestamps_from_probs(
            probabilities,
            min_speech_duration_ms=100,
            speech_pad_ms=0,
            audio_length_samples=num_samples,
        )
        spans = module.speech_spans(np.array(probabilities), num_samples / RATE_HZ)
        assert spans.shape == (len(expected), 2)
        assert spans.ravel() * RATE_HZ == pytest.approx(
            [each[edge] for each in expected for edge in ("start", "end")]
        )

    check()


def test_torch_is_neither_loaded_nor_told_anything():
    code = """if True:
        import json, sys
        import numpy as np
        from cogspeech.config import TranscriptsSection
        from cogspeech.transcripts.voice_activity import build_detector
        found = build_detector(TranscriptsSection(voice_activity="silero"))
        found.fingerprint(), found.detect(np.zeros(8000, dtype=np.float32))
        print(json.dumps([name for name in ("torch", "silero_vad") if name in sys.modules]))
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert json.loads(done.stdout) == []


def test_the_key_holds_the_weights_and_what_runs_them():
    found = detector().fingerprint()

    assert len(found["model"]) == 64
    assert found["runtime"] == metadata.version("onnxruntime")


def test_a_missing_runtime_gives_the_pip_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)

    with pytest.raises(MissingExtra, match=r"onnxruntime is not .* pip install 'cogspeech\[vad\]'"):
        detector()


def test_missing_weights_give_the_pip_line(monkeypatch):
    monkeypatch.setattr(module, "MODEL", "silero_vad/data/none.onnx")
    with pytest.raises(MissingExtra, match=r"has no none.onnx; .* --upgrade 'cogspeech\[vad\]'"):
        detector()

    def missing(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(module, "distribution", missing)
    with pytest.raises(MissingExtra, match=r"silero-vad is not .* pip install 'cogspeech\[vad\]'"):
        detector()

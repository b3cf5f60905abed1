"""A recording gets the same bits in a study and alone, with and without a cache, in any thread."""

from concurrent.futures import ThreadPoolExecutor
from itertools import groupby

import numpy as np
import pytest
import torch

from checkpoints import save_audio_checkpoint, save_text_checkpoint
from cogspeech import Predictor
from cogspeech.cache import ContentCache, file_digest
from cogspeech.delivery.transient_cache import TransientCache
from cogspeech.errors import AudioError, BundleError
from cogspeech.explanation.base import EXPLAINERS
from cogspeech.training.bundle import load_bundle, save_bundle
from cogspeech.training.prediction import one_thread, predict_answers
from small_bundles import embedded_in_company, random_bundle, tone_study

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
CHOICES = {
    "small": ({"name": "acoustic"}, {"name": "hashed_words"}),
    "wav2vec2": ("wav2vec2", "roberta"),
    "whisper": ("whisper", "bert"),
    "half": ("wavlm", "distilbert"),
}


@pytest.fixture(scope="module", params=CHOICES)
def known(request, tmp_path_factory):
    """A bundle, and what the study path says about six recordings, by name of the file."""
    folder = tmp_path_factory.mktemp(request.param)
    audio, text = CHOICES[request.param]
    if isinstance(audio, str):
        storage = "float16" if request.param == "half" else "float32"
        audio, text = (
            {"name": "huggingface", "model": str(place), "storage": storage}
            for place in (
                save_audio_checkpoint(audio, folder / "audio_encoder"),
                save_text_checkpoint(text, folder / "text_encoder"),
            )
        )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COGSPEECH_CACHE", str(folder / "cache-of-the-study"))
        study = tone_study(folder, audio_encoder=audio, text_encoder=text)
        torch.manual_seed(0)
        bundle = random_bundle(study)
        cases = embedded_in_company(study)
        model, objective = bundle.model, bundle.objective
        together = predict_answers(model, objective, [case.embedded for case in cases])
        explainer = EXPLAINERS.get(bundle.facts.explainer)()
        with one_thread():
            words = [
                explainer.explain(model, case.embedded, case.transcript, objective=objective)
                for case in cases
            ]
    in_study = {
        case.recording.audio_path: (score, [each.value for each in attributions])
        for case, score, attributions in zip(cases, together.positive, words, strict=True)
    }
    return bundle, in_study


def bits(answer):
    return answer["score"], [word["attribution"] for word in answer["words"]]


def test_recordings_of_the_study_share_lengths(known):
    """So that their windows could share a call, which changes bits where calls are shared."""
    _, in_study = known
    sizes = sorted(path.stat().st_size for path in in_study)
    assert [len(list(group)) for _, group in groupby(sizes)] == [2, 2, 2]


def test_alone_and_in_the_study_the_bits_are_the_same(known):
    bundle, in_study = known
    predictor = Predictor(bundle)

    for path, expected in in_study.items():
        assert bits(predictor.predict(path)) == expected


def test_with_a_cache_anew_and_from_it_and_in_any_order(known, tmp_path):
    bundle, in_study = known
    cached = Predictor(bundle, cache=ContentCache(tmp_path))

    for path in [*reversed(in_study), *in_study]:
        assert bits(cached.predict(path)) == in_study[path]
    assert any(tmp_path.glob("??/*.safetensors"))


def test_threads_get_the_same_bits(known):
    bundle, in_study = known
    predictor = Predictor(bundle)

    with ThreadPoolExecutor(4) as pool:
        answers = dict(zip(in_study, pool.map(predictor.predict, in_study), strict=True))

    assert {path: bits(answer) for path, answer in answers.items()} == in_study


@pytest.fixture
def small(tmp_path):
    return random_bundle(tone_study(tmp_path)), tmp_path / "audio" / "p000-v1.wav"


def test_without_a_cache_nothing_is_kept(small, tmp_path, monkeypatch):
    bundle, path = small
    place = tmp_path / "cache"
    monkeypatch.setenv("COGSPEECH_CACHE", str(place))
    before = sorted(tmp_path.rglob("*"))
    predictor = Predictor(bundle)

    predictor.predict(path)

    assert sorted(tmp_path.rglob("*")) == before
    assert predictor._cache._entries == {}


def test_after_an_error_nothing_is_kept_and_the_next_is_answered(small, tmp_path):
    bundle, path = small
    predictor = Predictor(bundle)
    (tmp_path / "no.wav").write_bytes(b"no audio")

    def stop(stage, done, total, *, audio_s=0.0):
        if stage == "explain":
            raise KeyboardInterrupt

    with pytest.raises(AudioError):
        predictor.predict(tmp_path / "no.wav", path.with_name("p000-v1.words.json"))
    with pytest.raises(KeyboardInterrupt):
        predictor.predict(path, progress=stop)

    assert predictor._cache._entries == {}
    assert predictor.predict(path)["score"] is not None


def test_progress_is_told_by_stage_and_window(small):
    bundle, path = small
    told = []

    Predictor(bundle).predict(path, progress=lambda *step, audio_s=0.0: told.append(step))

    assert told == [
        ("words", 0, 1),
        ("words", 1, 1),
        ("embed", 0, 1),
        ("embed", 1, 1),
        ("explain", 1, 1),
    ]


def test_a_transient_cache_forgets():
    cache = TransientCache()
    cache.write("k", {"a": np.ones(2)}, kind="audio", maker="m", participant_id="p")
    assert cache.read("k")["a"].tolist() == [1.0, 1.0]

    cache.forget()

    assert cache.read("k") is None


def test_what_the_encoders_depend_on_travels(tmp_path):
    place = save_audio_checkpoint("wavlm", tmp_path / "encoder")
    chosen = {"name": "huggingface", "model": str(place), "layers": [0, -1]}

    save_bundle(random_bundle(tone_study(tmp_path, audio_encoder=chosen)), tmp_path / "model")

    known = load_bundle(tmp_path / "model").facts.encoders["audio"]
    assert known["layers"] == [0, 2]
    assert known["files"]["model.safetensors"] == file_digest(place / "model.safetensors")


def test_another_checkpoint_than_that_of_the_training_is_refused(tmp_path):
    place = save_audio_checkpoint("hubert", tmp_path / "encoder")
    study = tone_study(tmp_path, audio_encoder={"name": "huggingface", "model": str(place)})
    bundle = random_bundle(study)
    config = place / "config.json"
    config.write_text(config.read_text() + "\n")

    with pytest.raises(BundleError, match=r"the audio encoder is another one .* config.json"):
        Predictor(bundle)

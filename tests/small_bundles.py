"""Bundles with random weights on tone corpora: quick, and everything but the fit is real."""

from cogspeech.config import Study
from cogspeech.embeddings.base import build_encoders, fingerprints
from cogspeech.embeddings.corpus import embed_corpus
from cogspeech.fusion.base import ModelSizes, build_fusion
from cogspeech.study import import_study
from cogspeech.training.bundle import make_bundle
from cogspeech.training.bundle_facts import BundleFacts, TrainingCorpus
from tone_corpora import tone_corpus

TRAINED = TrainingCorpus(participants=6, recordings=6, languages=("en",), words_from=("manual",))


def tone_study(folder, **sections):
    """A study of six recordings, two and two of the same length."""
    tone_corpus(folder, participants=6, words=4)
    return Study.model_validate({"corpus": {"path": folder / "recordings.csv"}, **sections})


def random_bundle(study, **facts):
    """A bundle of the fusion of a study."""
    encoders = build_encoders(study.audio_encoder, study.text_encoder)
    audio, text = encoders
    sizes = ModelSizes(
        d_audio=audio.dimension,
        d_text=text.dimension,
        audio_layers=audio.num_layers,
        text_layers=text.num_layers,
    )
    given = {
        "study": study.name,
        "target": study.target,
        "fusion": study.fusion,
        "audio_encoder": study.audio_encoder,
        "text_encoder": study.text_encoder,
        "encoders": fingerprints(encoders),
        "transcripts": study.transcripts,
        "sizes": sizes,
        "sample_rates_hz": (16_000,),
        "training": TRAINED,
        "notice": None,
    }
    return make_bundle(build_fusion(study.fusion, sizes), BundleFacts(**given | facts))


def embedded_in_company(study):
    """All recordings of a study, embedded together as a study does."""
    return embed_corpus(import_study(study), study)

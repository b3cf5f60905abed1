"""How far the exported graph of every fusion is from its bundle, over the grid of the command.

Random weights large enough for everything to show, mixed layers, and a stream that may be missing
where the fusion can do without.

    python benchmarks/onnx_parity.py
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

import torch

from cogspeech.config import TargetSection, TranscriptsSection
from cogspeech.delivery.onnx_export import export_onnx
from cogspeech.fusion.base import FUSIONS, ModelSizes, TwoStreamOptions, build_fusion
from cogspeech.settings import Component
from cogspeech.training.bundle import Bundle, make_bundle
from cogspeech.training.bundle_facts import BundleFacts, TrainingCorpus


def random_bundle(name: str) -> Bundle:
    """An untrained bundle of a fusion."""
    drops = issubclass(FUSIONS.get(name).Options, TwoStreamOptions)
    fusion = Component(name=name, **({"stream_dropout": 0.3} if drops else {}))
    facts = BundleFacts(
        study="parity",
        target=TargetSection(),
        fusion=fusion,
        audio_encoder=Component(name="acoustic"),
        text_encoder=Component(name="hashed_words"),
        transcripts=TranscriptsSection(),
        sizes=ModelSizes(d_audio=96, d_text=64, audio_layers=3, text_layers=2),
        sample_rates_hz=(16_000,),
        training=TrainingCorpus(participants=8, recordings=8),
        notice=None,
    )
    torch.manual_seed(0)
    model = build_fusion(fusion, facts.sizes)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    return make_bundle(model, facts)


def main() -> None:
    """Prints one row per fusion."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("fusions", nargs="*", help="by default all of them")
    for name in parser.parse_args().fusions or FUSIONS.names():
        begin = time.process_time()
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "x.onnx")
            worst = export_onnx(random_bundle(name), path)
            kilobytes = path.stat().st_size / 1000
        seconds = time.process_time() - begin
        sys.stdout.write(f"| `{name}` | {worst:.1e} | {kilobytes:.0f} | {seconds:.0f} |\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()

"""``cogspeech export``."""

import argparse
import sys


def export(options: argparse.Namespace) -> None:
    """``cogspeech export``: a bundle for other programs; onnx is the one format there is."""
    from cogspeech.delivery.onnx_export import export_onnx  # it knows torch, which takes seconds
    from cogspeech.training.bundle import load_bundle

    worst = export_onnx(load_bundle(options.bundle), options.out)
    sys.stdout.write(f"{options.out}\nlargest deviation from the bundle: {worst:.1e}\n")

"""``cogspeech serve``, for installations with and without the extra ``serve``."""

import argparse

from cogspeech.errors import require


def serve(options: argparse.Namespace) -> None:
    """Serves a bundle over HTTP.

    Raises:
        MissingExtra: the extra is not installed.
    """
    for module in ("fastapi", "uvicorn"):
        require(module, extra="serve")
    from cogspeech.delivery.service.command import serve as serve_bundle

    serve_bundle(options)

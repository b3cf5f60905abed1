"""One bundle and one service for all tests that leave it as they found it."""

import pytest

from service_lab import Running, tiny_bundle

WAITING = 2


@pytest.fixture(scope="session")
def bundle(tmp_path_factory):
    return tiny_bundle(tmp_path_factory.mktemp("served"))


@pytest.fixture(scope="session")
def audio(bundle):
    """The folder of the recordings the bundle was trained on."""
    return bundle.parents[1] / "audio"


@pytest.fixture(scope="session")
def service(bundle, tmp_path_factory):
    running = Running(
        bundle,
        tmp_path_factory.mktemp("uploads"),
        body_bytes=400_000,
        words_bytes=10_000,
        waiting=WAITING,
    )
    yield running.wait_until_loaded()
    running.stop()
    assert list(running.folder.iterdir()) == []
    assert running.problem is None


@pytest.fixture(scope="session")
def impatient(bundle, tmp_path_factory):
    """Ends who is slow at once; a busy machine would make clients slow that are not."""
    running = Running(
        bundle,
        tmp_path_factory.mktemp("impatient"),
        headers_s=1.0,
        slow_after_s=0.5,
        receive_s=1.5,
    )
    yield running.wait_until_loaded()
    running.stop()

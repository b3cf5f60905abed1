"""Pages in a real browser: Debian's Chromium, driven by Playwright. In CI it must be there."""

import os
import shutil
from dataclasses import dataclass, field

import pytest

from heard_run import heard_run

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
SWITCHES = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--no-first-run",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    "--autoplay-policy=no-user-gesture-required",
)


@pytest.fixture(scope="module")
def browser():
    """A browser of our own, without a profile."""
    found = next((path for name in CHROMIUM if (path := shutil.which(name))), None)
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        sync_playwright = None
    if not found or not sync_playwright:
        missing = "a Chromium" if sync_playwright else "the extra 'browser'"
        message = f"no browser: {missing} is missing, see CONTRIBUTING.md"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=found, args=list(SWITCHES))
        yield opened
        opened.close()


@dataclass(slots=True)
class Witness:
    """A page, and everything it complained of or asked for."""

    page: object
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)


@pytest.fixture
def open_page(browser):
    """Opens pages that are watched; all are closed at the end of the test."""
    contexts = []

    def open_(url, *, width=1440, height=900, **options):
        context = browser.new_context(viewport={"width": width, "height": height}, **options)
        contexts.append(context)
        witness = Witness(context.new_page())
        page = witness.page
        page.set_default_timeout(60_000)

        def close(dialog):
            witness.dialogs.append(dialog.message)
            dialog.dismiss()

        page.on("console", lambda m: witness.complaints.append(f"{m.type}: {m.text}"))
        page.on("pageerror", lambda error: witness.complaints.append(str(error)))
        page.on("request", lambda request: witness.requests.append(request.url))
        page.on("dialog", close)
        page.goto(url)
        return witness

    yield open_
    for context in contexts:
        context.close()


@pytest.fixture(scope="session")
def heard(tmp_path_factory):
    """A run folder whose report holds two recordings that can be heard; gives its report."""
    return heard_run(tmp_path_factory.mktemp("heard"))

"""Makes the pictures of the README from a run folder: ``make pictures``.

The top of ``report.html`` and a recording that can be heard, in Debian's Chromium, on a light and
a dark screen, without any network.
"""

import argparse
import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

IMAGES = Path(__file__).parent / "images"
WIDTH, HEIGHT = 1100, 1240
CHROMIUM = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking")


def make_pictures(report: Path) -> list[Path]:
    """Writes ``report.png`` and ``recording.png``, and both with ``-dark``; gives their paths."""
    IMAGES.mkdir(exist_ok=True)
    made = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=list(CHROMIUM)
        )
        for scheme, suffix in (("light", ""), ("dark", "-dark")):
            page = browser.new_page(
                viewport={"width": WIDTH, "height": HEIGHT}, color_scheme=scheme, offline=True
            )
            page.goto(report.resolve().as_uri())
            made += [IMAGES / f"{name}{suffix}.png" for name in ("report", "recording")]
            page.screenshot(path=made[-2])
            page.locator("#listening details").first.screenshot(path=made[-1])
        browser.close()
    return made


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path, help="run folder, such as cogspeech-demo/run")
    for path in make_pictures(parser.parse_args().run / "report.html"):
        sys.stdout.write(f"{path}\n")


if __name__ == "__main__":
    main()

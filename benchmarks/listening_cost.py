"""How large a recording is in a report, and how soon five minutes of it can be used in Chromium.

python benchmarks/listening_cost.py
"""

import base64
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile
from playwright.sync_api import Page, sync_playwright

from cogspeech.reporting.listening.assets import inline_script, inline_style, script_json
from cogspeech.reporting.listening.sound import PageSound, page_sound
from digit_corpora import real_speech_folder

MINUTES = 5
WORDS_PER_MINUTE = 140
LOADS = 5
SWITCHES = ("--headless=new", "--no-sandbox", "--disable-gpu",
            "--autoplay-policy=no-user-gesture-required")  # fmt: skip
# Two frames after everything stands there, it has been painted.
WATCH = """
new MutationObserver(() => {
  if (window.readyMs || !document.querySelector('.cs-view[data-ready]')) return;
  window.readyMs = 1;
  requestAnimationFrame(() => requestAnimationFrame(() => { window.readyMs = performance.now(); }));
}).observe(document, {subtree: true, childList: true, attributes: true});
"""
PLAY = """() => new Promise((resolve) => {
  const sound = document.querySelector('.cs-audio');
  const words = document.querySelectorAll('.cs-item.cs-word');
  const start = performance.now();
  sound.addEventListener('playing', () => resolve(performance.now() - start), {once: true});
  words[Math.floor(words.length * 0.9)].click();
})"""


def main() -> None:
    """Prints both."""
    with tempfile.TemporaryDirectory() as folder:
        recording = Path(folder) / "speech.wav"
        soundfile.write(recording, _speech(), 16_000)
        started = time.perf_counter()
        sound = page_sound(recording)
        _say(f"decode, encode and peaks: {(time.perf_counter() - started) / MINUTES:.2f} s/min")
        kilobytes = len(sound.encoded) / 1000 / MINUTES
        _say(f"sound: {kilobytes:.0f} kB/min, in the page {kilobytes * 4 / 3:.0f} kB/min")
        page = Path(folder) / "page.html"
        page.write_text(_page(sound), encoding="utf-8")
        _say(f"page of {MINUTES} minutes: {page.stat().st_size / 1e6:.2f} MB")
        _load(page.as_uri())


def _speech() -> np.ndarray:
    """Real voices, one clip after the other."""
    found = real_speech_folder()
    if found is None:
        raise SystemExit("no real speech: set COGSPEECH_REAL_SPEECH")
    clips = [soundfile.read(path)[0] for path in sorted((found / "librivox").glob("*.wav"))]
    return np.resize(np.concatenate(clips), MINUTES * 60 * 16_000)


def _page(sound: PageSound) -> str:
    """The part of a report that shows one recording."""
    generator = np.random.default_rng(1)
    each_s = 60 / WORDS_PER_MINUTE
    words = []
    for index in range(MINUTES * WORDS_PER_MINUTE):
        has_pause = index % 5 == 4
        words.append(
            {
                "word_index": index,
                "text": f"word{index}",
                "start_s": index * each_s + 0.15,
                "end_s": (index + 1) * each_s,
                "attribution": float(generator.normal(0, 0.1)),
                "audio_attribution": 0.0,
                "text_attribution": 0.0,
                "token_attributions": [0.0, 0.0],
                "pause_s": 0.15 if has_pause else 0.0,
                "pause_start_s": index * each_s if has_pause else None,
                "pause_attribution": float(generator.normal(0, 0.1)) if has_pause else None,
            }
        )
    data = {
        "recording_id": "r1",
        "probability": 0.7,
        "decision": "dementia",
        "classes": ["control", "dementia"],
        "scale": 0.2,
        "words": words,
        "duration_s": sound.duration_s,
        "peaks": list(sound.peaks),
    }
    return (
        f"<!doctype html><meta charset=utf-8><style>{inline_style()}</style>"
        "<details data-recording open><summary>r1</summary><div class=cs-place></div>"
        f'<script type="application/json">{script_json(data)}</script>'
        '<script type="text/plain" data-sound="audio/mpeg">'
        f"{base64.b64encode(sound.encoded).decode()}</script></details>"
        f'<script type="module">{inline_script()}</script>'
    )


def _load(url: str) -> None:
    ready_ms, sounding_ms = [], []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=list(SWITCHES)
        )
        for _ in range(LOADS):
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            page.add_init_script(WATCH)
            page.goto(url)
            page.wait_for_function("() => window.readyMs > 1")
            ready_ms.append(float(page.evaluate("window.readyMs")))
            sounding_ms.append(_sounding_ms(page))
            page.close()
        browser.close()
    _say(f"navigation to painted and usable: {_spread(ready_ms)}")
    _say(f"click on a word near the end to its sound: {_spread(sounding_ms)}")


def _sounding_ms(page: Page) -> float:
    return float(page.evaluate(PLAY))


def _spread(times_ms: list[float]) -> str:
    middle = statistics.median(times_ms)
    return f"median {middle:.0f} ms, slowest {max(times_ms):.0f} ms, {len(times_ms)} loads"


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


if __name__ == "__main__":
    main()

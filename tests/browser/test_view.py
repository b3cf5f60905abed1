"""The view by itself, as the page of the service uses it: answers with less than a report knows."""

import base64
import json

import pytest

from cogspeech.reporting.listening.assets import inline_script, inline_style, script_json
from cogspeech.reporting.listening.sound import page_sound
from heard_run import WORDS, said_words, write_tones

ANSWER = {
    "recording_id": "visit <1>",
    "probability": 0.81,
    "decision": "abstain",
    "reasons": ["too short: 4 words"],
    "classes": ["control", "dementia"],
    "scale": 0.4,
    "words": said_words(WORDS),
    "explainer": {"name": "occlusion", "meaning": "what the logit loses"},
}


@pytest.fixture
def mounted(open_page, tmp_path):
    """Mounts an answer on an empty page."""

    def mount(answer, audio_url=""):
        page = tmp_path / "page.html"
        page.write_text(
            f"<!doctype html><meta charset=utf-8><link rel=icon href='data:,'>"
            f"<style>{inline_style()}</style><main></main>"
            f'<script type="application/json">{script_json(answer)}</script>'
            f'<script type="module">{inline_script()}\nconst data = JSON.parse('
            'document.querySelector("script").textContent);'
            f"window.view = mountRecording(document.querySelector('main'), data, "
            f"{{audioUrl: {json.dumps(audio_url)}}});</script>",
            encoding="utf-8",
        )
        witness = open_page(page.as_uri())
        witness.page.wait_for_selector(".cs-view")
        assert witness.complaints == []
        return witness.page

    return mount


def test_an_answer_without_sound_is_read(mounted):
    page = mounted(ANSWER)
    assert page.locator("h3").inner_text() == "visit <1>"
    assert page.locator(".cs-reasons li").all_inner_texts() == ["too short: 4 words"]
    assert "abstain" in page.locator(".cs-facts").inner_text()
    assert page.locator(".cs-item.cs-word").all_inner_texts() == list(WORDS)
    assert page.locator(".cs-player").count() == 0
    page.locator(".cs-item.cs-word").first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    assert WORDS[1] in page.locator(".cs-detail").inner_text()


def test_a_waveform_without_sound_is_seen(mounted):
    page = mounted({**ANSWER, "peaks": [0.1, 0.5, 0.2] * 40, "duration_s": 6.0})
    page.wait_for_selector(".cs-view[data-ready]")
    assert page.locator(".cs-play").count() == 0
    page.locator(".cs-band.cs-word").nth(3).click()
    assert WORDS[3] in page.locator(".cs-detail").inner_text()


def test_sound_without_peaks_is_drawn_from_itself(mounted, tmp_path):
    write_tones(tmp_path / "a.wav", ANSWER["words"])
    sound = page_sound(tmp_path / "a.wav")
    page = mounted(ANSWER, "data:audio/mpeg;base64," + base64.b64encode(sound.encoded).decode())
    page.wait_for_selector(".cs-view[data-ready]")
    page.locator(".cs-item.cs-word").nth(2).click()
    page.wait_for_function("() => document.querySelector('.cs-audio').currentTime > 2.2")
    assert page.locator(".cs-clock").inner_text().endswith(f"{sound.duration_s:.1f}")


def test_weights_without_a_sign_speak_for_nobody(mounted):
    page = mounted({**ANSWER, "explainer": {"name": "attention", "meaning": "weights"}})
    assert "speaks for" not in page.locator(".cs-legend").inner_text()
    classes = " ".join(
        each.get_attribute("class") for each in page.locator(".cs-item.cs-word").all()
    )
    assert "cs-u4" in classes
    assert "cs-p" not in classes.replace("cs-pause", "")
    last = page.locator(".cs-item.cs-word").last
    assert last.get_attribute("aria-label") == f"{WORDS[-1]}, weight 0.400"


def test_what_is_not_told_is_not_made_up(mounted):
    bare = {
        "word_index": 4,
        "text": "alone",
        "start_s": None,
        "end_s": None,
        "attribution": None,
        "audio_attribution": None,
        "text_attribution": None,
        "token_attributions": [],
        "pause_s": 0,
        "pause_start_s": None,
        "pause_attribution": None,
    }
    page = mounted({**ANSWER, "words": [bare], "scale": 0, "probability": None, "reasons": []})
    item = page.locator(".cs-item")
    assert "cs-none" in item.get_attribute("class")
    assert item.get_attribute("aria-label") == "alone"
    assert page.locator(".cs-gap").count() == 1
    assert "\u2013" in page.locator(".cs-detail").inner_text()
    assert "Probability" not in page.locator(".cs-facts").inner_text()


def test_an_answer_without_words_is_shown(mounted):
    page = mounted({**ANSWER, "words": []})
    assert page.locator(".cs-item").count() == 0
    page.evaluate("window.view.destroy()")
    assert page.locator(".cs-view").count() == 0

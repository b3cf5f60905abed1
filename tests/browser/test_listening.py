"""The report in a browser: what is heard, seen, reached by keyboard, and asked for."""

import json
import re

import pytest

from heard_run import GAP_S, PAUSE_S, WORD_S, WORDS, heard_run, said_words

SETTLED = "() => document.querySelector('.cs-audio').paused"
CLOCK = "() => document.querySelector('.cs-audio').currentTime"
# Where the sound is while it plays, eight times slower, so that no busy machine misses its end.
LISTEN = """() => {
  window.heard = [];
  const sound = document.querySelector('.cs-audio');
  sound.playbackRate = 0.125;
  const look = () => { if (!sound.paused) window.heard.push(sound.currentTime); };
  window.ears = setInterval(look, 5);
}"""

# What is marked while it sounds, noted by the page itself: a mark may be gone when it is asked for.
WATCH = """() => {
  window.marked = [];
  document.querySelector('.cs-audio').playbackRate = 0.125;
  const look = () => {
    const now = document.querySelector('.cs-item.cs-now');
    if (now) window.marked.push(now.textContent);
  };
  new MutationObserver(look).observe(
    document.querySelector('.cs-view'), {subtree: true, attributeFilter: ['class']});
}"""


def opened(open_page, report, **options):
    witness = open_page(report.as_uri(), **options)
    witness.page.wait_for_selector(".cs-view[data-ready]")
    return witness


def word(page, text):
    return page.locator(".cs-item.cs-word", has_text=re.compile(f"^{text}$")).first


def bounds(text):
    found = next(each for each in said_words(WORDS) if each["text"] == text)
    return found["start_s"], found["end_s"]


def played(page):
    """Where the sound was from the first moment of playing to the last, once it rests."""
    page.wait_for_function("() => window.heard.length > 0")
    page.wait_for_function(SETTLED)
    heard = page.evaluate("window.heard")
    return heard[0], heard[-1]


def test_the_page_complains_of_nothing_and_asks_nobody(open_page, heard):
    witness = opened(open_page, heard)
    witness.page.locator("details[data-recording] summary").nth(1).click()
    witness.page.wait_for_function(
        "() => document.querySelectorAll('.cs-view[data-ready]').length === 2"
    )
    witness.page.get_by_role("button", name="Play recording").first.click()
    witness.page.wait_for_function(f"() => ({CLOCK})() > 0.1")
    assert witness.complaints == []
    assert [url for url in witness.requests if not url.startswith(("blob:", heard.as_uri()))] == []
    assert witness.requests.count(heard.as_uri()) == 1


@pytest.mark.parametrize("text", ["reaching", pytest.param("cookie", marks=pytest.mark.slow)])
def test_a_click_plays_the_word_and_nothing_else(open_page, heard, text):
    page = opened(open_page, heard).page
    page.evaluate(LISTEN)
    word(page, text).click()
    first, last = played(page)
    start, end = bounds(text)
    assert start - 0.02 <= first <= end
    assert last < end + GAP_S
    assert abs(page.evaluate(CLOCK) - end) < 0.02


def test_a_click_into_the_waveform_plays_the_word_there(open_page, heard):
    page = opened(open_page, heard).page
    page.evaluate(LISTEN)
    page.locator(".cs-band.cs-word").nth(WORDS.index("is")).click()
    first, last = played(page)
    start, end = bounds("is")
    assert start - 0.02 <= first
    assert last < end + GAP_S
    assert "is" in page.locator(".cs-item.cs-chosen").first.inner_text()


def test_what_sounds_lies_where_the_words_are(open_page, heard):
    """The encoded sound is exact: the tone of a word begins where its band does."""
    page = opened(open_page, heard).page
    page.evaluate(
        """async () => {
          const bytes = Uint8Array.from(
            atob(document.querySelector('script[data-sound]').textContent),
            (letter) => letter.charCodeAt(0));
          const context = new OfflineAudioContext(1, 16000, 16000);
          const sound = (await context.decodeAudioData(bytes.buffer)).getChannelData(0);
          window.onsets = [];
          let quiet = 0;
          sound.forEach((value, at) => {
            if (Math.abs(value) > 0.1) {
              if (quiet > 800) window.onsets.push(at / 16000);
              quiet = 0;
            } else quiet += 1;
          });
        }"""
    )
    onsets = page.evaluate("window.onsets")
    starts = [each["start_s"] for each in said_words(WORDS)]
    assert len(onsets) == len(starts)
    assert max(abs(a - b) for a, b in zip(onsets, starts, strict=True)) < 0.006


def test_the_word_that_sounds_is_marked(open_page, heard):
    page = opened(open_page, heard).page
    page.evaluate(WATCH)
    word(page, "cookie").click()
    page.wait_for_function("() => window.marked.length > 0")
    page.wait_for_function(SETTLED)
    page.wait_for_function("() => !document.querySelector('.cs-now')")
    assert {text.strip() for text in page.evaluate("window.marked")} == {"cookie"}


def test_colours_are_those_of_the_json(open_page, heard):
    page = opened(open_page, heard).page
    attributions = json.loads((heard.parent / "attributions.json").read_text())
    data = json.loads(page.locator('script[type="application/json"]').first.text_content())
    values = sorted(
        abs(each["attribution"]) for words in attributions["recordings"].values() for each in words
    )
    assert data["scale"] == pytest.approx(values[int(0.95 * (len(values) - 1)) + 1], rel=1e-6)

    def tint(value):
        step = round(4 * max(-1.0, min(1.0, value / data["scale"])))
        return f"{'p' if step > 0 else 'n'}{abs(step)}" if step else "z"

    words = attributions["recordings"][data["recording_id"]]
    for place in (".cs-item", ".cs-band"):
        shown = page.locator(f".cs-view >> nth=0 >> {place}.cs-word")
        assert shown.count() == len(WORDS)
        for index, each in enumerate(words):
            assert f"cs-{tint(each['attribution'])}" in shown.nth(index).get_attribute("class")
        pauses = page.locator(f".cs-view >> nth=0 >> {place}.cs-pause")
        values = [each["pause_attribution"] for each in words if each["pause_s"]]
        for index, value in enumerate(values):
            assert f"cs-{tint(value)}" in pauses.nth(index).get_attribute("class")
    look = "e => getComputedStyle(e).backgroundColor"
    strongest = {"p": page.locator(".cs-item.cs-p4"), "n": page.locator(".cs-item.cs-n4")}
    orange, blue = (strongest[side].first.evaluate(look) for side in "pn")
    assert orange == "rgba(235, 125, 20, 0.66)"
    assert blue == "rgba(40, 120, 215, 0.54)"
    band = page.locator(".cs-band.cs-p4").first
    assert band.evaluate(look) == orange


def test_signs_are_told_without_colour(open_page, heard):
    page = opened(open_page, heard).page
    style = "e => getComputedStyle(e).textDecorationStyle"
    assert page.locator(".cs-item.cs-p2").first.evaluate(style) == "solid"
    assert page.locator(".cs-item.cs-n2").first.evaluate(style) == "dotted"
    label = word(page, "falling").get_attribute("aria-label")
    assert label == "falling, +0.400, for dementia"


def test_everything_can_be_reached_by_keyboard(open_page, heard):
    page = opened(open_page, heard).page
    page.locator("details[data-recording] summary").first.focus()
    reached = []
    for _ in range(6):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.className"))
        if "cs-item" in reached[-1]:
            break
    assert reached[0] == "cs-play"
    assert "cs-item" in reached[-1]
    focused = "document.activeElement.textContent"
    assert page.evaluate(focused) == WORDS[0]
    page.keyboard.press("ArrowRight")
    assert page.evaluate(focused) == WORDS[1]
    page.keyboard.press("ArrowRight")
    assert page.evaluate(focused) == f"{PAUSE_S:.1f} s"
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("End")
    assert page.evaluate(focused) == WORDS[-1]
    page.keyboard.press("Home")
    assert page.evaluate(focused) == WORDS[0]
    page.keyboard.press("ArrowLeft")
    assert page.evaluate(focused) == WORDS[0]
    assert page.locator(".cs-view >> nth=0 >> .cs-item[tabindex='0']").count() == 1


@pytest.mark.slow
@pytest.mark.parametrize("key", ["Enter", " "])
def test_keys_play_a_word_and_escape_stops(open_page, heard, key):
    page = opened(open_page, heard).page
    word(page, "reaching").focus()
    page.evaluate(LISTEN)
    page.keyboard.press(key)
    start, end = bounds("reaching")
    first, last = played(page)
    assert start - 0.02 <= first
    assert last < end + GAP_S
    page.get_by_role("button", name="Play recording").first.click()
    page.wait_for_function(f"() => !({SETTLED})()")
    page.keyboard.press("Escape")
    page.wait_for_function(SETTLED)
    assert page.locator(".cs-live").first.inner_text() == "Stopped"


def test_the_chosen_word_is_told_in_detail(open_page, heard):
    page = opened(open_page, heard).page
    word(page, "is").focus()
    found = said_words(WORDS)[2]
    detail = page.locator(".cs-detail").first
    rows = [row.split("\t") for row in detail.locator("tr").all_inner_texts()]
    told = {row[0]: row[-1] for row in rows}
    assert told["The word"] == f"\u2212{-found['attribution']:.3f}"
    assert told["its sound"] == f"\u2212{-found['audio_attribution']:.3f}"
    assert told["its text"] == f"\u2212{-found['text_attribution']:.3f}"
    assert told["token 1"] == f"\u2212{-found['token_attributions'][0]:.3f}"
    assert told["token 2"] == f"\u2212{-found['token_attributions'][1]:.3f}"
    assert told[f"the pause before it, {PAUSE_S:.2f} s"] == f"\u2212{0.14:.3f}"
    times = f"{found['start_s']:.2f} s to {found['end_s']:.2f} s"
    assert times in detail.inner_text()
    word(page, "boy").hover()
    assert "boy" in detail.inner_text()


def test_words_without_times_are_shown_and_silent(open_page, tmp_path):
    page = opened(open_page, heard_run(tmp_path, untimed=(3,))).page
    assert page.locator(".cs-view >> nth=0 >> .cs-band.cs-word").count() == len(WORDS) - 1
    silent = word(page, "reaching")
    assert silent.get_attribute("aria-disabled") == "true"
    silent.click(force=True)
    assert page.evaluate(SETTLED)
    assert "times are not known" in page.locator(".cs-detail").first.inner_text()


@pytest.mark.parametrize(("width", "height"), [(390, 844), (1440, 900)])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_wider_than_the_window(open_page, heard, width, height, scheme):
    page = opened(open_page, heard, width=width, height=height, color_scheme=scheme).page
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    bands = page.locator(".cs-band.cs-word")
    seen = bands.first.bounding_box()["width"]
    assert seen >= WORD_S * 50


def test_what_is_printed_holds_every_transcript(open_page, heard):
    page = opened(open_page, heard).page
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    shelves = page.locator("details[data-recording]")
    assert page.locator(".cs-transcript").count() == shelves.count()
    page.emulate_media(media="print")
    assert not page.locator(".cs-player").first.is_visible()
    page.emulate_media(media="screen")
    shelves.nth(1).locator("summary").click()
    strip = shelves.nth(1).locator(".cs-strip")
    strip.locator(".cs-band.cs-word").first.wait_for(state="visible")
    assert strip.bounding_box()["width"] <= 2 * 1440

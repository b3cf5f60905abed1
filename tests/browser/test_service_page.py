"""The page of the service in a browser: a file, a recording, the keyboard, and hostile names."""

import json
import shutil
import time

import pytest

from service_lab import Running, tiny_bundle

MICROPHONE = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
SWITCHES = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking")
HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    folder = tmp_path_factory.mktemp("served")
    running = Running(tiny_bundle(folder), tmp_path_factory.mktemp("uploads"))
    yield running.wait_until_loaded()
    running.stop()


@pytest.fixture(scope="module")
def chromium(browser):
    """A browser with a microphone that beeps."""
    path = shutil.which("chromium") or shutil.which("google-chrome")
    opened = browser.browser_type.launch(executable_path=path, args=[*SWITCHES, *MICROPHONE])
    yield opened
    opened.close()


@pytest.fixture
def complaints():
    return []


@pytest.fixture
def page(chromium, service, complaints):
    context = chromium.new_context(viewport={"width": 390, "height": 844})
    opened = context.new_page()
    opened.set_default_timeout(30_000)
    own = f"http://127.0.0.1:{service.port}/"
    opened.on("console", lambda message: complaints.append(message.text))
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on("dialog", lambda dialog: complaints.append(dialog.message))
    opened.on(
        "request",
        lambda r: None if r.url.startswith((own, "blob:", "data:")) else complaints.append(r.url),
    )
    opened.goto(own)
    opened.wait_for_selector("#model:not([hidden])")
    yield opened
    context.close()
    assert complaints == []


def files(service, name="p003-v1"):
    audio = service.bundle.parents[1] / "audio"
    return audio / f"{name}.wav", audio / f"{name}.words.json"


def answered(page):
    page.wait_for_selector("#answer:not([hidden])")
    return json.loads(page.locator("#json").text_content())


def test_a_file_and_its_words_are_answered(page, service):
    wav, words = files(service)
    assert "must not be used to diagnose" in page.locator("#use").inner_text()

    page.set_input_files("#audio", wav)
    page.set_input_files("#words", words)
    page.get_by_role("button", name="Ask the model").click()
    answer = answered(page)

    assert answer["decision"] in page.locator("#answer-title").inner_text()
    assert f"{answer['probability']:.2f}" in page.locator("#gauge").inner_text()
    shown = page.locator("#view").inner_text()
    assert all(word["text"] in shown for word in answer["words"])
    assert page.evaluate("document.activeElement.id") == "answer"
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert service.files() == []


def test_a_recording_from_the_microphone_is_answered(page):
    page.get_by_role("button", name="Record").click()
    stop = page.get_by_role("button", name="Stop")
    stop.wait_for()  # from here on it records
    began = time.monotonic()
    page.wait_for_timeout(3000)
    stop.click()
    page.wait_for_selector("#chosen:not([hidden])")
    at_most_s = time.monotonic() - began + 1
    page.get_by_label("or type what was said").fill("one two three four five six")
    page.get_by_role("button", name="Ask the model").click()

    answer = answered(page)

    assert answer["quality"]["words_spread_evenly"] == 6
    assert 1 < answer["quality"]["duration_s"] < at_most_s  # another rate would be three times it
    assert not any("sample rate" in reason for reason in answer["reasons"])


def test_the_keyboard_is_enough(page, service):
    wav, words = files(service)
    reached = []
    for _ in range(12):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.id"))
    for needed in ("audio", "record", "words", "typed", "send"):
        assert needed in reached
    page.set_input_files("#audio", wav)  # the dialog itself is the browser's
    page.set_input_files("#words", words)
    page.locator("#send").focus()
    page.keyboard.press("Enter")

    answered(page)

    page.locator("#again").focus()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "audio"


def test_hostile_names_and_words_stay_text(page, service, tmp_path):
    wav, words = files(service)
    hostile = json.loads(words.read_text())
    for word in hostile["words"]:
        word["text"] = HOSTILE.replace(" ", "\u00a0")
    (tmp_path / f"{HOSTILE}.words.json").write_text(json.dumps(hostile))
    (tmp_path / f"{HOSTILE}.wav").write_bytes(wav.read_bytes())

    page.set_input_files("#audio", tmp_path / f"{HOSTILE}.wav")
    page.set_input_files("#words", tmp_path / f"{HOSTILE}.words.json")
    page.locator("#send").click()
    answered(page)

    assert HOSTILE in page.locator("#chosen-name").inner_text()
    assert page.locator("img").count() == 0


def test_what_went_wrong_is_said(page, service, complaints, tmp_path):
    (tmp_path / "a.wav").write_bytes(b"no audio at all")
    page.locator("#send").click()
    assert "choose or record a recording" in page.get_by_role("alert").inner_text().lower()

    page.set_input_files("#audio", tmp_path / "a.wav")
    page.locator("#send").click()
    page.locator("#problem-text", has_text="WAV").wait_for()

    assert "Request" in page.locator("#problem-id").inner_text()
    assert [text for text in complaints if "415" not in text] == []
    complaints.clear()  # the browser itself notes the status

"""The report as a whole in a browser: the way through it by keyboard, narrow, and on paper."""

import json
from pathlib import Path

import pytest

import evaluation_cost
import report_cost
from cogspeech.reporting.report import write_report


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """Of made-up answers; gives its address."""
    folder = tmp_path_factory.mktemp("report")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evaluation_cost, "REPEATS", 1)
        patch.setattr(evaluation_cost, "SEEDS", 1)
        patch.setattr(report_cost, "PERTURBATIONS", 1)
        rows = evaluation_cost.predicted(48, 2)
        report_cost.write_run(folder, rows, ["system 0", "system 1"], words=12)
    metrics = folder / "metrics.json"
    metrics.write_text(json.dumps(json.loads(metrics.read_text()) | {"notice": "Made up."}))
    return write_report(folder).as_uri()


def comes_true(page, expression):
    """Within 20 seconds; the page's policy forbids what Playwright would wait with."""
    for _ in range(400):
        if page.evaluate(expression):
            return True
        page.wait_for_timeout(50)
    return False


def has_focus(page, text):
    """Keys are answered when the page gets to it, not when they are pressed."""
    return comes_true(page, f"document.activeElement.textContent.trim() === {text!r}")


@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_complains_nothing_is_asked_for_and_nothing_sticks_out(
    open_page, report, width, scheme
):
    seen = open_page(report, width=width, height=844, color_scheme=scheme)
    assert seen.complaints == []
    assert seen.requests == [report]
    assert seen.page.evaluate("document.documentElement.scrollWidth") == width


def test_the_keyboard_skips_the_contents(open_page, report):
    page = open_page(report).page
    page.keyboard.press("Tab")
    assert has_focus(page, "Skip to the report")
    assert comes_true(page, "document.querySelector('.skip').getBoundingClientRect().x === 0")
    page.keyboard.press("Enter")
    assert comes_true(page, "document.activeElement.id === 'main'")


def test_the_keyboard_follows_the_contents(open_page, report):
    page = open_page(report).page
    for _ in range(3):
        page.keyboard.press("Tab")
    assert has_focus(page, "All systems")
    page.keyboard.press("Enter")
    assert comes_true(page, "location.hash === '#systems'")
    assert comes_true(page, "document.getElementById('systems').getBoundingClientRect().top < 60")


def test_a_wide_table_scrolls_by_keyboard(open_page, report):
    page = open_page(report, width=390, height=844).page
    table = page.locator("#systems .scroll").first
    table.focus()
    page.keyboard.press("ArrowRight")
    assert comes_true(page, "document.querySelector('#systems .scroll').scrollLeft > 0")


def test_contents_are_open_where_there_is_room_and_closed_where_not(open_page, report):
    assert open_page(report).page.get_by_role("link", name="Provenance").is_visible()
    narrow = open_page(report, width=390, height=844).page
    assert not narrow.get_by_role("link", name="Provenance").is_visible()
    narrow.locator("nav summary").press("Enter")
    assert narrow.get_by_role("link", name="Provenance").is_visible()


def test_on_paper_everything_is_open_and_nothing_is_dark(open_page, report):
    page = open_page(report, color_scheme="dark").page
    page.emulate_media(media="print")
    assert not page.locator("nav").is_visible()
    assert page.locator("#systems details dl").is_visible()
    assert page.evaluate("getComputedStyle(document.documentElement).backgroundColor") == (
        "rgb(255, 255, 255)"
    )
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"


@pytest.mark.slow
def test_the_shared_page_opens_as_well(open_page, report):
    path = write_report(Path(report.removeprefix("file://")).parent, is_shared=True)
    seen = open_page(path.as_uri())
    assert seen.complaints == []
    assert seen.page.locator("#shared").is_visible()

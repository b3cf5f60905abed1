"""Words, names and ids are other people's text: none of them becomes a part of the page."""

from collections import Counter

import pytest

from heard_run import PEOPLE, heard_run
from hostile_strings import HOSTILE

COUNT = """() => {
  const found = {};
  for (const each of document.querySelectorAll('*'))
    found[each.localName] = (found[each.localName] ?? 0) + 1;
  return found;
}"""
HANDLERS = """() => [...document.querySelectorAll('*')].flatMap((each) =>
  [...each.attributes].map((a) => a.name).filter((name) => name.startsWith('on')))"""
LINKS = """() => [...document.querySelectorAll('[href],[src],[action],[data]')].flatMap((each) =>
  ['href', 'src', 'action', 'data'].map((name) => each.getAttribute(name)).filter(Boolean))"""
SCRIPTS = "() => [...document.scripts].map((each) => each.type)"
ACTIVE = ("iframe", "object", "embed", "img", "base", "form", "input", "video", "math", "template")


def part(number, of, *, table=False):
    """Every ``of``-th string in one; a recordings table takes no NUL."""
    kept = [text for text in HOSTILE if not (table and "\x00" in text)]
    return " ".join(kept[number::of]).strip()


@pytest.fixture(scope="module")
def attacked(tmp_path_factory):
    folder = tmp_path_factory.mktemp("attacked")
    ids = [f"{part(person, PEOPLE, table=True)}-{person}" for person in range(PEOPLE)]
    return heard_run(
        folder,
        texts=HOSTILE,
        name=part(0, 1),
        classes=(f"a{part(0, 2, table=True)}", f"b{part(1, 2, table=True)}"),
        ids=ids,
        notice=part(0, 1),
        recordings=ids[:1],
    )


def test_there_are_two_hundred():
    assert len(HOSTILE) == len(set(HOSTILE)) == 200


def test_no_string_becomes_a_part_of_the_page(open_page, attacked, heard):
    witness = open_page(attacked.as_uri())
    page = witness.page
    page.wait_for_selector(".cs-view[data-ready]")
    for item in page.locator(".cs-view >> nth=0 >> .cs-item.cs-word").all()[::20]:
        item.evaluate(
            "e => { e.focus(); e.dispatchEvent(new PointerEvent('pointerover', {bubbles: true})); }"
        )
    assert page.title().endswith(": report")
    assert page.evaluate("window.pwned") is None
    assert witness.dialogs == []
    assert witness.complaints == []
    assert page.evaluate(HANDLERS) == []
    links = [link for link in page.evaluate(LINKS) if link != "data:,"]
    assert [link for link in links if not link.startswith(("#", "blob:"))] == []
    expected = {"module": 1, "application/json": 1, "text/plain": 1}
    assert Counter(page.evaluate(SCRIPTS)) == expected
    found = page.evaluate(COUNT)
    assert [name for name in ACTIVE if name in found] == []
    ordinary = open_page(heard.as_uri()).page
    ordinary.wait_for_selector(".cs-view[data-ready]")
    assert set(found) <= {*ordinary.evaluate(COUNT), "article"}  # words nobody asked to hear


def test_every_string_is_shown_as_it_is(open_page, attacked):
    page = open_page(attacked.as_uri()).page
    page.wait_for_selector(".cs-view[data-ready]")
    shown = page.evaluate(
        "[...document.querySelector('.cs-view').querySelectorAll('.cs-item.cs-word')]"
        ".map((each) => each.textContent)"
    )
    assert shown == list(HOSTILE)
    view = page.locator(".heard").first
    assert view.evaluate("each => each.scrollWidth - each.clientWidth") <= 0

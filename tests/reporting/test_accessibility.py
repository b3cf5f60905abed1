"""The page for people who do not see it, who see it in the dark, or who do not use a mouse."""

import itertools
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

import cogspeech.reporting
from cogspeech.reporting.figures import INK, MUTED, NEGATIVE, POSITIVE
from cogspeech.reporting.report import write_report

STYLE = (Path(cogspeech.reporting.__file__).parent / "templates" / "style.css").read_text()
TEXTS = ("ink", "soft", "blue", "warn-ink")
PAPERS = ("paper", "card", "note-paper", "warn-paper")
VOID = {"meta", "link", "br", "wbr"}


class Elements(HTMLParser):
    """Every element with its attributes and those that it stands in."""

    def __init__(self, html):
        super().__init__(convert_charrefs=True)
        self.found, self.open = [], []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs), tuple(self.open)))
        if tag not in VOID:
            self.open.append((tag, len(self.found) - 1))

    def handle_startendtag(self, tag, attrs):
        self.found.append((tag, dict(attrs), tuple(self.open)))

    def handle_endtag(self, tag):
        while self.open and self.open.pop()[0] != tag:
            pass

    def all(self, *tags):
        return [attributes for tag, attributes, _ in self.found if tag in tags]

    def inside(self, parent, *tags):
        """For every parent, the elements of these tags inside it."""
        places = [n for n, (tag, *_) in enumerate(self.found) if tag == parent]
        return [
            [(tag, a) for tag, a, above in self.found if (parent, n) in above and tag in tags]
            for n in places
        ]


@pytest.fixture(scope="module", params=[False, True], ids=["full", "shared"])
def page(request, made_up_run):
    folder, _ = made_up_run
    return Elements(write_report(folder, is_shared=request.param).read_text(encoding="utf-8"))


def test_landmarks_and_a_way_past_the_contents(page):
    assert page.all("html")[0]["lang"] == "en"
    for tag in ("main", "header", "nav"):
        assert len(page.all(tag)) == 1
    first = page.all("a")[0]
    assert (first["class"], first["href"]) == ("skip", "#main")
    assert page.all("main")[0]["id"] == "main"


def test_headings_skip_no_level(page):
    levels = [
        int(tag[1])
        for tag, _, above in page.found
        if re.fullmatch("h[1-6]", tag) and "main" in {name for name, _ in above}
    ]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(b - a <= 1 for a, b in itertools.pairwise(levels))


def test_every_reference_has_a_target_and_every_id_stands_once(page):
    ids = [a["id"] for _, a, _ in page.found if "id" in a]
    assert len(ids) == len(set(ids))
    for _, attributes, _ in page.found:
        for key in ("aria-labelledby", "aria-describedby"):
            assert set(attributes.get(key, "").split()) <= set(ids)
        if (attributes.get("href") or "").startswith("#"):
            assert attributes["href"][1:] in ids


def test_the_contents_name_every_section(page):
    sections = [a["id"] for a in page.all("section")]
    links = [a["href"][1:] for _, a in page.inside("nav", "a")[0]]
    assert links == sections


def test_every_table_has_a_caption_and_header_cells(page):
    for found in page.inside("table", "caption", "th", "thead"):
        tags = [tag for tag, _ in found]
        assert tags[:2] == ["caption", "thead"]
        assert all(a.get("scope") in {"row", "col"} for tag, a in found if tag == "th")


def test_what_scrolls_can_be_reached_and_has_a_name(page):
    scrolling = [a for a in page.all("div") if a.get("class") == "scroll"]
    assert scrolling
    for attributes in scrolling:
        assert attributes["tabindex"] == "0"
        assert attributes["role"] == "region"
        assert attributes.get("aria-label") or attributes.get("aria-labelledby")


def test_every_figure_is_an_image_with_a_name_and_a_description(page):
    drawn = [a for a in page.all("svg") if "aria-hidden" not in a]
    assert len(drawn) >= 9
    for attributes in drawn:
        assert attributes["role"] == "img"
        assert attributes["aria-labelledby"]
    assert len(page.inside("figure", "figcaption")) == len(drawn)
    assert all(len(found) == 1 for found in page.inside("figure", "figcaption"))


def luminance(colour):
    linear = [
        c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4
        for c in (value / 255 for value in colour)
    ]
    return sum(share * value for share, value in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one, other):
    """Of WCAG 2.2, between 1 and 21."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def rgb(text):
    if text.startswith("#"):
        digits = text[1:] if len(text) == 7 else "".join(2 * digit for digit in text[1:])
        return tuple(int(digits[i : i + 2], 16) for i in (0, 2, 4))
    return tuple(map(int, text.split()))


def schemes():
    """The colours of light, dark and print by name."""
    blocks = re.findall(r":root \{(.*?)\}", STYLE, flags=re.DOTALL)
    assert len(blocks) == 3
    return [
        {name: rgb(value) for name, value in re.findall(
            r"--([\w-]+): (#[0-9a-f]{3,6}|\d+ \d+ \d+);", block)}
        for block in blocks
    ]  # fmt: skip


@pytest.mark.parametrize("scheme", [0, 1, 2], ids=["light", "dark", "print"])
def test_text_stands_out(scheme):
    colours = schemes()[scheme]
    for text, paper in itertools.product(TEXTS, PAPERS):
        assert contrast(colours[text], colours[paper]) >= 4.5, (text, paper)


@pytest.mark.parametrize("scheme", [0, 1, 2], ids=["light", "dark", "print"])
def test_words_stand_out_from_their_tints(scheme):
    colours = schemes()[scheme]
    tints = re.findall(r"\.[pn]\d \{ background: rgb\(var\(--(tint-[pn])\) / (\.\d+)\)", STYLE)
    assert len(tints) == 8
    for (name, share), paper in itertools.product(tints, ("card", "paper")):
        opacity = float(share)
        seen = tuple(
            opacity * t + (1 - opacity) * p
            for t, p in zip(colours[name], colours[paper], strict=True)
        )
        assert contrast(colours["ink"], seen) >= 4.5, (name, share, paper)


def test_lines_and_letters_of_figures_stand_out_in_both_schemes():
    light, dark, _ = schemes()
    replaced = dict(re.findall(r'svg \[fill="(#\w{6})"\] \{ fill: (#\w{6})', STYLE))
    assert set(replaced) == {INK, MUTED, NEGATIVE, POSITIVE}
    for colour in replaced:
        needed = 4.5 if colour == INK else 3.0
        assert contrast(rgb(colour), light["card"]) >= needed
        assert contrast(rgb(replaced[colour]), dark["card"]) >= needed


def test_nothing_moves_for_who_wants_no_motion():
    outside = re.sub(r"@media [^{]*no-preference\) \{.*?\n\}", "", STYLE, flags=re.DOTALL)
    assert not re.search(r"scroll-behavior|transition|animation", outside)
    assert ":focus-visible" in STYLE

"""Who and what went where in a study, in counts: as data, as sentences and as a drawing.

``corpus.json`` of a run folder holds them. It names nobody.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from cogspeech.corpora.splits import SplitPlan
from cogspeech.types import Corpus, Recording

PARTS = {
    "train": "Trained on",
    "validation": "Validated on",
    "test": "Tested",
    "left_out": "Left out of training",
}
INK, MUTED = "#1f2328", "#7a828c"
WIDTH, BOX_WIDTH, SIDE_WIDTH = 600.0, 320.0, 250.0
GAP, LINE, PADDING = 30.0, 17.0, 12.0
LONGEST_CLASS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part of the folds: lowest and highest count over all of them."""

    participants: tuple[tuple[int, int], ...]
    """Of each class."""
    recordings: tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """How many of each, from the corpus to the folds."""

    classes: tuple[str, ...]
    found: int
    """Recordings."""
    passed_over: int
    """Things of the corpus that could not become recordings."""
    left_out_by_option: int
    """Things of the corpus that an option of the importer leaves out."""
    dropped: int
    """Recordings that the study file leaves out by name."""
    audited: int
    """Recordings."""
    participants: tuple[int, ...]
    """Of each class, among the audited."""
    folds: int
    repeats: int
    parts: dict[str, Part]


def flow_of(corpus: Corpus, plan: SplitPlan, *, classes: Sequence[str], dropped: int) -> Flow:
    """The counts of a study.

    Args:
        corpus: without what was dropped.
        plan: its folds.
        classes: the negative one first.
        dropped: recordings that were left out by name.
    """
    recordings = corpus.recordings
    label_of = {r.participant_id: classes.index(r.label or "") for r in recordings}
    names = {
        "train": [set(fold.train) for fold in plan.folds],
        "validation": [set(fold.validation) for fold in plan.folds],
        "test": [set(fold.test) for fold in plan.folds],
        "left_out": [
            label_of.keys() - {*fold.train, *fold.validation, *fold.test} for fold in plan.folds
        ],
    }
    asked = sum(each.is_asked for each in corpus.passed_over)
    return Flow(
        classes=tuple(classes),
        found=len(recordings) + dropped,
        passed_over=len(corpus.passed_over) - asked,
        left_out_by_option=asked,
        dropped=dropped,
        audited=len(recordings),
        participants=_by_class(label_of, label_of, len(classes)),
        folds=len({fold.fold for fold in plan.folds}),
        repeats=len({fold.repeat for fold in plan.folds}),
        parts={
            name: _part(sets, recordings, label_of, len(classes))
            for name, sets in names.items()
            if any(sets)
        },
    )


def _by_class(
    names: Iterable[str], label_of: Mapping[str, int], num_classes: int
) -> tuple[int, ...]:
    labels = [label_of[name] for name in names]
    return tuple(labels.count(label) for label in range(num_classes))


def _part(
    sets: Sequence[set[str]],
    recordings: Sequence[Recording],
    label_of: Mapping[str, int],
    num_classes: int,
) -> Part:
    people = [_by_class(names, label_of, num_classes) for names in sets]
    files = [sum(r.participant_id in names for r in recordings) for names in sets]
    return Part(
        participants=tuple((min(of), max(of)) for of in zip(*people, strict=True)),
        recordings=(min(files), max(files)),
    )


def flow_lines(flow: Flow, fewest: int = 1) -> list[str]:
    """The same in sentences, from the corpus to the folds.

    Args:
        flow: the counts.
        fewest: smaller counts are not told, nor what would give them away.
    """
    people = _joined(f"{n} {name}" for name, n in zip(flow.classes, flow.participants, strict=True))
    whom = f" of {sum(flow.participants)} participants ({people})"
    lines = [
        f"Found: {flow.found} recordings.",
        f"Passed over: {flow.passed_over} entries of the corpus that could not become recordings; "
        f"{flow.left_out_by_option} more were left out by an option of the importer.",
        f"Dropped by name in the study file: {flow.dropped} recordings.",
    ]
    if fewest > 1:
        lines = []
    lines += [
        f"Audited: {flow.audited} recordings{whom if classes_are_told(flow, fewest) else ''}.",
        f"Folds: {flow.folds}, dealt {flow.repeats} times."
        if flow.repeats > 1
        else f"Folds: {flow.folds}.",
    ]
    per_fold = " in each fold" if flow.folds * flow.repeats > 1 else ""
    for name, part in flow.parts.items():
        lines.append(f"{PARTS[name]}{per_fold}: {', '.join(_part_counts(flow, part, fewest))}.")
    return lines


def classes_are_told(flow: Flow, fewest: int) -> bool:
    """Whether no class is small, nor what is left of one without those who are tested at once."""
    tested = flow.parts["test"].participants if "test" in flow.parts else ()
    rest = [n - most for n, (_, most) in zip(flow.participants, tested, strict=bool(tested))]
    return not any(0 < n < fewest for n in (*flow.participants, *rest))


def _part_counts(flow: Flow, part: Part, fewest: int) -> list[str]:
    """Participants, those of each class, and recordings."""
    people, files = _range(_total(part), fewest), _range(part.recordings, fewest)
    classes = _joined(
        f"{_range(count)} {own}" for own, count in zip(flow.classes, part.participants, strict=True)
    )
    told = f"{people} participants" if fewest > 1 else f"{people} participants ({classes})"
    return [told, f"{files} recordings"]


def _total(part: Part) -> tuple[int, int]:
    low, high = (sum(count[end] for count in part.participants) for end in (0, 1))
    return low, high


def _joined(texts: Iterable[str]) -> str:
    return ", ".join(texts)


def _range(count: tuple[int, int], fewest: int = 1) -> str:
    low, high = count
    if 0 < low < fewest:
        return f"fewer than {fewest}" if high < fewest else f"up to {high}"
    return str(low) if low == high else f"{low} to {high}"


def draw_flow(flow: Flow, fewest: int = 1) -> Markup:
    """The flow diagram as inline SVG without styles; its colours are those of the other figures.

    Args:
        flow: the counts.
        fewest: smaller counts are not told, nor what would give them away.
    """
    classes = [_short(name) for name in flow.classes]
    people = [f"{n} {name}" for name, n in zip(classes, flow.participants, strict=True)]
    boxes: list[Markup] = []
    middle = WIDTH / 2
    audited = ["Audited", f"{flow.audited} recordings"]
    if classes_are_told(flow, fewest):
        audited = ["Audited", f"{audited[1]}, {sum(flow.participants)} participants", *people]
    top = _draw_beginning(boxes, flow) if fewest == 1 else 0.0
    low = _box(boxes, middle, top, BOX_WIDTH, audited)
    folds = f"{flow.folds} folds" if flow.folds > 1 else "one test set"
    repeats = f", dealt {flow.repeats} times" if flow.repeats > 1 else ""
    boxes.append(_text(middle + 8, low + GAP / 2 + 4, folds + repeats, anchor="start"))
    boxes.append(_line(middle, low, middle, low + GAP, arrow=False))
    bottom = _draw_parts(boxes, flow, classes, low + GAP, fewest)
    svg = Markup(
        '<svg viewBox="-2 -2 {} {}" role="img" aria-labelledby="flow-drawn flow-told" '
        'font-size="12"><title id="flow-drawn">Flow of recordings and participants</title>'
        '<desc id="flow-told">{}</desc>'
    ).format(WIDTH + 4, round(bottom + 4), " ".join(flow_lines(flow, fewest)))
    return svg + Markup("").join(boxes) + Markup("</svg>")


def _draw_beginning(boxes: list[Markup], flow: Flow) -> float:
    """What was found, and what became nothing; gives where the next box begins."""
    middle = WIDTH / 2
    top = _box(boxes, middle, 0.0, BOX_WIDTH, ["Recordings found", str(flow.found)])
    gone = [
        f"{flow.passed_over} passed over: not usable",
        f"{flow.left_out_by_option} left out by an option",
        f"{flow.dropped} dropped by name",
    ]
    side_top = top + GAP / 2
    side = _box(boxes, WIDTH - SIDE_WIDTH / 2, side_top, SIDE_WIDTH, gone, bold=False)
    boxes.append(_line(middle, top, middle, side + GAP / 2, arrow=True))
    across = (side_top + side) / 2
    boxes.append(_line(middle, across, WIDTH - SIDE_WIDTH, across, arrow=True))
    return side + GAP / 2


def _draw_parts(
    boxes: list[Markup], flow: Flow, classes: Sequence[str], top: float, fewest: int
) -> float:
    """A box per part of the folds, side by side; gives where they end."""
    width = (WIDTH - 12 * (len(flow.parts) - 1)) / len(flow.parts)
    centres = [width / 2 + place * (width + 12) for place in range(len(flow.parts))]
    boxes.append(_line(centres[0], top, centres[-1], top, arrow=False))
    ends = []
    for centre, (name, part) in zip(centres, flow.parts.items(), strict=True):
        boxes.append(_line(centre, top, centre, top + GAP, arrow=True))
        counts = [
            f"{_range(count)} {own}" for own, count in zip(classes, part.participants, strict=True)
        ]
        lines = [PARTS[name], f"{_range(_total(part), fewest)} participants"]
        lines += counts if fewest == 1 else []
        lines.append(f"{_range(part.recordings, fewest)} recordings")
        ends.append(_box(boxes, centre, top + GAP, width, lines))
    return max(ends)


def _box(
    boxes: list[Markup],
    centre: float,
    top: float,
    width: float,
    lines: Sequence[str],
    *,
    bold: bool = True,
) -> float:
    """Adds a box with centred lines, the first one bold; gives its lower edge."""
    height = LINE * len(lines) + PADDING
    boxes.append(
        Markup(
            '<rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" rx="5" fill="none" '
            'stroke="{}"/>'
        ).format(centre - width / 2, top, width, height, MUTED)
    )
    for place, line in enumerate(lines):
        is_head = bold and place == 0
        boxes.append(_text(centre, top + LINE * (place + 1) + 1, line, bold=is_head))
    return top + height


def _text(x: float, y: float, text: str, *, bold: bool = False, anchor: str = "middle") -> Markup:
    weight = Markup(' font-weight="600"') if bold else ""
    return Markup('<text x="{:.1f}" y="{:.1f}" text-anchor="{}" fill="{}"{}>{}</text>').format(
        x, y, anchor, INK, weight, text
    )


def _line(x1: float, y1: float, x2: float, y2: float, *, arrow: bool) -> Markup:
    drawn = Markup('<line x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}" stroke="{}"/>').format(
        x1, y1, x2, y2, MUTED
    )
    if not arrow:
        return drawn
    (a, b), (c, d) = ((-4, -7), (4, -7)) if x1 == x2 else ((-7, -4), (-7, 4))
    points = f"{x2:.1f},{y2:.1f} {x2 + a:.1f},{y2 + b:.1f} {x2 + c:.1f},{y2 + d:.1f}"
    return drawn + Markup('<polygon points="{}" fill="{}"/>').format(points, MUTED)


def _short(name: str) -> str:
    """Printable and short enough for a box."""
    shown = "".join(letter for letter in name if letter.isprintable())
    return shown if len(shown) <= LONGEST_CLASS else f"{shown[: LONGEST_CLASS - 1]}…"

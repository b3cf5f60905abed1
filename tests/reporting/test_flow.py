from pathlib import Path
from xml.etree import ElementTree

import pytest

from cogspeech.corpora.splits import Fold, People, SplitPlan, plan_each_alone, plan_splits
from cogspeech.reporting.flow import draw_flow, flow_lines, flow_of
from cogspeech.types import Corpus, PassedOver, Recording

CLASSES = ("control", "dementia")


def corpus(people, *, visits=1, **more):
    return Corpus(
        recordings=tuple(
            Recording(
                recording_id=f"{name}-{visit}", participant_id=name, audio_path=Path(f"{name}.wav"),
                label=CLASSES[label],
            )
            for name, label in people.items()
            for visit in range(visits)
        ),
        **more,
    )  # fmt: skip


def people(negatives, positives):
    return {f"n{i}": 0 for i in range(negatives)} | {f"p{i}": 1 for i in range(positives)}


@pytest.fixture
def one_fold():
    everybody = people(6, 5)
    fold = Fold(
        repeat=0, fold=0, train=("n0", "n1", "n2", "p0", "p1"), validation=("n3", "p2"),
        test=("n4", "n5", "p3", "p4"),
    )  # fmt: skip
    lost = tuple(
        PassedOver(where="x", reason="no audio", is_asked=asked) for asked in (True, False, False)
    )
    return flow_of(
        corpus(everybody, visits=2, passed_over=lost),
        SplitPlan(folds=(fold,)),
        classes=CLASSES,
        dropped=3,
    )


def test_everything_is_counted_once(one_fold):
    assert (one_fold.found, one_fold.dropped, one_fold.audited) == (25, 3, 22)
    assert (one_fold.passed_over, one_fold.left_out_by_option) == (2, 1)
    assert one_fold.participants == (6, 5)
    counts = {name: (p.participants, p.recordings) for name, p in one_fold.parts.items()}
    assert counts == {
        "train": (((3, 3), (2, 2)), (10, 10)),
        "validation": (((1, 1), (1, 1)), (4, 4)),
        "test": (((2, 2), (2, 2)), (8, 8)),
    }


def test_over_several_folds_the_smallest_and_the_largest_are_told():
    everybody = people(5, 4)
    plan = plan_splits(
        People(labels=everybody, classes=CLASSES),
        outer_folds=2, repeats=3, validation_fraction=0.2, seed=1,
    )  # fmt: skip

    flow = flow_of(corpus(everybody), plan, classes=CLASSES, dropped=0)

    assert (flow.folds, flow.repeats) == (2, 3)
    assert flow.parts["test"].participants == ((2, 3), (2, 2))
    assert "Tested in each fold: 4 to 5 participants (2 to 3 control, 2 dementia)" in " ".join(
        flow_lines(flow)
    )


def test_a_partner_who_is_left_out_is_counted_too():
    everybody = people(4, 4)
    plan = plan_each_alone(
        People(labels=everybody, classes=CLASSES), validation_fraction=0.2, seed=1
    )

    flow = flow_of(corpus(everybody), plan, classes=CLASSES, dropped=0)

    assert flow.parts["left_out"].participants == ((0, 1), (0, 1))
    assert sum(flow.participants) == 8


def test_the_drawing_says_what_the_sentences_say(one_fold):
    root = ElementTree.fromstring(str(draw_flow(one_fold)))

    shown = " ".join(text.text for text in root.iter("text"))
    for told in ("25", "22 recordings, 11 participants", "6 control", "3 dropped by name",
                 "5 participants", "one test set", "8 recordings"):  # fmt: skip
        assert told in shown
    assert root.find("desc").text == " ".join(flow_lines(one_fold))
    assert not any("style" in element.attrib for element in root.iter())


def test_every_text_of_the_drawing_stays_inside_it_and_boxes_do_not_overlap(one_fold):
    root = ElementTree.fromstring(str(draw_flow(one_fold)))
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    boxes = [
        tuple(float(box.attrib[key]) for key in ("x", "y", "width", "height"))
        for box in root.iter("rect")
    ]

    for x, y, wide, high in boxes:
        assert x >= -2
        assert y >= -2
        assert x + wide <= width
        assert y + high <= height
    for place, (x, y, wide, high) in enumerate(boxes):
        for a, b, c, d in boxes[place + 1 :]:
            assert x + wide <= a or a + c <= x or y + high <= b or b + d <= y


@pytest.mark.parametrize("name", ["<script>&\"'", "\x00\u202ename", "x" * 80])
def test_a_class_may_be_called_anything(name):
    everybody = people(4, 4)
    plan = plan_splits(
        People(labels=everybody, classes=CLASSES),
        outer_folds=2, repeats=1, validation_fraction=0.2, seed=1,
    )  # fmt: skip
    flow = flow_of(corpus(everybody), plan, classes=CLASSES, dropped=0)
    object.__setattr__(flow, "classes", ("control", name))

    drawn = str(draw_flow(flow))

    assert "<script" not in drawn
    if "\x00" not in name:
        ElementTree.fromstring(drawn)

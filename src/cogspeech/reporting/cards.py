"""``model/README.md`` and ``data_card.md``: what travels with a model, and with its data."""

from dataclasses import replace

from cogspeech.reporting import answers
from cogspeech.reporting.bundle_card import (
    INTENDED_USE,
    LICENCE,
    bullets,
    front_matter,
    section,
    thresholds,
)
from cogspeech.reporting.flow import flow_lines
from cogspeech.reporting.run_facts import RunFacts
from cogspeech.reporting.wording import markdown, markdown_table, metric_label, quoted, told
from cogspeech.training.bundle_facts import FEWEST_COUNTED

CHARACTERISTICS = ("Side", "Class", "Participants", "Recordings", "Speech (s)", "Age (years)",
           "Education (years)", "MMSE", "Sex", "Language", "Site")  # fmt: skip


def model_card(facts: RunFacts) -> str:
    """``model/README.md``: lies in the bundle and goes where it goes, so without small counts."""
    facts = replace(facts, fewest=max(facts.fewest, FEWEST_COUNTED))
    metrics = facts.metrics
    found = metrics.systems[metrics.primary]
    other = f"{facts.study.fusion.name}, fitted once more on the whole training side"
    return "".join(
        (
            front_matter(facts.bundle, found),
            f"# Model card: {markdown(facts.study.name)}\n\n",
            quoted(answers.notes(facts.metrics)),
            section("Probes for shortcuts", bullets(answers.probes(facts))),
            section("Intended use", INTENDED_USE),
            section("What it is", bullets((answers.model(facts), answers.predictors(facts)))),
            section(
                "Trained on",
                bullets((*flow_lines(facts.corpus.flow, facts.fewest), answers.partition(facts))),
            ),
            _characteristics(facts),
            section(
                "How well it does",
                "Out of fold, the mean over runs, with 95 % intervals over participants; for "
                f"{markdown(other)}, which no number here has tested itself.\n\n"
                + markdown_table(
                    ["Metric", "Value"],
                    ([metric_label(name), told(estimate)] for name, estimate in found.items()),
                )
                + f"\n{markdown(answers.spread(facts))}\n",
            ),
            section("Answers", f"{markdown(answers.output(facts))}\n"),
            section("Thresholds", bullets(thresholds(facts.bundle))),
            section("Limits that the software can see", bullets(answers.limits(facts))),
            section("Made with", f"{markdown(answers.code(facts))}\n"),
            section("Licence", LICENCE),
        )
    )


def data_card(facts: RunFacts) -> str:
    """``data_card.md``: whom a study is about, in counts."""
    return "".join(
        (
            f"# Data card: {markdown(facts.study.name)}\n\n",
            quoted(answers.notes(facts.metrics)),
            section("From the corpus to the folds", bullets(flow_lines(facts.corpus.flow))),
            _characteristics(facts),
            section("Missing data", f"{markdown(answers.missing_data(facts))}\n"),
            section("Preparation", f"{markdown(answers.preparation(facts))}\n"),
            section("Audit", f"{markdown(answers.quality_checks(facts))}\n"),
            section("Shortcuts in the data", bullets(answers.probes(facts))),
            section("Which data", f"{markdown(answers.data_identity(facts))}\n"),
            section(
                "What the software cannot know",
                "NOT REPORTED: who recorded the data, when and where; how people were found and "
                "asked; consent; who made the diagnosis and how; what the data may be used for.\n",
            ),
        )
    )


def _characteristics(facts: RunFacts) -> str:
    rows = ([markdown(cell) for cell in row] for row in answers.characteristics(facts))
    return section(
        "Participants",
        f"Mean (standard deviation); counts below {answers.SMALLEST_CELL} are not told.\n\n"
        + markdown_table(CHARACTERISTICS, rows),
    )

"""``model/README.md`` and ``data_card.md``: what travels with a model, and with its data."""

from collections.abc import Iterable

from cogspeech.reporting import answers
from cogspeech.reporting.flow import flow_lines
from cogspeech.reporting.run_facts import RunFacts
from cogspeech.reporting.wording import markdown, markdown_table, metric_label, quoted, told

CHARACTERISTICS = ("Side", "Class", "Participants", "Recordings", "Speech (s)", "Age (years)",
           "Education (years)", "MMSE", "Sex", "Language", "Site")  # fmt: skip

INTENDED_USE = (
    "Research on speech: scoring recordings like those it was trained on, with how far the score "
    "can be trusted. Every other use is out of scope: no care of any person, no screening, no "
    "decision about anybody."
)


def model_card(facts: RunFacts) -> str:
    """``model/README.md``: lies in the bundle and goes where it goes."""
    metrics = facts.metrics
    found = metrics.systems[metrics.primary]
    other = f"{facts.study.fusion.name}, fitted once more on the whole training side"
    return "".join(
        (
            f"# Model card: {markdown(facts.study.name)}\n\n",
            quoted(answers.notes(facts.metrics)),
            _section("Probes for shortcuts", _bullets(answers.probes(facts))),
            _section(
                "Intended use",
                f"{INTENDED_USE}\n",
            ),
            _section("What it is", _bullets((answers.model(facts), answers.predictors(facts)))),
            _section(
                "Trained on", _bullets((*flow_lines(facts.corpus.flow), answers.partition(facts)))
            ),
            _characteristics(facts),
            _section(
                "How well it does",
                "Out of fold, the mean over runs, with 95 % intervals over participants; for "
                f"{markdown(other)}, which no number here has tested itself.\n\n"
                + markdown_table(
                    ["Metric", "Value"],
                    ([metric_label(name), told(estimate)] for name, estimate in found.items()),
                )
                + f"\n{markdown(answers.spread(facts))}\n",
            ),
            _section("Answers", f"{markdown(answers.output(facts))}\n"),
            _section("Limits that the software can see", _bullets(answers.limits(facts))),
            _section("Made with", f"{markdown(answers.code(facts))}\n"),
        )
    )


def data_card(facts: RunFacts) -> str:
    """``data_card.md``: whom a study is about, in counts."""
    return "".join(
        (
            f"# Data card: {markdown(facts.study.name)}\n\n",
            quoted(answers.notes(facts.metrics)),
            _section("From the corpus to the folds", _bullets(flow_lines(facts.corpus.flow))),
            _characteristics(facts),
            _section("Missing data", f"{markdown(answers.missing_data(facts))}\n"),
            _section("Preparation", f"{markdown(answers.preparation(facts))}\n"),
            _section("Audit", f"{markdown(answers.quality_checks(facts))}\n"),
            _section("Shortcuts in the data", _bullets(answers.probes(facts))),
            _section("Which data", f"{markdown(answers.data_identity(facts))}\n"),
            _section(
                "What the software cannot know",
                "NOT REPORTED: who recorded the data, when and where; how people were found and "
                "asked; consent; who made the diagnosis and how; what the data may be used for.\n",
            ),
        )
    )


def _section(title: str, text: str) -> str:
    return f"## {title}\n\n{text}\n"


def _bullets(lines: Iterable[str]) -> str:
    return "".join(f"- {markdown(line)}\n" for line in lines)


def _characteristics(facts: RunFacts) -> str:
    rows = ([markdown(cell) for cell in row] for row in answers.characteristics(facts))
    return _section(
        "Participants",
        f"Mean (standard deviation); counts below {answers.SMALLEST_CELL} are not told.\n\n"
        + markdown_table(CHARACTERISTICS, rows),
    )

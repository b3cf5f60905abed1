"""``checklists/tripod_ai.md`` and ``stard_ai.md``: filled where software can know, and only there.

Item numbers are those of TRIPOD+AI (Collins et al., BMJ 2024) and STARD-AI (Sounderajah et al.,
Nature Medicine 2025); the wording is ours and short. What the software cannot know says
``NOT REPORTED``; what it knows in part says ``CONFIRM``.
"""

from collections.abc import Callable
from dataclasses import dataclass

from cogspeech.reporting import answers
from cogspeech.reporting.run_facts import RunFacts, told_target
from cogspeech.reporting.wording import markdown, markdown_table, quoted

NOT_REPORTED = "NOT REPORTED"
CONFIRM = "CONFIRM"
FILLED = "filled"
Answer = Callable[[RunFacts], str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One item of a checklist."""

    number: str
    asks: str
    answer: Answer | None = None
    """``None``, and what gives ``None``: only people know."""
    is_whole: bool = True
    """False: people have to add to it."""


def _item(number: str, asks: str, answer: Answer | None = None, *, whole: bool = True) -> Item:
    return Item(number=number, asks=asks, answer=answer, is_whole=whole)


def _preparation(facts: RunFacts) -> str:
    return f"{answers.preparation(facts)} {answers.quality_checks(facts)}"


def _limits(facts: RunFacts) -> str:
    return " ".join(answers.limits(facts))


def _sides(facts: RunFacts) -> str:
    if not facts.study.evaluation.has_test_set:
        return "One corpus: every participant is in training and in test, never in both at once."
    return "By side and class in data_card.md."


def _fairness(facts: RunFacts) -> str:
    measured = (
        "Every metric by sex, age, language, education and site, of groups with enough people of "
        "both classes, with gaps and their intervals, is in report.html and under 'subgroups' in "
        "metrics.json."
        if len(facts.metrics.classes) == 2
        else "No metric was computed by group, which takes two classes."
    )
    return f"{_characteristics(facts)} {measured}"


def _characteristics(_: RunFacts) -> str:
    return "Who the participants are, by side and class, is in data_card.md."


def _severity(facts: RunFacts) -> str | None:
    is_known = any("mmse" in group.numbers for group in facts.corpus.groups)
    return "MMSE by class is in data_card.md." if is_known else None


def _corpus(facts: RunFacts) -> str:
    tested = facts.study.test_corpus
    read = f"Read with the importer '{facts.study.corpus.importer}'"
    also = f", the test corpus with '{tested.importer}'" if tested else ""
    return f"{read}{also}. {answers.data_identity(facts)}"


def _outcome(facts: RunFacts) -> str:
    target = facts.study.target
    if not target.classes:
        return f"The score in the column '{facts.metrics.score}'."
    return f"The column '{target.column}' with the values {', '.join(target.classes)}."


def _title(facts: RunFacts) -> str:
    return (
        "Fits: development and evaluation of a machine-learning model "
        f"({told_target(facts.metrics)}) from speech."
    )


def _updates(_: RunFacts) -> str:
    return "No model was updated or recalibrated after its evaluation."


def _bad_input(_: RunFacts) -> str:
    return (
        "Unreadable audio or words are refused with one sentence; recordings without speech, in "
        "another language or outside the ranges of the training get the decision 'abstain' with "
        "the reasons."
    )


def _clusters(facts: RunFacts) -> str | None:
    column = facts.study.evaluation.fold_column
    if column is None:
        return None
    return f"Each value of the column '{column}' was tested on fits that saw only the others."


def _blind(_: RunFacts) -> str:
    return (
        "No fit was given the labels, scores or further columns of the recordings it was tested "
        "on. Whether people saw them before, only they know."
    )


def _indeterminate(facts: RunFacts) -> str:
    abstained = (
        " What abstention by conformal sets would have left out is under 'abstention' in "
        "metrics.json."
    )
    return (
        "Every tested recording has an answer in predictions.csv, and every answer enters every "
        "estimate; none was left out as indeterminate."
        f"{abstained if answers.has_sets(facts) else ''}"
    )


def _audit_trail(_: RunFacts) -> str:
    return (
        "predictions.csv holds every answer, checkpoints/ every fit, provenance.json the digests "
        "of data, folds, study and weights."
    )


TRIPOD_AI: tuple[Item, ...] = (
    _item("1", "Title: development or evaluation, population, outcome", _title, whole=False),
    _item("2", "Abstract, by the list for abstracts", answers.performance, whole=False),
    _item("3a", "Health context and why a model"),
    _item("3b", "Target population, purpose and users"),
    _item("3c", "Known inequalities between groups"),
    _item("4", "Objectives", _title, whole=False),
    _item("5a", "Sources of the data", _corpus, whole=False),
    _item("5b", "Dates of the data"),
    _item("6a", "Setting, number and place of centres"),
    _item("6b", "Who was eligible", answers.flow, whole=False),
    _item("6c", "Treatments received"),
    _item("7", "Preparation of the data and quality checks", _preparation),
    _item("8a", "Outcome and how it was determined", _outcome, whole=False),
    _item("8b", "Who judged the outcome"),
    _item("8c", "Blinding of who judged the outcome"),
    _item("9a", "Choice of the predictors", answers.predictors, whole=False),
    _item("9b", "Definition of the predictors", answers.predictors, whole=False),
    _item("9c", "Who judged subjective predictors"),
    _item("10", "Sample size and its reason", answers.sample_size, whole=False),
    _item("11", "Missing data", answers.missing_data),
    _item("12a", "Use and partition of the data", answers.partition),
    _item("12b", "Handling of the predictors", answers.predictors),
    _item("12c", "Kind of model, building, tuning, internal validation", answers.model),
    _item("12d", "Differences between clusters: how examined", _clusters, whole=False),
    _item("12e", "Measures of performance", answers.measures),
    _item("12f", "Updating of the model", _updates),
    _item("12g", "How predictions were calculated", answers.output),
    _item("13", "Class imbalance", answers.imbalance),
    _item("14", "Fairness: approaches and reasons", _fairness, whole=False),
    _item("15", "Output of the model and threshold", answers.output),
    _item("16", "Differences of development and evaluation data", _sides, whole=False),
    _item("17", "Ethical approval and consent"),
    _item("18a", "Funding"),
    _item("18b", "Conflicts of interest"),
    _item("18c", "Study protocol"),
    _item("18d", "Registration"),
    _item("18e", "Access to the data", answers.data_identity, whole=False),
    _item("18f", "Access to the code", answers.code),
    _item("19", "Involvement of patients and public"),
    _item("20a", "Flow of participants", answers.flow),
    _item("20b", "Characteristics of participants", _characteristics, whole=False),
    _item("20c", "Development against evaluation data", _sides),
    _item("21", "Participants and events of each analysis", answers.sample_size),
    _item("22", "The full model", answers.full_model),
    _item("23a", "Performance with intervals", answers.performance),
    _item("23b", "Heterogeneity of performance", _clusters, whole=False),
    _item("24", "Results of updating", _updates),
    _item("25", "Interpretation"),
    _item("26", "Limitations", _limits, whole=False),
    _item("27a", "Poor or missing input in use", _bad_input),
    _item("27b", "Interaction and expertise of users"),
    _item("27c", "Next steps"),
)
STARD_AI: tuple[Item, ...] = (
    _item("1", "Title or abstract names AI and a measure of accuracy", _title, whole=False),
    _item("2", "Structured abstract", answers.performance, whole=False),
    _item("3", "Background, intended use, place in a workflow"),
    _item("4", "Objectives and hypotheses"),
    _item("5", "Prospective or retrospective collection"),
    _item("6", "Ethics approval"),
    _item("7", "Eligibility of people and of data", answers.flow, whole=False),
    _item("8", "How eligible people were identified"),
    _item("9", "Where and when"),
    _item("10", "Consecutive, random or convenience series"),
    _item("11", "Source of the data", _corpus, whole=False),
    _item("12", "Annotation of the data", answers.preparation, whole=False),
    _item("13", "Devices and software", answers.code, whole=False),
    _item("14", "Acquisition and preparation of the data", _preparation, whole=False),
    _item("15a", "Index test, so that it can be repeated", answers.model, whole=False),
    _item("15b", "Development of the index test, with sample sizes", answers.partition),
    _item("15c", "Cut-offs of the index test", answers.output),
    _item("15d", "Intended user and expertise"),
    _item("16a", "Reference standard"),
    _item("16b", "Why this reference standard"),
    _item("16c", "Cut-offs of the reference standard"),
    _item("17a", "Index test blind to the reference standard", _blind, whole=False),
    _item("17b", "Reference standard blind to the index test"),
    _item("18", "Statistical methods", answers.measures),
    _item("19", "Indeterminate results", _indeterminate),
    _item("20", "Missing data", answers.missing_data),
    _item("21", "Analyses of variability", answers.spread),
    _item("22", "Intended sample size", answers.sample_size, whole=False),
    _item("23", "Error analysis, bias and fairness: methods", _fairness, whole=False),
    _item("24", "Flow diagram", answers.flow),
    _item("25", "Characteristics by training, validation and test", _sides, whole=False),
    _item("26a", "Severity in those with the condition", _severity, whole=False),
    _item("26b", "Other diagnoses in those without"),
    _item("27", "Time between index test and reference standard"),
    _item("28", "Does the test set represent the intended population?"),
    _item("29", "How an external test set differs", _sides, whole=False),
    _item("30", "Index test against reference standard", _audit_trail, whole=False),
    _item("31", "Accuracy with its precision", answers.performance),
    _item("32", "Adverse events"),
    _item("33", "Limitations", _limits, whole=False),
    _item("34", "Implications for practice"),
    _item("35", "Ethics and fairness of use"),
    _item("36", "Registration"),
    _item("37", "Protocol"),
    _item("38", "Funding"),
    _item("39", "Commercial interests"),
    _item("40a", "Access to data and code", answers.code, whole=False),
    _item("40b", "Are outputs kept and open to audit?", _audit_trail),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """An item with what the software knows about it."""

    number: str
    asks: str
    status: str
    """`FILLED`, `CONFIRM` or `NOT_REPORTED`."""
    text: str
    """Empty where nothing is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checklist:
    """A checklist about a run folder."""

    name: str
    doi: str
    items: tuple[Answered, ...]

    @property
    def counts(self) -> dict[str, int]:
        """How many items have which status."""
        return {
            status: sum(item.status == status for item in self.items)
            for status in (FILLED, CONFIRM, NOT_REPORTED)
        }


def checklists_of(facts: RunFacts) -> tuple[Checklist, ...]:
    """Both, in the order in which a paper on diagnosis needs them."""
    return tuple(
        Checklist(name=name, doi=doi, items=tuple(_answered(item, facts) for item in items))
        for name, doi, items in (
            ("TRIPOD+AI", "10.1136/bmj-2023-078378", TRIPOD_AI),
            ("STARD-AI", "10.1038/s41591-025-03953-8", STARD_AI),
        )
    )


def tripod_ai(facts: RunFacts) -> str:
    """``tripod_ai.md``."""
    return _in_markdown(checklists_of(facts)[0], facts)


def stard_ai(facts: RunFacts) -> str:
    """``stard_ai.md``."""
    return _in_markdown(checklists_of(facts)[1], facts)


def _answered(item: Item, facts: RunFacts) -> Answered:
    answer = item.answer(facts) if item.answer else None
    status = NOT_REPORTED if answer is None else FILLED if item.is_whole else CONFIRM
    return Answered(number=item.number, asks=item.asks, status=status, text=answer or "")


def _in_markdown(checklist: Checklist, facts: RunFacts) -> str:
    rows = [
        [i.number, i.asks, i.status, markdown(i.text) if i.text else f"**{NOT_REPORTED}**"]
        for i in checklist.items
    ]
    told = ", ".join(f"{status}: {count}" for status, count in checklist.counts.items())
    return (
        f"# {checklist.name}: {markdown(facts.study.name)}\n\n"
        f"{quoted(answers.notes(facts.metrics))}"
        f"Items are named in our own short words; read them in the original (doi:{checklist.doi}). "
        f"{told}. `{CONFIRM}`: the software knows a part, people add the rest. "
        f"`{NOT_REPORTED}`: only people know; nothing was invented.\n\n"
        + markdown_table(("Item", "Asks", "Status", "Answer"), rows)
    )

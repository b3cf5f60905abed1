"""What a run knows about itself, as sentences that checklists and cards share.

Every sentence follows from the files of the run folder. Where a run cannot know, there is no
function here.
"""

from cogspeech.config import EvaluationSection
from cogspeech.evaluation.comparison import SIGNIFICANT
from cogspeech.evaluation.estimates import primary_metric
from cogspeech.evaluation.ledger import looks_sentence
from cogspeech.evaluation.metrics import THRESHOLD
from cogspeech.reporting.characteristics import Distribution, Group
from cogspeech.reporting.flow import classes_are_told, flow_lines
from cogspeech.reporting.run_facts import MetricFacts, RunFacts, encoder_name
from cogspeech.reporting.wording import digits, metric_label, told

SMALLEST_CELL = 5
"""A count below it may point at somebody; it is told as "fewer than 5"."""
PROTOCOLS = {
    "cross_validation": "repeated, stratified cross-validation over whole participants",
    "leave_one_participant_out": "leaving one participant out, with a partner of each other class "
    "left out of the training side",
    "official_split": "the official split of the corpus, its test set tested by fits that never "
    "saw it",
    "cross_corpus": "trained on one corpus, tested on another",
    "column": "each value of a column of the recordings table tested on all the others",
}


def notes(metrics: MetricFacts) -> list[str]:
    """What must stand beside every number, wherever it goes."""
    always = [metrics.use, *([metrics.notice] if metrics.notice else [])]
    return [*always, looks_sentence(metrics.test_set_looks)] if metrics.test_set_looks else always


def preparation(facts: RunFacts) -> str:
    """How recordings become what a model sees."""
    words = facts.study.transcripts
    sources = ", ".join(source.name for source in words.sources)
    aligner = f", aligned by {words.align.name}" if words.align else ""
    return (
        f"Words from {sources}{aligner}, rendering '{words.rendering}'; pauses of at least "
        f"{words.min_pause_s} s between the participant's words are events of their own. Only the "
        "participant's turns are encoded. The same for both classes; the audit compares them."
    )


def quality_checks(facts: RunFacts) -> str:
    """What the audit said."""
    codes = sorted({finding.code for finding in facts.audit.findings})
    accepted = sorted({f.code for f in facts.audit.findings if f.accepted})
    found = f"; findings: {', '.join(codes)}" if codes else "; no findings"
    passed = f"; accepted by the study file: {', '.join(accepted)}" if accepted else ""
    return (
        f"Audit of the recordings before anything is encoded: {facts.audit.verdict}{found}{passed}."
    )


def missing_data(facts: RunFacts) -> str:
    """What happens to what is not there."""
    flow = facts.corpus.flow
    counted = (
        f" {flow.passed_over} entries of the corpus were passed over, {flow.left_out_by_option} "
        f"left out by an option, {flow.dropped} recordings dropped by name (reasons in "
        "dropped.csv)."
    )
    return (
        "The fusion is given nothing in place of what is unknown; baselines and probes of features "
        "put a median there and mark it. A recording that cannot be read, heard or "
        f"transcribed stops the study; none was substituted.{counted if facts.fewest == 1 else ''}"
    )


def partition(facts: RunFacts) -> str:
    """Who is trained on, who stops training, who is tested."""
    evaluation = facts.study.evaluation
    share = round(100 * facts.study.training.validation_fraction)
    looks = facts.metrics.test_set_looks
    return (
        f"{_sentence(PROTOCOLS[evaluation.protocol])} {_folds(facts)}All recordings of a person "
        f"stand on one side. {share} % of each training side are held back: {_held_back(facts)}. "
        f"Nothing is chosen on a test fold.{f' {looks_sentence(looks)}' if looks else ''}"
    )


def _held_back(facts: RunFacts) -> str:
    """For what."""
    stop = "they decide when to stop"
    more = "; calibration, conformal sets and thresholds that hold a rate are chosen on them"
    return stop + (more if len(facts.metrics.classes) == 2 else "") + "; baselines train on them"


def _folds(facts: RunFacts) -> str:
    evaluation: EvaluationSection = facts.study.evaluation
    flow = facts.corpus.flow
    column = f" Column: {evaluation.fold_column}." if evaluation.fold_column else ""
    return (
        f"Folds: {flow.folds}, repeats: {flow.repeats}, seeds per fold: {evaluation.seeds}, "
        f"declared beforehand from the study's seed {facts.study.seed}.{column} "
    )


def predictors(facts: RunFacts) -> str:
    """What the model looks at."""
    study = facts.study
    return (
        "Given to the fusion: audio, as frames of the encoder "
        f"'{encoder_name(study.audio_encoder)}', pooled over every word and pause; text, as tokens "
        f"of '{encoder_name(study.text_encoder)}'. No age, sex, "
        "education or other metadata enters the model."
    )


def model(facts: RunFacts) -> str:
    """Its kind, how it is fitted, and what was searched for."""
    study, sizes = facts.study, facts.bundle.get("sizes", {})
    training = study.training
    tried = facts.metrics.configurations_tried
    searched = (
        f"{tried} configurations were tried inside every training side."
        if tried > 1
        else "No hyper-parameter was searched for."
    )
    return (
        f"Fusion '{study.fusion.name}' (neural network, vectors of {sizes.get('d_audio')} and "
        f"{sizes.get('d_text')}), at most {training.max_epochs} epochs, stopped by "
        f"'{training.monitor}' of the validation part with a patience of {training.patience}, "
        f"AdamW at {training.learning_rate}, schedule {training.schedule.name}. {searched} All "
        "options: study.yaml."
    )


def measures(facts: RunFacts) -> str:
    """Metrics, their intervals, their comparison."""
    names = ", ".join(metric_label(name) for name in facts.metrics.systems[facts.metrics.primary])
    compared = (
        " Systems are compared in pairs on the same participants; p adjusted by Holm, a difference "
        f"is claimed at {SIGNIFICANT} or below."
    )
    return (
        f"{names}; 95 % intervals with the participant as the unit, widened for training sides "
        f"that fits share (Nadeau and Bengio, 2003).{compared if facts.metrics.comparisons else ''}"
    )


def imbalance(facts: RunFacts) -> str:
    """What is done about classes of different size."""
    if not facts.metrics.classes:
        return "The target is a score; there are no classes."
    objective = facts.study.target.objective
    weights = objective.options.get("class_weights") if objective else None
    told_weights = f"'{weights}'" if weights else "the default of the objective"
    counts = ", ".join(_counts(facts))
    is_dealt = facts.study.evaluation.protocol == "cross_validation"
    dealt = "Folds are stratified by class. " if is_dealt else ""
    return (
        f"{counts}. {dealt}Nobody is sampled twice or made up. Class "
        f"weights of the loss: {told_weights}. Balanced accuracy stands beside accuracy."
    )


def output(facts: RunFacts) -> str:
    """What comes out, and where it is cut."""
    target, evaluation = facts.study.target, facts.study.evaluation
    if not target.classes:
        return (
            "A predicted score per recording. With predict, recordings unlike those of the "
            "training abstain."
        )
    if len(target.classes) > 2:
        return (
            "A probability of every class per recording; the decision is the most probable class. "
            "With predict, recordings unlike those of the training abstain."
        )
    calibrated = (
        "as the model gives it"
        if evaluation.calibration == "none"
        else f"calibrated ({evaluation.calibration}) on each fit's own validation part"
    )
    doubt = (
        f"conformal sets at a coverage of {evaluation.coverage:g} abstain where more than one "
        "class is plausible, and "
        if has_sets(facts)
        else ""
    )
    return (
        f"A probability of the second class per recording, {calibrated}; the mean over recordings "
        f"per participant. Decisions fall at {THRESHOLD}, which was fixed before and chosen on no "
        f"data. With predict, {doubt}recordings unlike those of the training abstain."
    )


def has_sets(facts: RunFacts) -> bool:
    """Whether there were people enough for conformal sets."""
    return bool((facts.bundle.get("decision") or {}).get("sets"))


def code(facts: RunFacts) -> str:
    """What ran."""
    known = facts.provenance
    libraries = known.get("libraries")
    listed = (
        ", ".join(f"{name} {libraries[name]}" for name in sorted(libraries))
        if isinstance(libraries, dict)
        else ""
    )
    return (
        f"cogspeech {known.get('cogspeech')} (Apache-2.0), Python {known.get('python')}, {listed}. "
        f"Study sha256 {known.get('study_sha256')}, folds sha256 {known.get('split_sha256')}."
    )


def data_identity(facts: RunFacts) -> str:
    """Which data, by digest."""
    return f"Data sha256 {facts.provenance.get('data_sha256')} (audio, words, labels, embeddings)."


def flow(facts: RunFacts) -> str:
    """The flow of participants."""
    return " ".join(flow_lines(facts.corpus.flow, facts.fewest)) + " Drawn in report.html."


def sample_size(facts: RunFacts) -> str:
    """How many there are and how far that carries."""
    first = primary_metric(facts.metrics.classes)
    found = facts.metrics.systems[facts.metrics.primary][first]
    return (
        f"{facts.metrics.n_participants} tested participants ({', '.join(_counts(facts))} in the "
        "corpus). Not planned by the software. Precision reached: the 95 % interval of "
        f"{metric_label(first)} is {digits(found.high - found.low)} wide"
        f"{_one_participant(facts.metrics)}."
    )


def _one_participant(metrics: MetricFacts) -> str:
    points = 100 / metrics.n_participants
    return f"; one participant is {points:.1f} points of accuracy" if metrics.classes else ""


def full_model(facts: RunFacts) -> str:
    """Where the model is."""
    return (
        f"model/ (weights as safetensors, sha256 {facts.provenance.get('weights_sha256')}, and "
        "bundle.json); used with 'cogspeech predict'."
    )


def performance(facts: RunFacts) -> str:
    """The primary system in numbers."""
    found = facts.metrics.systems[facts.metrics.primary]
    values = "; ".join(f"{metric_label(name)} {told(e)}" for name, e in found.items())
    return f"{facts.metrics.primary}: {values}. All systems: tables/results.md."


def spread(facts: RunFacts) -> str:
    """How far runs lie apart."""
    found = facts.metrics.spread.get(facts.metrics.primary)
    if found is None:
        return "See metrics.json."
    runs = found.runs["auroc"]
    deviation = "none (one run)" if runs.sd is None else f"{runs.sd:.3f}"
    ensemble = (
        f" Ensemble of the seeds: AUROC {told(found.ensemble['auroc'])}." if found.ensemble else ""
    )
    return (
        f"AUROC over {found.n_repeats} repeats and {found.n_seeds} seeds, n = "
        f"{found.n_participants} participants each: mean {digits(runs.mean)}, SD {deviation}, "
        f"lowest {digits(runs.lowest)}, highest {digits(runs.highest)}.{ensemble}"
    )


def probes(facts: RunFacts) -> list[str]:
    """What the shortcut probes said, the red ones first; also that none was run."""
    found = facts.metrics.probes
    if not found:
        return ["No probe was run: nobody has looked for shortcuts."]
    lines = []
    for name, probe in sorted(found.items(), key=lambda item: item[1].verdict != "shortcut"):
        reached = f"AUROC {told(probe.auroc)}" if probe.auroc else "not run"
        verdict = "RED, SHORTCUT" if probe.verdict == "shortcut" else probe.verdict
        lines.append(
            f"{name}: {verdict.replace('_', ' ')}; {reached}. It looks at {probe.looks_at}."
        )
    return lines


def limits(facts: RunFacts) -> list[str]:
    """Those that the software can see."""
    metrics = facts.metrics
    lines = [f"{metrics.n_participants} tested participants{_one_participant(metrics)}."]
    for name in ("language", "task", "site"):
        values = {v for group in facts.corpus.groups for v in group.categories.get(name, {})}
        if len(values) == 1:
            lines.append(f"One {name} only; nothing is known about others.")
        elif not values:
            lines.append(f"The recordings table does not tell the {name}.")
    if not facts.study.evaluation.has_test_set:
        lines.append("Tested inside one corpus; no second corpus was tested.")
    if facts.study.evaluation.protocol == "leave_one_participant_out":
        lines.append("AUROC compares answers of different fits, which lowers it.")
    if metrics.shortcuts:
        names = ", ".join(metrics.shortcuts)
        lines.append(
            f"Shortcut probes that succeeded: {names}. The result may owe as much to them."
        )
    untested = [n for n, probe in metrics.probes.items() if probe.verdict == "not_applicable"]
    if untested:
        lines.append(f"Shortcuts that could not be tested: {', '.join(untested)}.")
    return lines


def characteristics(facts: RunFacts) -> list[list[str]]:
    """A row per side and class: side, class, counts, means and small categories joined.

    None where what is passed on to others would count too few people on a side.
    """
    groups = facts.corpus.groups
    if any(group.participants < facts.fewest for group in groups):
        return []
    return [_group_row(group, facts.fewest) for group in groups]


def _group_row(group: Group, fewest: int) -> list[str]:
    numbers = [
        _distribution(group.numbers.get(name), group.participants, fewest)
        for name in ("age_years", "education_years", "mmse")
    ]
    categories = [
        _categories(group.categories.get(name), group.participants, fewest, is_named=name != "site")
        for name in ("sex", "language", "site")
    ]
    return [
        group.side,
        group.label,
        str(group.participants),
        str(group.recordings),
        _distribution(group.duration_s, group.participants, fewest),
        *numbers,
        *categories,
    ]


def _distribution(found: Distribution | None, participants: int, fewest: int) -> str:
    if found is None:
        return "unknown"
    missing, smallest = participants - found.n, max(fewest, SMALLEST_CELL)
    unknown = f", unknown {missing}" if missing else ""
    if found.n < smallest or found.sd is None:
        return f"fewer than {smallest} known{unknown if fewest == 1 else ''}"
    counted = "" if 0 < missing < fewest else f", n = {found.n}{unknown}"
    return f"{found.mean:.1f} (SD {found.sd:.1f}{counted})"


def _categories(
    found: dict[str, int] | None, participants: int, fewest: int, *, is_named: bool
) -> str:
    if not found:
        return "unknown"
    if fewest > 1:
        rest = participants - sum(found.values())
        if any(0 < n < fewest for n in (*found.values(), rest)):
            return "not told"
        if not is_named:
            return f"{len(found)} different"
    return ", ".join(
        f"{value} {n if n >= SMALLEST_CELL else f'fewer than {SMALLEST_CELL}'}"
        for value, n in sorted(found.items())
    )


def _counts(facts: RunFacts) -> list[str]:
    flow = facts.corpus.flow
    if not classes_are_told(flow, facts.fewest):
        return ["counts of small classes are not told"]
    return [f"{n} {name}" for name, n in zip(flow.classes, flow.participants, strict=True)]


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."

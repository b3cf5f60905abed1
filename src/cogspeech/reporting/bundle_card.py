"""What a model card says of a bundle alone, and the header by which the hub reads it."""

from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from cogspeech.reporting.wording import markdown, metric_label
from cogspeech.training.bundle_facts import FEWEST_COUNTED, BundleFacts
from cogspeech.training.training_ranges import MEASURES
from cogspeech.types import RESEARCH_STATEMENT, Estimate

TAGS = ("audio-classification", "cognitive-impairment", "cogspeech", "research-only", "speech")
INTENDED_USE = (
    "Research on speech: scoring recordings like those it was trained on, together with how far "
    "the score can be trusted. Every other use is out of scope: no care of any person, no "
    "screening, no decision about anybody.\n"
)
LICENCE = (
    "The weights are made from recordings of people and inherit the terms of that corpus; the "
    "software itself is Apache-2.0. Whoever publishes them states their licence here. What a model "
    "was trained on can in part be told from its weights.\n"
)


def bundle_card(facts: BundleFacts, digest: str) -> str:
    """A card from the bundle alone, where no run folder tells more.

    Args:
        facts: of the bundle.
        digest: of its weights.
    """
    plain = facts.model_dump(mode="json")
    notes = [RESEARCH_STATEMENT, *([facts.notice] if facts.notice else [])]
    probes = [f"{name}: {verdict}" for name, verdict in facts.probes.items()]
    return "".join(
        (
            front_matter(plain),
            f"# Model card: {markdown(facts.study)}\n\n",
            "".join(f"> {markdown(note)}\n>\n" for note in notes) + "\n",
            section("Probes for shortcuts", bullets(probes or ["No probe was run."])),
            section("Intended use", INTENDED_USE),
            section("What it is", bullets(_model(plain, digest))),
            section("Trained on", bullets(_training(plain))),
            section("Thresholds", bullets(thresholds(plain))),
            section(
                "How well it does",
                "NOT REPORTED: this card was made from the bundle alone; the run folder it comes "
                "from has the estimates.\n",
            ),
            section("Licence", LICENCE),
        )
    )


def front_matter(bundle: Mapping[str, Any], found: Mapping[str, Estimate] | None = None) -> str:
    """The yaml header that the hub reads.

    Args:
        bundle: the facts of ``bundle.json``.
        found: the estimates of the study, by metric.
    """
    header: dict[str, Any] = {
        "library_name": "cogspeech",
        "license": "other",
        "license_name": "terms-of-the-training-corpus",
        "pipeline_tag": "audio-classification",
        "tags": sorted((*TAGS, bundle["fusion"]["name"])),
    }
    if found:
        header["model-index"] = [{"name": bundle["study"], "results": [_result(bundle, found)]}]
    text = yaml.safe_dump(header, sort_keys=False, allow_unicode=True, width=10_000)
    return f"---\n{text}---\n\n"


def _result(bundle: Mapping[str, Any], found: Mapping[str, Estimate]) -> dict[str, Any]:
    """Numbers with what they are: of the study's folds, not of this one fit."""
    return {
        "task": {"type": "audio-classification"},
        "dataset": {"type": "private", "name": bundle["study"]},
        "metrics": [
            {
                "type": name,
                "name": f"{metric_label(name)}, out of fold, of the study",
                "value": round(estimate.estimate, 4),
            }
            for name, estimate in found.items()
        ],
    }


def thresholds(bundle: Mapping[str, Any]) -> list[str]:
    """Calibration, threshold and sets of a bundle, and where each comes from."""
    rule = bundle.get("decision")
    if not rule:
        return ["None: the outputs are as the model gives them."]
    fitted = rule["fitted_on"]
    whom = (
        f"{fitted['participants']} participants of the {fitted['part']} part (sha256 of their ids "
        f"{fitted['participants_sha256'][:16]})"
    )
    lines = [
        f"Calibration: {rule['method']}, slope {rule['slope']:.4g} and intercept "
        f"{rule['intercept']:.4g} of the logit, fitted on {whom}.",
        f"Threshold: {rule['threshold']:g}, fixed before and chosen on no data.",
    ]
    sets = rule["sets"]
    if sets:
        largest = " and ".join(f"{number:.4g}" for number in sets["largest"])
        lines.append(
            f"Conformal sets: {sets['kind']} at a coverage of {sets['coverage']:g}; a class is "
            f"plausible up to a strangeness of {largest}, from the same participants. Where not "
            "exactly one class is plausible, it abstains."
        )
    else:
        lines.append("Conformal sets: none, too few people were held back for them.")
    return lines


def section(title: str, text: str) -> str:
    """A part of a card."""
    return f"## {title}\n\n{text}\n"


def bullets(lines: Iterable[str]) -> str:
    """Sentences one below the other, as text and never as markup."""
    return "".join(f"- {markdown(line)}\n" for line in lines)


def _model(bundle: Mapping[str, Any], digest: str) -> list[str]:
    options = ", ".join(f"{k} {v}" for k, v in bundle["fusion"].items() if k != "name")
    return [
        f"Fusion {bundle['fusion']['name']}" + (f" ({options})" if options else ""),
        f"Classes: {', '.join(bundle['target']['classes']) or 'none, it predicts a number'}",
        f"sha256 of the weights: {digest}",
    ]


def _training(bundle: Mapping[str, Any]) -> list[str]:
    about = bundle["training"]
    classes = ", ".join(
        f"{name} {'fewer than ' + str(FEWEST_COUNTED) if count is None else count}"
        for name, count in about["classes"].items()
    )
    told = {
        "participants": about["participants"],
        "recordings": about["recordings"],
        "participants of each class": classes,
        "languages": ", ".join(about["languages"]),
        "tasks": ", ".join(about["tasks"]),
        "words from": ", ".join(about["words_from"]),
        "sample rates": f"{', '.join(str(rate) for rate in bundle['sample_rates_hz'])} Hz",
        "data (sha256)": about["data_sha256"],
        "study (sha256)": about["study_sha256"],
    }
    ranges = [
        f"{measure.shown}: {found['low']:.4g} to {found['high']:.4g} {measure.unit}".rstrip()
        for measure in MEASURES
        if (found := bundle["ranges"].get(measure.name))
    ]
    return [*(f"{name}: {value}" for name, value in told.items() if value), *ranges]

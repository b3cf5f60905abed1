"""The files of a run folder that go into a paper, made from its other files."""

from pathlib import Path

from cogspeech.cache import write_atomically
from cogspeech.reporting.cards import data_card, model_card
from cogspeech.reporting.checklists import stard_ai, tripod_ai
from cogspeech.reporting.run_facts import read_facts
from cogspeech.reporting.tables import results_md, results_tex

FILES = {
    "tables/results.tex": results_tex,
    "tables/results.md": results_md,
    "checklists/tripod_ai.md": tripod_ai,
    "checklists/stard_ai.md": stard_ai,
    "model/README.md": model_card,
    "data_card.md": data_card,
}


def write_paper(run_dir: Path) -> None:
    """Writes tables, checklists and cards anew.

    Raises:
        CogspeechError: a file of the run folder is missing or not what `run` writes.
    """
    facts = read_facts(run_dir)
    for name, made in FILES.items():
        write_atomically(run_dir / name, made(facts).encode())

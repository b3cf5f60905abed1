"""The spoken corpus that the project makes itself; there is nothing to imitate."""

from cogspeech.corpora.base import IMPORTERS
from cogspeech.types import no_progress
from layouts import Layout

OPTIONS = {"participants": 8}


def build(root):
    kind = IMPORTERS.get("synthetic")
    folder = root / "corpus"
    kind(kind.Options(**OPTIONS)).read(folder, target_column="diagnosis", progress=no_progress)
    return folder


LAYOUTS = {"small": Layout(build=build, expected={}, options=OPTIONS, is_tree=False)}

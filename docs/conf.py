"""The documentation site: ``make docs``. It is built offline and loads nothing from outside."""

import sys
from importlib.metadata import version as installed_version
from pathlib import Path

from sphinx.application import Sphinx

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "cogspeech"
author = "The cogspeech developers"
project_copyright = "The cogspeech developers, Apache-2.0"
release = installed_version("cogspeech")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "cogspeech_reference"]
exclude_patterns = ["_build"]

# ``x`` and `x` are both code in our docstrings; of typed signs only dashes are set.
default_role = "code"
smartquotes_action = "D"
myst_heading_anchors = 3
highlight_language = "text"

autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
maximum_signature_line_length = 88
# What other projects define has no page here, and nothing is looked up in the network.
nitpick_ignore_regex = [
    (r"py:.*", r"(?!cogspeech\.).*"),
    (r"py:.*", r"cogspeech\.[\w.]+\.(T|WorkT)"),
    # Settings have a page of their own; the others are inner results that a signature names.
    (r"py:class", r"cogspeech\.(cache|config|learning_sections|settings|corpora\.splits)\.\w+"),
    (r"py:class", r"cogspeech\.(audit|engines|training\.bundle|transcripts\.quality)\..*"),
    (r"py:class", r"cogspeech\.(evaluation|reporting|robustness)\.\w+\.\w+"),
]

html_theme = "furo"
html_title = "cogspeech"
html_copy_source = False
html_show_sphinx = False
html_static_path = ["_static"]
html_css_files = ["wide-tables.css"]


def setup(app: Sphinx) -> None:
    """Called by Sphinx: a default that a dataclass makes anew is no Python; it becomes ``...``."""

    def readable(*event: object) -> tuple[str | None, str | None]:
        signature, returned = event[-2:]
        plain = signature.replace("<factory>", "...") if isinstance(signature, str) else None
        return plain, returned if isinstance(returned, str) else None

    app.connect("autodoc-process-signature", readable)

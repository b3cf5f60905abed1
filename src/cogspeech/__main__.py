"""``python -m cogspeech`` is the same program as ``cogspeech``."""

import sys

from cogspeech.delivery.cli import main

sys.exit(main())

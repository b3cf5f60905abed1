"""What a fit has to say beside its result: one line on stderr."""

import sys


def warn(message: str) -> None:
    """A warning as the command line writes them."""
    sys.stderr.write(f"warning: {' '.join(message.split())}\n")

"""How soon the command line answers. Prints the fastest and the slowest of ten starts.

python benchmarks/startup.py
"""

import subprocess
import sys
import time

STARTS = 10


def main() -> None:
    """Times ``cogspeech --help`` as a whole process."""
    taken_s = []
    for _ in range(STARTS):
        started = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "cogspeech", "--help"], check=True, capture_output=True
        )
        taken_s.append(time.perf_counter() - started)
    fastest_s, slowest_s = min(taken_s), max(taken_s)
    sys.stdout.write(f"cogspeech --help: {fastest_s:.2f} to {slowest_s:.2f} s, {STARTS} starts\n")


if __name__ == "__main__":
    main()

"""The long crash suite: every operation, hundreds of random kills, every planted fault.

    python benchmarks/crash_suite.py [--count N] [--json FILE]

Prints a table. The short version is `tests/crash`; what each section does is said in
`tests/crash_lab.py`. Two laboratories run side by side.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

LAB = Path(__file__).parents[1] / "tests" / "crash_lab.py"
SIDES = (
    ("kills", "random_kills", "double_kills", "signals"),
    ("write_errors", "images", "flips", "clocks", "strangers", "rivals", "faults"),
)
Row = dict[str, Any]


def main() -> int:
    """Runs both sides; the exit code is 1 where anything failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100, help="random trials per section")
    parser.add_argument("--json", type=Path, help="where to write the rows")
    options = parser.parse_args()
    running = [
        subprocess.Popen(
            [sys.executable, str(LAB), *side, f"--count={options.count}"], stdout=subprocess.PIPE
        )
        for side in SIDES
    ]
    said = [process.communicate()[0].decode() for process in running]
    rows: list[Row] = [json.loads(line) for text in said for line in text.splitlines()]
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n")
    failed = any(process.returncode for process in running)
    sections = [row for row in rows if "fault" not in row]
    faults = [row for row in rows if "fault" in row]
    print("| section | trials | failed | seconds |\n|---|---|---|---|")  # noqa: T201
    for row in sections:
        print(f"| {row['section']} | {row['trials']} | {row['failed']} | {row['taken_s']} |")  # noqa: T201
        failed |= row["failed"] > 0
    print("\n| planted fault | noticed by | after trials |\n|---|---|---|")  # noqa: T201
    for row in faults:
        print(f"| {row['fault']} | {row['section']} | {row['trials'] or 'NOT NOTICED'} |")  # noqa: T201
        failed |= row["trials"] is None
    caught = sum(row["trials"] is not None for row in faults)
    print(f"\n{caught} of {len(faults)} planted faults are noticed")  # noqa: T201
    return int(failed)


if __name__ == "__main__":
    raise SystemExit(main())

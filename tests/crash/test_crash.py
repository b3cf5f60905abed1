"""The crash suite: `crash_lab` in two processes side by side, and that it sees planted faults.

The long version is `benchmarks/crash_suite.py`.
"""

import json
import subprocess
import sys

import pytest

import crash_lab

pytestmark = [pytest.mark.timeout(1800), pytest.mark.slow]  # a minute and a half of two free cores
ORDERS = (
    ["kills", "random_kills", "--count=15"],
    ["faults", "double_kills", "write_errors", "signals", "images", "flips", "clocks", "strangers",
     "rivals", "--count=8", "--every=5"],
)  # fmt: skip
QUICK = [name for name in crash_lab.SECTIONS if name != "kills"]


@pytest.fixture(scope="module")
def rows():
    """What every section came to, by its name, and every planted fault by its."""
    running = [
        subprocess.Popen([sys.executable, crash_lab.__file__, *order], stdout=subprocess.PIPE)
        for order in ORDERS
    ]
    try:
        said = [process.communicate()[0] for process in running]
    finally:
        for process in running:
            process.kill()
    assert [process.returncode for process in running] == [0, 0]
    found = [json.loads(line) for text in said for line in text.splitlines()]
    return {row.get("fault", row.get("section")): row for row in found}


def test_a_kill_at_every_file_operation_changes_nothing(rows):
    assert rows["kills"]["problems"] == []
    assert rows["kills"]["trials"] >= 200


@pytest.mark.parametrize("section", QUICK)
def test_nothing_else_does(rows, section):
    assert rows[section]["problems"] == []
    assert rows[section]["trials"] >= 1


@pytest.mark.parametrize("fault", crash_lab.FAULTS)
def test_the_suite_sees_every_planted_fault(rows, fault):
    assert rows[fault]["problem"] is not None

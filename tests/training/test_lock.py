import os
import signal
import subprocess
import sys

import pytest

from cogspeech.errors import CheckpointError
from cogspeech.training.lock import LOCK, locked

HOLDER = """
import sys, time
from pathlib import Path
from cogspeech.training.lock import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_the_second_is_refused_and_told_who_was_first(tmp_path):
    with (
        locked(tmp_path),
        pytest.raises(CheckpointError, match=rf"process {os.getpid()} on \S+ is training here"),
        locked(tmp_path),
    ):
        pass


def test_it_can_be_taken_again(tmp_path):
    for _ in range(2):
        with locked(tmp_path / "new"):
            pass


def test_it_ends_with_a_process_that_was_killed(tmp_path):
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(CheckpointError, match=f"process {holder.pid} on"), locked(tmp_path):
        pass

    holder.send_signal(signal.SIGKILL)
    holder.wait()
    holder.stdout.close()

    with locked(tmp_path):
        pass


def test_an_unreadable_note_still_refuses(tmp_path):
    with locked(tmp_path):
        (tmp_path / LOCK).write_text("{")
        with pytest.raises(CheckpointError, match="another process is training"), locked(tmp_path):
            pass

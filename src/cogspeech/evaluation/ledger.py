"""The ledger of test sets: every look at one is counted, on this machine, across all studies.

A test set that somebody else has drawn is worn out by looking: whoever looks ten times and reports
the best has chosen on it. Nobody can forbid that, but it can be counted and told.

The ledger is a file of json lines to which lines are only ever added. It lies where a cache may be
emptied without losing it, and names nobody: a test set is a digest of what is in it.
"""

import datetime
import fcntl
import hashlib
import json
import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cogspeech.cache import file_digest, write_atomically
from cogspeech.errors import CogspeechError
from cogspeech.types import Recording

LEDGER = "test-set-looks.jsonl"
LOOK = "look.json"
"""In the checkpoints of a run: which line of the ledger is its own."""


def ledger_path() -> Path:
    """The ledger: in the folder of ``COGSPEECH_CACHE``, or in the user's folder for state."""
    chosen = os.environ.get("COGSPEECH_CACHE")
    if chosen:
        return Path(chosen) / LEDGER
    base = os.environ.get("XDG_STATE_HOME")
    return (Path(base) if base else Path.home() / ".local" / "state") / "cogspeech" / LEDGER


def set_digest(recordings: Iterable[Recording]) -> str:
    """What a test set is: who belongs together, with which audio and which label; no name, no path.

    Ids and the order of rows change nothing, so a test set stays itself in another table.
    """
    people: dict[str, list[tuple[str, str]]] = {}
    for recording in recordings:
        own = people.setdefault(recording.participant_id, [])
        own.append((file_digest(recording.audio_path), recording.label or ""))
    content = sorted(sorted(own) for own in people.values())
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def require_ledger() -> None:
    """Makes sure that looks can be counted, before anything costs time.

    Raises:
        CogspeechError: the ledger cannot be written.
    """
    with _locked():
        pass


def count_look(test_set: str, study: str, run_dir: Path) -> int:
    """Notes that a run has looked at a test set, and tells the how-manieth look that is.

    A run notes its look once: gone on with, it finds its own line again. A run that is made anew is
    a look of its own, also where it does the same.

    Args:
        test_set: from `set_digest`.
        study: digest of the study.
        run_dir: the run folder.

    Returns:
        1 for the first look that this machine knows of.

    Raises:
        CogspeechError: the ledger cannot be written.
    """
    with _locked() as ledger:
        look = _own_look(run_dir, test_set)
        looks = [line["look"] for line in _lines(ledger) if line["test_set"] == test_set]
        if look in looks:
            return looks.index(look) + 1
        line = {
            "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "test_set": test_set,
            "study": study,
            "run": hashlib.sha256(str(run_dir.resolve()).encode()).hexdigest(),
            "look": look,
        }
        _append(ledger, json.dumps(line))
        return len(looks) + 1


def looks_sentence(looks: int) -> str:
    """What every surface says of a number of looks."""
    if looks == 1:
        return "This is the first look at this test set that this machine knows of."
    return (
        f"This test set has been looked at {looks} times by studies on this machine; the more "
        "looks, the less a good result on it says."
    )


def _own_look(run_dir: Path, test_set: str) -> str:
    """The name of the look of a run at a test set, which stays with its checkpoints."""
    path = run_dir / "checkpoints" / LOOK
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
        if known["test_set"] == test_set:
            return str(known["look"])
    except (OSError, ValueError, KeyError, TypeError):
        pass  # none yet, or one that cannot be read: a look too many is better than one too few
    look = secrets.token_hex(16)
    content = json.dumps({"test_set": test_set, "look": look}) + "\n"
    write_atomically(path, content.encode(), is_durable=True)
    return look


@contextmanager
def _locked() -> Iterator[int]:
    """The ledger, open for this process alone; others wait."""
    path = ledger_path()
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        ledger = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise CogspeechError(
            f"{path}: looks at test sets are counted there, and it cannot be written "
            f"({error.strerror}); make its folder writable or set COGSPEECH_CACHE to one that is"
        ) from error
    try:
        fcntl.flock(ledger, fcntl.LOCK_EX)
        yield ledger
    finally:
        os.close(ledger)


def _content(ledger: int) -> bytes:
    return os.pread(ledger, os.fstat(ledger).st_size, 0)


def _lines(ledger: int) -> Iterator[dict[str, Any]]:
    """The whole lines; what a killed writer left of one is passed over, its run notes it again."""
    for text in _content(ledger).splitlines():
        try:
            line = json.loads(text)
            yield {"test_set": line["test_set"], "look": line["look"]}
        except (ValueError, KeyError, TypeError):
            continue


def _append(ledger: int, line: str) -> None:
    torn = not _content(ledger).endswith(b"\n") and os.fstat(ledger).st_size > 0
    rest = f"{chr(10) if torn else ''}{line}\n".encode()
    while rest:
        rest = rest[os.write(ledger, rest) :]
    os.fsync(ledger)

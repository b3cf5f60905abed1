"""A laboratory for crashes: a tiny training that is killed, starved and lied to, then resumed.

    python tests/crash_lab.py SECTION ... [--every N] [--count N]      prints one json object a line

This process imports torch once and forks a child per trial, so a trial takes milliseconds. A child
patches the operations of `os` on files of the run folder: it can end before any of them, tear a
write in two, or let one fail. The promise that is tested: whatever happens, a resumed fit comes to
the same weights, history and early stop, and a kill never leaves a damaged file behind.
"""

import argparse
import contextlib
import errno
import hashlib
import io
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from cogspeech import cache
from cogspeech.errors import CheckpointError
from cogspeech.fusion.base import FusionModel, FusionOutputs
from cogspeech.learning_sections import TrainingSection
from cogspeech.settings import Component, Settings
from cogspeech.training import checkpoint as checkpoints
from cogspeech.training import state as states
from cogspeech.training import trainer as trainers
from cogspeech.training.checkpoint import CheckpointFolder
from cogspeech.training.labelled import LabelledPart
from cogspeech.training.lock import LOCK, locked
from cogspeech.training.monitors.base import MONITORS
from cogspeech.training.objectives.base import OBJECTIVES
from cogspeech.training.processes import Processes
from cogspeech.training.schedules.base import SCHEDULES
from cogspeech.training.trainer import Trainer
from cogspeech.types import EmbeddedRecording

SECTION = TrainingSection(
    max_epochs=12,
    patience=2,
    batch_size=3,
    padded_items=24,
    learning_rate=0.3,
    schedule=Component(name="plateau", factor=0.5, epochs=1),
    averaging="ema",
    averaging_decay=0.5,
    warmup_fraction=0.0,
    mixed_precision="fp16",
    checkpoint_every_s=0.0,
)
TRIAL_LIMIT_S = 60.0
Row = dict[str, Any]


class Dice(FusionModel):
    """A linear model that draws from every generator a plug-in could draw from."""

    Options = Settings

    def __init__(self, sizes: Any, options: Any) -> None:
        super().__init__(sizes, options)
        self.head = nn.Linear(sizes.d_audio + sizes.d_text, sizes.num_outputs)
        self.dropout = nn.Dropout(0.3)

    def forward(self, inputs: Any, *, return_attention: bool = False) -> FusionOutputs:
        pooled = [
            (vectors * mask[..., None]).sum(dim=1) / mask.sum(dim=1, keepdim=True)
            for vectors, mask in (
                (inputs.event_vectors, inputs.event_is_real),
                (inputs.token_vectors, inputs.token_is_real),
            )
        ]
        mixed = torch.cat(pooled, dim=1)
        if self.training:
            noise = 0.2 * np.random.standard_normal() + 0.2 * random.random()  # noqa: NPY002
            mixed = self.dropout(mixed) * (1.0 + noise)
        # Times 8: at its first scale, fp16 overflows, so the scaler has something to remember.
        return FusionOutputs(logits=8.0 * self.head(mixed))


def part(count: int, *, first: int) -> LabelledPart:
    """Recordings of several lengths whose label is not quite in the audio."""
    recordings, labels = [], []
    for index in range(first, first + count):
        generator = np.random.default_rng(index)
        events, tokens = 2 + index % 4, 3 + index % 3
        vectors = generator.standard_normal((events, 4)).astype(np.float32)
        vectors[:, 0] += index % 2
        recordings.append(
            EmbeddedRecording(
                recording_id=f"r{index}",
                event_vectors=vectors,
                event_word=np.arange(events),
                event_is_pause=np.zeros(events, dtype=np.bool_),
                event_start_s=np.arange(events, dtype=np.float64),
                event_duration_s=np.full(events, 0.5),
                token_vectors=generator.standard_normal((tokens, 3)).astype(np.float32),
                token_word=np.arange(tokens),
            )
        )
        labels.append(index % 2)
    return LabelledPart(recordings=tuple(recordings), labels=tuple(labels))


def train(folder: Path, *, place: str = "x", seed: int = 5, count: int = 8, **changes: Any) -> str:
    """The tiny training, resumed; a digest of everything it came to."""
    trainers.build_fusion = lambda _, sizes: Dice(sizes, Settings())
    section = SECTION.model_copy(update=changes)
    dice, identity = Component(name="dice"), {"place": place}
    fit = Trainer(dice, section, seed=seed, folder=folder, identity=identity)
    fitted = fit.fit(part(count, first=0), part(6, first=101), resume=True)
    digest = hashlib.sha256(json.dumps([asdict(r) for r in fitted.history]).encode())
    digest.update(str(fitted.best_epoch).encode())
    for name, tensor in sorted(fitted.model.state_dict().items()):
        digest.update(name.encode() + tensor.numpy().tobytes())
    digest.update((folder / "history.jsonl").read_bytes())
    return digest.hexdigest()


@dataclass
class Recorder:
    """Counts the operations of `os` on files of a folder, and interferes with one of them."""

    folder: Path
    kill_at: int | None = None
    tears: bool = False
    fail_at: int | None = None
    fail_with: int = errno.ENOSPC
    log: list[tuple[Any, ...]] = field(default_factory=list)
    _paths: dict[int, str] = field(default_factory=dict)

    def install(self) -> None:
        """Into `os`, for the rest of this process."""
        self._open, self._write, self._close = os.open, os.write, os.close
        self._fsync, self._replace, self._unlink = os.fsync, os.replace, os.unlink
        os.open, os.write, os.close = self.open, self.write, self.close
        os.fsync, os.replace, os.unlink = self.fsync, self.replace, self.unlink

    def _is_ours(self, path: Any) -> bool:
        return str(path).startswith(str(self.folder)) and not str(path).endswith("lock")

    def _at(self, *operation: Any) -> bool:
        """Notes an operation; ends the process if it is the one; True: tear it."""
        number = len(self.log)
        self.log.append(operation)
        if number == self.kill_at:
            if not (self.tears and operation[0] == "write"):
                os.kill(os.getpid(), signal.SIGKILL)
            return True
        if number == self.fail_at:
            raise OSError(self.fail_with, os.strerror(self.fail_with), operation[1])
        return False

    def open(self, path: Any, flags: int, *more: Any, **named: Any) -> int:
        if self._is_ours(path) and not Path(path).is_dir():
            self._at("create", str(path))
        descriptor = self._open(path, flags, *more, **named)
        if self._is_ours(path):
            self._paths[descriptor] = str(path)
        return descriptor

    def write(self, descriptor: int, content: Any) -> int:
        path = self._paths.get(descriptor)
        if path and self._at("write", path, bytes(content)):
            self._write(descriptor, content[: len(content) // 2])
            os.kill(os.getpid(), signal.SIGKILL)
        return self._write(descriptor, content)

    def close(self, descriptor: int) -> None:
        self._paths.pop(descriptor, None)
        self._close(descriptor)

    def fsync(self, descriptor: int) -> None:
        if path := self._paths.get(descriptor):
            self._at("sync", path)
        self._fsync(descriptor)

    def replace(self, source: Any, target: Any) -> None:
        if self._is_ours(target):
            self._at("rename", str(source), str(target))
        self._replace(source, target)

    def unlink(self, path: Any, **named: Any) -> None:
        if self._is_ours(path) and Path(path).exists():
            self._at("remove", str(path))
        self._unlink(path, **named)


@dataclass(frozen=True)
class Trial:
    """What became of a child."""

    status: int
    """As `os.waitstatus_to_exitcode` gives it: negative for a signal."""
    answer: Any
    said: str


def in_child(work: Callable[[], Any], *, kill_after_s: float | None = None, with_signal: int = 9):
    """Runs ``work`` in a forked process; it may be sent a signal after some time."""
    with tempfile.TemporaryFile() as answer, tempfile.TemporaryFile() as said:
        child = os.fork()
        if child == 0:
            code = 1
            os.dup2(said.fileno(), 2)
            sys.stderr = io.TextIOWrapper(open(2, "wb", 0, closefd=False), write_through=True)  # noqa: SIM115
            try:
                content = json.dumps(work()).encode()
                answer.write(content)
                answer.flush()
                code = 0
            except KeyboardInterrupt:
                code = 130
            except CheckpointError as error:
                sys.stderr.write(f"{type(error).__name__}: {error}")
                code = 2
            except BaseException as error:  # noqa: BLE001
                sys.stderr.write(f"{type(error).__name__}: {error}")
            os._exit(code)
        if kill_after_s is not None:
            time.sleep(kill_after_s)
            os.kill(child, with_signal)
        status = _wait(child)
        answer.seek(0)
        said.seek(0)
        content = answer.read()
        return Trial(status, json.loads(content) if content else None, said.read().decode())


def _wait(child: int) -> int:
    end = time.monotonic() + TRIAL_LIMIT_S
    while time.monotonic() < end:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.001)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return -999


class Lab:
    """Trials in folders of their own, against one reference.

    Args:
        root: for the folders; best in memory.
        fault: applied in every child, to see whether the suite notices.
    """

    def __init__(self, root: Path, fault: Callable[[], None] | None = None) -> None:
        self.root = root
        self.fault = fault
        cache.CHUNK_BYTES = 8192  # several writes per file
        folder = self.fresh()
        begin = time.monotonic()
        reference = in_child(lambda: train(folder))
        self.fit_s = time.monotonic() - begin
        self.reference = reference.answer
        if reference.answer is None:
            raise RuntimeError(reference.said)
        logged = self.fresh()
        recorded = in_child(lambda: self._recorded(logged))
        self.log = [tuple(operation) for operation in recorded.answer]
        """Kind and path of each operation of an uninterrupted training."""

    def fresh(self) -> Path:
        """A folder that does not exist yet."""
        return Path(tempfile.mkdtemp(dir=self.root)) / "fit"

    def run(self, folder: Path, **interference: Any) -> Trial:
        """The training in a folder, taken up where it was left."""
        when = {
            k: interference.pop(k) for k in ("kill_after_s", "with_signal") if k in interference
        }
        changes = interference.pop("changes", {})

        def work() -> str:
            Recorder(folder, **interference).install()
            if self.fault:
                self.fault()
            return train(folder, **changes)

        return in_child(work, **when)

    def check(self, folder: Path, what: str, **changes: Any) -> str | None:
        """Resumes to the end; why that is not as promised, or ``None``."""
        folder.mkdir(parents=True, exist_ok=True)
        trial = self.run(folder, changes=changes)
        left = [path.name for path in folder.iterdir() if path.name.startswith(".tmp")]
        shutil.rmtree(folder.parent)
        if trial.answer != self.reference:
            return f"{what}: came to something else ({trial.status}: {trial.said[:150]})"
        if trial.said:
            return f"{what}: {trial.said[:150]}"
        return f"{what}: left {left}" if left else None

    def loaded_step(self, folder: Path) -> int:
        """The optimizer steps of what the loader takes; -1 where it takes nothing."""
        if self.fault is None:
            with contextlib.redirect_stderr(io.StringIO()):
                return step_of(folder)

        def work() -> int:
            self.fault()
            return step_of(folder)

        trial = in_child(work)
        return -2 if trial.answer is None else trial.answer

    def _recorded(self, folder: Path) -> list[Any]:
        recorder = Recorder(folder)
        recorder.install()
        if self.fault:
            self.fault()
        train(folder)
        return [[name, *map(_plain, rest)] for name, *rest in recorder.log]


def _plain(argument: Any) -> Any:
    return argument.decode("latin-1") if isinstance(argument, bytes) else argument


def step_of(folder: Path) -> int:
    """As `Lab.loaded_step`, in this process."""
    found = CheckpointFolder(folder, {})
    found._refuse_other = lambda *_: None
    taken = found.load()
    if taken is None:
        return -1
    steps_per_epoch = 3
    if taken.state["is_finished"]:
        return steps_per_epoch * len(taken.state["items"]["history"]["epochs"])
    items = taken.state["items"]
    position = items.get("position", {"value": 0})["value"]
    return items.get("epoch", {"value": 0})["value"] * steps_per_epoch + position


# Sections: each gives, trial by trial, what went wrong, or ``None``.


def kills(lab: Lab, *, every: int, count: int) -> Iterator[str | None]:
    """SIGKILL before every recorded operation, and in the middle of every write."""
    points = [(k, tears) for k, operation in enumerate(lab.log) for tears in (False, True)
              if not tears or operation[0] == "write"]  # fmt: skip
    random.Random(5).shuffle(points)
    for k, tears in points[::every]:
        folder = lab.fresh()
        trial = lab.run(folder, kill_at=k, tears=tears)
        problem = lab.check(folder, f"killed at operation {k} {lab.log[k][0]}")
        if trial.status != -signal.SIGKILL:
            problem = f"operation {k}: was not reached ({trial.status} {trial.said[:100]})"
        yield problem


def random_kills(lab: Lab, *, every: int, count: int) -> Iterator[str | None]:
    """SIGKILL at random moments."""
    generator = random.Random(1)
    for _ in range(count):
        folder, moment = lab.fresh(), generator.uniform(0.0, lab.fit_s)
        lab.run(folder, kill_after_s=moment)
        yield lab.check(folder, f"killed after {moment:.4f} s")


def double_kills(lab: Lab, *, every: int, count: int) -> Iterator[str | None]:
    """Killed, resumed and killed again, resumed and killed a third time, resumed."""
    generator = random.Random(2)
    for _ in range(count):
        folder = lab.fresh()
        places = [generator.randrange(limit) for limit in (len(lab.log), 40, 40)]
        for place in places:
            lab.run(folder, kill_at=place, tears=generator.random() < 0.5)
        yield lab.check(folder, f"killed at {places}")


def write_errors(lab: Lab, *, every: int, count: int) -> Iterator[str | None]:
    """ENOSPC and EIO at every creation, write, sync, rename and removal."""
    for number, k in enumerate(range(0, len(lab.log), every)):
        code = (errno.ENOSPC, errno.EIO)[number % 2]
        folder = lab.fresh()
        trial = lab.run(folder, fail_at=k, fail_with=code)
        what = f"{errno.errorcode[code]} at operation {k} {lab.log[k][0]}"
        saved = sum(op[0] == "rename" and "step-" in op[2] for op in lab.log[:k])
        is_lost = saved > 1 and lab.loaded_step(folder) < saved - 1
        problem = lab.check(folder, what)
        told = ("CheckpointError: ", str(folder), os.strerror(code), " bytes are free")
        if trial.status != 2 or "\n" in trial.said or not all(t in trial.said for t in told):
            problem = f"{what}: said {trial.said[:200]!r}"
        yield f"{what}: the checkpoint before it is gone" if is_lost else problem


def signals(lab: Lab, *, every: int, count: int) -> Iterator[str | None]:
    """SIGTERM and Ctrl-C at random moments: a clean checkpoint, the right exit code."""
    generator = random.Random(3)
    for number in range(count):
        sent, code = ((signal.SIGINT, 130), (signal.SIGTERM, -signal.SIGTERM))[number % 2]
        folder, moment = lab.fresh(), generator.uniform(0.3, 0.8) * lab.fit_s
        seldom = {"checkpoint_every_s": 1000.0}  # so the signal alone makes it write
        trial = lab.run(folder, kill_after_s=moment, with_signal=sent, changes=seldom)
        what = f"signal {sent} after {moment:.4f} s"
        written = len(list(folder.glob("step-*")))
        has_begun = (folder / LOCK).exists()  # else it was too early to be noticed as a signal
        problem = lab.check(folder, what, **seldom)
        if trial.status not in (0, code):
            problem = f"{what}: ended with {trial.status}, {trial.said[:100]}"
        elif trial.status == code and has_begun and written != 1:
            problem = f"{what}: {written} checkpoints"
        yield problem


def images(lab: Lab, *, every: int, count: int) -> Iterator[str | None]:
    """What a power cut may leave after every operation: un-synced content and renames are lost.

    The loader must take one of the states that were saved, and none older than the newest one whose
    saving was reported.
    """
    base = Path(next(op[1] for op in lab.log if op[0] == "create")).parent
    for k in range(0, len(lab.log) + 1, every):
        promised, disk = _promised_step(lab.log[:k]), _Disk(base)
        for operation in lab.log[:k]:
            disk.do(*operation)
        for kept in (0.0, 0.5, 1.0):
            for applied in (0.0, 0.5, 1.0):
                folder = lab.fresh()
                disk.image(folder, kept_share=kept, applied_share=applied)
                step = lab.loaded_step(folder)
                shutil.rmtree(folder.parent)
                yield (
                    None
                    if step >= promised
                    else (
                        f"power cut after operation {k}, {kept} of un-synced content, {applied} of "
                        f"un-synced renames: step {step} where {promised} was promised"
                    )
                )


def _promised_step(done: list[tuple[Any, ...]]) -> int:
    """The newest checkpoint whose saving was over: what follows it, the history, has begun."""
    names = [op[2] for op in done if op[0] == "rename"]
    newest = -1
    for name, following in pairwise(names):
        if "step-" in name and "history" in following:
            newest = _step_in(Path(name))
    return newest


class _Disk:
    """A folder on a disk that keeps only what was synced, and any share of the rest."""

    def __init__(self, base: Path) -> None:
        self._base = base
        self._files: dict[str, list[bytes | int]] = {}  # whole content, synced bytes
        self._names: dict[str, str] = {}
        self._durable: dict[str, str] = {}
        self._pending: list[tuple[str, str | None]] = []

    def do(self, kind: str, path: str, *rest: str) -> None:
        """One operation of the log."""
        getattr(self, f"_{kind}")(path, *rest)

    def image(self, folder: Path, *, kept_share: float, applied_share: float) -> None:
        """A folder as a power cut may leave it.

        Content that was never synced is cut to a share; of the entries that changed since the
        folder was synced, a share has changed, in their order.
        """
        durable = dict(self._durable)
        for path, file in self._pending[: round(applied_share * len(self._pending))]:
            durable.pop(path, None)
            durable |= {path: file} if file else {}
        folder.mkdir(parents=True, exist_ok=True)
        for path, file in durable.items():
            whole, safe = self._files[file]
            length = safe + round(kept_share * (len(whole) - safe))
            (folder / Path(path).name).write_bytes(whole[:length])

    def _link(self, path: str, file: str | None) -> None:
        self._pending.append((path, file))
        if file:
            self._names[path] = file
        else:
            del self._names[path]

    def _create(self, path: str) -> None:
        file = f"{path}#{len(self._files)}"
        self._files[file] = [b"", 0]
        self._link(path, file)

    def _write(self, path: str, content: str) -> None:
        self._files[self._names[path]][0] += content.encode("latin-1")

    def _sync(self, path: str) -> None:
        if Path(path) == self._base:
            self._durable, self._pending = dict(self._names), []
        else:
            file = self._files[self._names[path]]
            file[1] = len(file[0])

    def _rename(self, path: str, target: str) -> None:
        self._link(target, self._names[path])
        self._link(path, None)

    def _remove(self, path: str) -> None:
        self._link(path, None)


def flips(lab: Lab, *, every: int, count: int) -> Iterator[str | None]:
    """One bit of the newest checkpoint, anywhere: the one before it serves, and that is said."""
    generator = random.Random(4)
    for _ in range(count):
        folder = lab.fresh()
        lab.run(folder, kill_at=len(lab.log) * 2 // 3)
        newest, before = sorted(folder.glob("step-*"), reverse=True)[:2]
        content = bytearray(newest.read_bytes())
        place = generator.randrange(len(content))
        content[place] ^= 1 << generator.randrange(8)
        newest.write_bytes(content)
        step = lab.loaded_step(folder)
        trial = lab.run(folder)
        shutil.rmtree(folder.parent)
        is_right = trial.answer == lab.reference and f"{newest}: is damaged" in trial.said
        is_right = is_right and step == _step_in(before)
        yield None if is_right else f"bit flipped at {place}: step {step}, {trial.said[:150]!r}"


def clocks(lab: Lab, *, every: int, count: int) -> Iterator[str | None]:
    """The clock went backwards: the newest step is taken, not the newest file."""
    folder = lab.fresh()
    lab.run(folder, kill_at=len(lab.log) // 2)
    paths = sorted(folder.glob("step-*"))
    for age, path in enumerate(paths):
        os.utime(path, (1e9 - age, 1e9 - age))
    step = lab.loaded_step(folder)
    shutil.rmtree(folder.parent)
    yield None if step == _step_in(paths[-1]) else f"took step {step} of {len(paths)} files"


def strangers(lab: Lab, *, every: int, count: int) -> Iterator[str | None]:
    """A checkpoint of another fold, seed, section or corpus: refused by the field that differs."""
    for field_name, changes in {
        "place": {"place": "y"},
        "seed": {"seed": 6},
        "training.weight_decay": {"weight_decay": 0.5},
        "training_part": {"count": 10},
    }.items():
        folder = lab.fresh()
        lab.run(folder, kill_at=len(lab.log) // 2)
        trial = lab.run(folder, changes=changes)
        shutil.rmtree(folder.parent)
        is_right = trial.status == 2 and f"another fit: {field_name} is" in trial.said
        yield None if is_right else f"{field_name}: {trial.status} {trial.said[:150]!r}"


def rivals(lab: Lab, *, every: int, count: int) -> Iterator[str | None]:
    """Two trainers in one folder: the second one refuses and names the first."""
    folder = lab.fresh()
    with locked(folder):
        trial = lab.run(folder)
    shutil.rmtree(folder.parent)
    is_right = trial.status == 2 and f"process {os.getpid()} on " in trial.said
    yield None if is_right else f"a second trainer: {trial.status} {trial.said[:150]!r}"


def _step_in(path: Path) -> int:
    return int(path.stem.removeprefix("step-"))


SECTIONS = {
    f.__name__: f
    for f in (
        kills,
        random_kills,
        double_kills,
        write_errors,
        signals,
        images,
        flips,
        clocks,
        strangers,
        rivals,
    )
}

# Faults: what a careless author would have forgotten. Each is applied in every child.


def _without(item: str) -> Callable[[], None]:
    def plant() -> None:
        items = states.FitState.items
        states.FitState.items = lambda self: {k: v for k, v in items(self).items() if k != item}
        states.FINISHED = tuple(name for name in states.FINISHED if name != item)

    return plant


def _not_atomic() -> None:
    def write(path: Path, content: bytes, *, is_durable: bool = False) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        for at in range(0, len(content), cache.CHUNK_BYTES):
            os.write(descriptor, content[at : at + cache.CHUNK_BYTES])
        os.fsync(descriptor)
        os.close(descriptor)

    checkpoints.write_atomically = write


def _no_file_sync() -> None:
    sync = os.fsync
    os.fsync = lambda fd: sync(fd) if os.path.isdir(f"/proc/self/fd/{fd}") else None  # noqa: PTH112


def _no_folder_sync() -> None:
    cache.sync_folder = checkpoints.sync_folder = lambda folder: None


def _no_digest() -> None:
    checkpoints._digest = lambda tensors, state: ""


def _old_removed_first() -> None:
    save = CheckpointFolder.save

    def careless(self: Any, step: int, found: Any, *, is_last: bool = False) -> None:
        self._remove(self._generations())
        save(self, step, found, is_last=is_last)

    CheckpointFolder.save = careless


def _newest_by_time() -> None:
    CheckpointFolder._generations = lambda self: sorted(
        self.folder.glob("step-*"), key=lambda path: path.stat().st_mtime, reverse=True
    )


def _no_identity() -> None:
    CheckpointFolder._refuse_other = lambda *_: None


def _no_lock() -> None:
    trainers.locked = lambda folder: contextlib.nullcontext()


STATE_ITEMS = ("weights", "optimizer", "schedule", "scaler", "average", "random_torch",
               "random_numpy", "random_python", "epoch", "position", "epoch_loss", "best_value",
               "best_epoch", "patience", "history", "best_weights")  # fmt: skip
"""`random_cuda` needs a GPU."""
FAULTS: dict[str, tuple[Callable[[], None], str]] = {
    **{f"without {item}": (_without(item), "kills") for item in STATE_ITEMS},
    "write that is not atomic": (_not_atomic, "kills"),
    "file not synced": (_no_file_sync, "images"),
    "folder not synced": (_no_folder_sync, "images"),
    "old checkpoint removed first": (_old_removed_first, "write_errors"),
    "digest not checked": (_no_digest, "flips"),
    "newest by time": (_newest_by_time, "clocks"),
    "identity not compared": (_no_identity, "strangers"),
    "lock not taken": (_no_lock, "rivals"),
}
"""Each with the section that has to notice it."""


def hunt(fault: str, root: Path) -> Row:
    """How many trials of its section it takes to notice a fault."""
    plant, section = FAULTS[fault]
    lab = Lab(root, plant)
    trials = SECTIONS[section](lab, every=5, count=10)
    for number, problem in enumerate(trials, start=1):
        if problem:
            return {"fault": fault, "section": section, "trials": number, "problem": problem[:160]}
    return {"fault": fault, "section": section, "trials": None, "problem": None}


def main() -> None:
    """Runs sections, or hunts faults."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sections", nargs="+", choices=[*SECTIONS, *FAULTS, "faults"])
    parser.add_argument("--every", type=int, default=1, help="take every N-th point only")
    parser.add_argument("--count", type=int, default=20, help="random trials per section")
    options = parser.parse_args()
    torch.set_num_threads(1)
    root = Path(tempfile.mkdtemp(dir="/dev/shm" if Path("/dev/shm").is_dir() else None))
    try:
        with contextlib.suppress(BrokenPipeError):
            _run(options, root)
    finally:
        shutil.rmtree(root, ignore_errors=True)


def _warm_up() -> None:
    """What a process does once and slowly, done before the first fork; no gradient is computed."""
    Processes()
    parameter = nn.Parameter(torch.zeros(2))
    parameter.grad = torch.zeros(2)
    torch.optim.AdamW([parameter], fused=True).step()
    scaler = torch.amp.GradScaler("cpu")
    scaler.state_dict()
    for name in ("cosine", "plateau"):
        SCHEDULES.get(name)
    MONITORS.get("loss")
    OBJECTIVES.get("binary")
    with torch.autocast("cpu", dtype=torch.float16):
        nn.Linear(2, 2)(torch.zeros(1, 2).detach())


def _run(options: argparse.Namespace, root: Path) -> None:
    _warm_up()
    lab = Lab(root)
    for section in options.sections:
        begin = time.monotonic()
        rows: list[Row]
        if section in SECTIONS:
            trials = list(SECTIONS[section](lab, every=options.every, count=options.count))
            problems = [problem for problem in trials if problem]
            rows = [{"section": section, "trials": len(trials), "failed": len(problems),
                     "problems": problems[:5], "operations": len(lab.log)}]  # fmt: skip
        else:
            rows = [hunt(f, root) for f in (FAULTS if section == "faults" else [section])]
        for row in rows:
            row["taken_s"] = round(time.monotonic() - begin, 2)
            sys.stdout.write(json.dumps(row) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()

"""What the service does under load and attack. Traffic goes to this machine only.

    python benchmarks/service_attacks.py [--small] [ATTACK ...]

Attacks: equal, malformed, slow, uploads, kills.
"""

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from cogspeech import Predictor

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from service_lab import all_of, ask, files_under, raw, tiny_bundle, until, worker_of
from tone_corpora import tone_recording

POST = "/v1/predictions"
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
GONE = (OSError, ValueError, IndexError)


@dataclass(frozen=True, kw_only=True)
class Lab:
    """A running program, its bundle, and its folder for uploads."""

    bundle: Path
    port: int
    pid: int
    uploads: Path

    @property
    def audio(self) -> Path:
        """The recordings of the bundle's study."""
        return self.bundle.parents[1] / "audio"

    def ready(self) -> None:
        """Waits until the model is loaded."""
        until(lambda: ask(self.port, "GET", "/readyz").status == 200)

    def memory(self) -> int:
        """Bytes in use by the service and its worker."""
        total = 0
        for pid in (self.pid, worker_of(self.bundle, self.pid)):
            with contextlib.suppress(*GONE):
                total += int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_BYTES
        return total

    def files(self) -> list[str]:
        """What lies there of any upload."""
        inside = files_under(self.uploads)
        return ["/".join(p) for p in inside if p[0] != "lock" and "worker-" not in p[0]]


@contextlib.contextmanager
def served(bundle: Path, uploads: Path) -> Iterator[Lab]:
    """The program as a user starts it."""
    uploads.mkdir()
    command = [sys.executable, "-m", "cogspeech", "serve", str(bundle), "--port", "0", "--quiet"]
    program = subprocess.Popen(
        command, stdout=subprocess.PIPE, env=os.environ | {"TMPDIR": str(uploads)}, text=True
    )
    url = program.stdout.readline() if program.stdout else ""
    lab = Lab(
        bundle=bundle, port=int(url.strip().rpartition(":")[2]), pid=program.pid, uploads=uploads
    )
    lab.ready()
    try:
        yield lab
    finally:
        program.send_signal(signal.SIGTERM)
        program.communicate(timeout=60)
        say(f"at the end: exit code {program.returncode}, {len(list(uploads.iterdir()))} files")


def say(text: str) -> None:
    """One line of the result."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def begin(lab: Lab, audio: bytes, words: bytes) -> tuple[int, str]:
    """Uploads in two steps; the status of the first one that is refused, or 202 and the place."""
    begun = ask(lab.port, "POST", f"{POST}?words=later", audio)
    if begun.status != 202:
        return begun.status, ""
    place = begun.headers["location"]
    return ask(lab.port, "PUT", f"{place}/words", words).status, place


def over(lab: Lab, place: str) -> int:
    """The status at the end of a job."""
    while (status := ask(lab.port, "GET", place).status) == 202:
        time.sleep(0.1)
    return status


def sample(lab: Lab, name: str = "p003-v1") -> tuple[bytes, bytes]:
    """A recording and its words."""
    return tuple((lab.audio / f"{name}.{end}").read_bytes() for end in ("wav", "words.json"))


def uploads(lab: Lab, *, is_small: bool) -> None:
    """The largest legal file, by many clients at the same time."""
    clients, rate_hz, seconds = (8 if is_small else 64), 20_000, 600
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "long.wav"
        noise = 0.1 * np.random.default_rng(0).standard_normal(rate_hz * seconds)
        soundfile.write(path, noise, rate_hz)
        audio = path.read_bytes()
    starts = range(0, seconds - 1, 6)  # a forward pass per word is another question
    spoken = [{"text": f"w{at % 9}", "start_s": at, "end_s": at + 0.4} for at in starts]
    words = json.dumps({"words": spoken}).encode()
    peak, stop = [0], threading.Event()

    def watch() -> None:
        while not stop.wait(0.05):
            peak[0] = max(peak[0], lab.memory())

    watcher = threading.Thread(target=watch)
    watcher.start()
    began = time.monotonic()
    with ThreadPoolExecutor(clients) as pool:
        begun = list(pool.map(lambda _: begin(lab, audio, words), range(clients)))
    sent_s = time.monotonic() - began
    ended = Counter(over(lab, place) for status, place in begun if status == 202)
    ended_s = time.monotonic() - began
    stop.set()
    watcher.join()
    until(lambda: not lab.files())  # what found no room waits for another try, a minute at most
    say(
        f"uploads: {clients} x {len(audio) / 1e6:.1f} MB in {sent_s:.0f} s, statuses "
        f"{dict(Counter(status for status, _ in begun))}, outcomes {dict(ended)} after "
        f"{ended_s:.0f} s, peak memory {peak[0] / 1e9:.2f} GB, no file left after "
        f"{time.monotonic() - began:.0f} s"
    )


def slow(lab: Lab, *, is_small: bool) -> None:
    """Clients that send a byte now and then, while others want to know how it is."""
    clients = 40 if is_small else 200
    head = f"POST {POST} HTTP/1.1\r\nHost: localhost\r\n"
    body = f"{head}Content-Length: 9999999\r\n\r\nRIFFxxxxWAVE"
    began, ended, took_s = time.monotonic(), [], []

    def hold(number: int) -> None:
        connection = raw(lab.port, (head if number % 2 else body).encode())
        connection.settimeout(0.5)
        with contextlib.suppress(OSError):
            while True:
                try:
                    if connection.recv(1 << 12):
                        break
                except TimeoutError:
                    connection.sendall(b"x")
        connection.settimeout(60)
        all_of(connection)
        ended.append(time.monotonic() - began)

    threads = [threading.Thread(target=hold, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    audio, words = sample(lab)
    status, place = begin(lab, audio, words)
    outcome = over(lab, place) if place else status
    while any(thread.is_alive() for thread in threads):
        asked = time.monotonic()
        ask(lab.port, "GET", "/healthz")
        took_s.append(time.monotonic() - asked)
        time.sleep(0.02)
    say(
        f"slow: {clients} clients ended after {min(ended):.1f} to {max(ended):.1f} s; health p95 "
        f"{1000 * np.quantile(took_s, 0.95):.0f} ms of {len(took_s)}; a prediction meanwhile: "
        f"{outcome}; {len(lab.files())} files left"
    )


def malformed(lab: Lab, *, is_small: bool) -> None:
    """Damaged files of every format, and bytes of no format."""
    generator, statuses = np.random.default_rng(3), Counter[int]()
    samples, rate_hz = soundfile.read(lab.audio / "p003-v1.wav")
    _, words = sample(lab)
    whole = [generator.bytes(5000)]
    with tempfile.TemporaryDirectory() as folder:
        for ending in ("wav", "flac", "ogg", "mp3", "aiff"):
            soundfile.write(Path(folder) / f"a.{ending}", samples, rate_hz)
            whole.append((Path(folder) / f"a.{ending}").read_bytes())
    for number in range(60 if is_small else 1000):
        content = bytearray(whole[number % len(whole)])
        if number % 4 == 0:
            del content[generator.integers(1, len(content)) :]
        end = 64 if number % 2 else len(content)
        for at in generator.integers(0, min(end, len(content)), generator.integers(1, 40)):
            content[at] = generator.integers(0, 256)
        begun = ask(lab.port, "POST", f"{POST}?words=later", bytes(content))
        if begun.status == 202:
            place = begun.headers["location"]
            statuses[ask(lab.port, "PUT", f"{place}/words?wait=100", words).status] += 1
        else:
            statuses[begun.status] += 1
    worst = sum(count for status, count in statuses.items() if status >= 500)
    say(
        f"malformed: {sum(statuses.values())} uploads, {dict(sorted(statuses.items()))}, "
        f"{worst} x 5xx, {len(lab.files())} files left"
    )


def kills(lab: Lab, *, is_small: bool) -> None:
    """Kill -9 of the worker while one job runs and two wait."""
    rounds, outcomes, others = (3 if is_small else 50), Counter[int](), Counter[int]()
    audio, words = sample(lab)
    for _ in range(rounds):
        lab.ready()
        worker = until(lambda: worker_of(lab.bundle, lab.pid))
        os.kill(worker, signal.SIGSTOP)  # so that the job is running for certain
        places = [begin(lab, audio, words)[1] for _ in range(3)]
        while ask(lab.port, "GET", places[0]).json.get("state") != "running":
            time.sleep(0.02)
        os.kill(worker, signal.SIGKILL)
        first, *rest = (over(lab, place) for place in places)
        outcomes[first] += 1
        others.update(rest)
    say(
        f"kills: {rounds}, outcomes of the running job {dict(outcomes)}, of the waiting ones "
        f"{dict(others)}, {len(lab.files())} files left"
    )


def equal(lab: Lab, *, is_small: bool) -> None:
    """Served against offline, to the last bit."""
    number, differing = (20 if is_small else 500), 0
    predictor = Predictor.from_folder(lab.bundle)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for seed in range(number):
            tone_recording(folder, f"r{seed}", words=6 + seed % 9, seed=10_000 + seed)
            wav, words = folder / f"r{seed}.wav", folder / f"r{seed}.words.json"
            begun = ask(lab.port, "POST", f"{POST}?words=later", wav.read_bytes())
            path = f"{begun.headers['location']}/words?wait=100"
            got = ask(lab.port, "PUT", path, words.read_bytes()).json
            expected = predictor.predict(wav, words)
            got["recording_id"] = expected["recording_id"]
            differing += json.dumps(got) != json.dumps(expected)
    say(f"equal: {number} files, {differing} differ from offline; {len(lab.files())} files left")


ATTACKS: dict[str, Callable[..., None]] = {
    each.__name__: each for each in (equal, malformed, slow, uploads, kills)
}


def main() -> None:
    """Runs what is asked for, each against a service of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("attacks", nargs="*", choices=[[], *ATTACKS], default=[])
    parser.add_argument("--small", action="store_true", help="less of everything")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        os.environ["COGSPEECH_CACHE"] = str(Path(name) / "cache")
        bundle = tiny_bundle(Path(name))
        for attack in options.attacks or ATTACKS:
            with served(bundle, Path(name) / attack) as lab:
                ATTACKS[attack](lab, is_small=options.small)


if __name__ == "__main__":
    main()

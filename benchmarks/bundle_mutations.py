"""Damaged bundles by the thousand: none may crash the loader, and none may load as something else.

Bytes and json values of a small sound bundle are changed at random, half of the time with a digest
that fits again. Every load must end in one line of a `BundleError`, or in a bundle that is the same
after it is written and read once more.

    python benchmarks/bundle_mutations.py --count 100000
"""

import argparse
import json
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save

from cogspeech.config import TargetSection, TranscriptsSection
from cogspeech.errors import BundleError
from cogspeech.fusion.base import ModelSizes, build_fusion
from cogspeech.settings import Component
from cogspeech.training.bundle import _digest, load_bundle, make_bundle, save_bundle
from cogspeech.training.bundle_facts import BundleFacts, TrainingCorpus

SCALARS = ["", "x" * 5000, "\x00", "\ud800", -1, 0, 1, 2, 9, 1 << 62, 10**30]
SCALARS += [0.5, -0.0, 1e308, 5e-324, float("nan"), float("inf")]
SCALARS += [True, False, None, [], {}, [[]], {"name": "acoustic"}]
WORDS = ["attention", "F32", "F64", "I64", "BOOL", "audio_only", "late_fusion", "ordinal", "3"]


def sound_bundle(folder: Path) -> None:
    """The bundle that is damaged."""
    torch.manual_seed(0)
    facts = BundleFacts(
        study="s",
        target=TargetSection(),
        fusion=Component(name="pause_only", d_model=4),
        audio_encoder=Component(name="acoustic"),
        text_encoder=Component(name="hashed_words"),
        transcripts=TranscriptsSection(),
        sizes=ModelSizes(d_audio=42, d_text=65),  # of the two encoders
        sample_rates_hz=(16_000,),
        training=TrainingCorpus(participants=4, recordings=4),
        notice=None,
    )
    save_bundle(make_bundle(build_fusion(facts.fusion, facts.sizes), facts), folder)


def damaged(weights: bytes, facts: bytes, draw: random.Random) -> tuple[bytes, bytes]:
    """Both files, at least one of them changed."""
    weights = draw.choice([_same, _bytes, _bytes, _cut, _header, _header])(weights, draw)
    facts = draw.choice([_same, _same, _bytes, _cut, _value, _value])(facts, draw)
    if draw.random() < 0.75:  # a digest that fits, as an attacker would write it
        before = facts.partition(b'"weights_sha256": "')
        facts = b"".join([*before[:2], _digest(weights).encode(), before[2][64:]])
    return weights, facts


def _same(content: bytes, _: random.Random) -> bytes:
    return content


def _cut(content: bytes, draw: random.Random) -> bytes:
    at = draw.randrange(len(content) + 1)
    return content[:at] + draw.choice([b"", content[:at], bytes(9)])


def _bytes(content: bytes, draw: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(draw.choice([1, 1, 1, 2, 8])):
        changed[draw.randrange(len(changed))] = draw.choice([0, 1, 0x7F, 0xFF, draw.randrange(256)])
    return bytes(changed)


def _header(content: bytes, draw: random.Random) -> bytes:
    length = int.from_bytes(content[:8], "little")
    header = _value(content[8 : 8 + length], draw)
    return len(header).to_bytes(8, "little") + header + content[8 + length :]


def _value(content: bytes, draw: random.Random) -> bytes:
    """One value of a json text replaced, removed, renamed or repeated."""
    plain = json.loads(content)
    places: list[tuple[Any, Any]] = []
    _collect(plain, places)
    holder, key = draw.choice(places)
    value = draw.choice([*SCALARS, *WORDS])
    how = draw.randrange(4)
    if how == 0:
        holder[key] = value
    elif how == 1:
        del holder[key]
    elif how == 2 and isinstance(holder, dict):
        holder[draw.choice([*WORDS, "more", ""])] = holder.pop(key)
    elif isinstance(holder[key], int | float):
        holder[key] = holder[key] + draw.choice([-1, 1, 4, 0.5])
    text = json.dumps(plain)
    return (text if draw.random() < 0.95 else text * 2).encode("utf-8", "surrogatepass")


def _collect(plain: Any, places: list[tuple[Any, Any]]) -> None:
    keys = list(plain) if isinstance(plain, dict) else range(len(plain))
    for key in keys:
        places.append((plain, key))
        if isinstance(plain[key], dict | list):
            _collect(plain[key], places)


def outcome(folder: Path, again: Path) -> str:
    """What becomes of a damaged bundle: "refused", "same" or what is wrong."""
    try:
        bundle = load_bundle(folder)
    except BundleError as error:
        return "refused" if "\n" not in str(error) else f"two lines: {error}"
    except Exception as error:  # noqa: BLE001  # what the loader must never let through
        return f"{type(error).__name__}: {error}"
    save_bundle(bundle, again)
    repeated = load_bundle(again)
    same = save(bundle.model.state_dict()) == save(repeated.model.state_dict())
    if not same or bundle.facts != repeated.facts:
        return "loads as something else"
    finite = all(torch.isfinite(t).all() for t in bundle.model.state_dict().values())
    return "same" if finite else "not finite"


def count_outcomes(count: int, *, seed: int) -> Counter[str]:
    """How often each thing happened; what is neither refused nor same is a defect."""
    found: Counter[str] = Counter()
    memory = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108  # files cost most
    with tempfile.TemporaryDirectory(dir=memory) as place:
        folder, again = Path(place, "bundle"), Path(place, "again")
        sound_bundle(folder)
        sound = [(folder / name).read_bytes() for name in ("model.safetensors", "bundle.json")]
        for number in range(count):
            weights, facts = damaged(*sound, random.Random(f"{seed}-{number}"))  # noqa: S311
            (folder / "model.safetensors").write_bytes(weights)
            (folder / "bundle.json").write_bytes(facts)
            found[outcome(folder, again)] += 1
    return found


def main() -> None:
    """Prints the counts; exit code 1 where there is a defect."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    begin = time.perf_counter()
    found = count_outcomes(options.count, seed=options.seed)
    seconds = time.perf_counter() - begin
    for what, times in found.most_common():
        sys.stdout.write(f"{times:8d}  {what}\n")
    sys.stdout.write(f"{options.count} bundles in {seconds:.0f} s\n")
    sys.exit(bool(found.keys() - {"refused", "same"}))


if __name__ == "__main__":
    main()

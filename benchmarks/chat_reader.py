"""How fast CHAT files are read. Prints megabytes per second and files per minute.

python benchmarks/chat_reader.py

The files are invented picture descriptions of the size of a real one, with fillers, retracings,
replacements, time marks, and ``%wor``, ``%mor`` and ``%gra`` tiers.
"""

import random
import sys
import tempfile
import time
from pathlib import Path

from cogspeech.transcripts.base import READERS, ReadingOptions

FILES = 200
LINES = 30
TEXT = """
the a boy girl mother is are taking cookies from jar stool falling off water sink overflowing
dishes washing window curtains kitchen she he they and then looks like doesn't notice reaching
"""
HEAD = """@UTF8
@Begin
@Languages:\teng
@Participants:\tPAR Participant, INV Investigator
@ID:\teng|invented|PAR|70;||||Participant|||
@ID:\teng|invented|INV|||||Investigator|||
@Media:\tinvented, audio
"""


def invented_file(generator: random.Random) -> str:
    """One transcript of about a minute and a half."""
    lines, now_ms = [HEAD.rstrip("\n")], 0
    for number in range(LINES):
        words = generator.choices(TEXT.split(), k=generator.randint(4, 14))
        start_ms = now_ms
        main, timed, forms, relations = [], [], [], []
        for position, word in enumerate(words, start=1):
            main.append(_notated(word, generator))
            timed.extend(
                f"{said} \x15{now_ms + 120 * n}_{now_ms + 120 * n + 110}\x15"
                for n, said in enumerate(_said(main[-1]))
            )
            forms.append(f"noun|{word}-Plur")
            relations.append(f"{position}|{max(0, position - 1)}|OBJ")
            now_ms += 400
        code = "INV" if number % 6 == 0 else "PAR"
        lines.append(f"*{code}:\t{' '.join(main)} . \x15{start_ms}_{now_ms}\x15")
        lines.append(f"%wor:\t{' '.join(timed)} .")
        lines.append(f"%mor:\t{' '.join(forms)} .")
        lines.append(f"%gra:\t{' '.join(relations)} {len(words) + 1}|1|PUNCT")
    return "\n".join([*lines, "@End", ""])


def _notated(word: str, generator: random.Random) -> str:
    plain = [word] * 12
    return generator.choice(
        [*plain, f"&-uh {word}", f"{word} [/] {word}", f"{word} [: it] [* s:r]"]
    )


def _said(notated: str) -> list[str]:
    return [
        part.removeprefix("&-")
        for part in notated.split()
        if part[0] not in "[(" and not part.endswith("]")
    ]


def main() -> None:
    """Reads all files five times and reports the fastest round."""
    generator = random.Random(7)  # noqa: S311
    reader, options = READERS.get("chat")(), ReadingOptions()
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{number}.cha" for number in range(FILES)]
        for path in paths:
            path.write_text(invented_file(generator), encoding="utf-8")
        megabytes = sum(path.stat().st_size for path in paths) / 1e6
        rounds_s = []
        for _ in range(5):
            started = time.perf_counter()
            for path in paths:
                transcript = reader.read(path, recording_id=path.stem, options=options)
                if transcript.warnings or not all(word.is_timed for word in transcript.words):
                    raise SystemExit(f"{path}: not read as it was made: {transcript.warnings[:1]}")
            rounds_s.append(time.perf_counter() - started)
    fastest_s = min(rounds_s)
    sys.stdout.write(
        f"chat: {megabytes / fastest_s:.1f} MB/s, {60 * FILES / fastest_s:,.0f} files per minute "
        f"({FILES} files of {1000 * megabytes / FILES:.1f} kB; fastest of {len(rounds_s)} rounds)\n"
    )


if __name__ == "__main__":
    main()

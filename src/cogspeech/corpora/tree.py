"""The files of a corpus: one walk through its folder, without opening any.

Names are compared in Unicode's composed form (NFC) and without regard to case, because corpora
travel through file systems that keep neither; two names that differ in nothing else are refused.
"""

import os
import unicodedata
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cogspeech.errors import CorpusError

AUDIO_SUFFIXES = frozenset(
    {".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".aac", ".amr", ".wma"}
    | {".m4a", ".mp4", ".mov", ".3gp", ".mkv", ".mka", ".webm", ".avi"}
)
"""Of file names; what a file really is, its first bytes tell."""
MAX_FILES = 1_000_000
LEFTOVERS = frozenset({"__MACOSX"})
"""What archives leave behind; hidden files are passed over, too."""


def composed(text: str) -> str:
    """The one Unicode form in which names and ids are kept."""
    return unicodedata.normalize("NFC", text)


def folded(text: str) -> str:
    """What two names have in common that differ only in case or Unicode form."""
    return composed(composed(text).casefold())


def shortened(text: str, letters: int = 80) -> str:
    """A name that fits into a message."""
    return text if len(text) <= letters else f"{text[:letters]}..."


@dataclass(frozen=True, slots=True)
class CorpusFile:
    """A file below the root of a corpus."""

    path: Path
    parts: tuple[str, ...]
    """Its place below the root, composed."""
    real: str
    """The file behind all links."""

    @property
    def name(self) -> str:
        """The last part."""
        return self.parts[-1]

    @property
    def stem(self) -> str:
        """The name without its last suffix."""
        return Path(self.name).stem

    @property
    def suffix(self) -> str:
        """The last suffix in small letters, with its dot."""
        return Path(self.name).suffix.lower()

    @property
    def folder(self) -> tuple[str, ...]:
        """The parts above the name."""
        return self.parts[:-1]

    @property
    def is_audio(self) -> bool:
        """Whether its name says so."""
        return self.suffix in AUDIO_SUFFIXES


class CorpusTree:
    """Every file below ``root``, found once.

    Raises:
        CorpusError: ``root`` is no folder, a link leaves it, or two names differ only in case or
            Unicode form.
    """

    def __init__(self, root: Path) -> None:
        if not root.is_dir():
            found = "a file" if root.exists() else "nothing"
            raise CorpusError(f"{root}: expected the folder of the corpus, found {found}")
        self.root = root.resolve()
        self.files = tuple(sorted(_walk(self.root), key=lambda file: file.parts))
        self._by_place: dict[tuple[str, ...], CorpusFile] = {}
        self._by_name: dict[str, list[CorpusFile]] = defaultdict(list)
        self._sounds: dict[str, list[CorpusFile]] = defaultdict(list)
        self._by_stem: dict[tuple[tuple[str, ...], str], list[CorpusFile]] = defaultdict(list)
        for file in self.files:
            place = tuple(folded(part) for part in file.parts)
            self._by_place[place] = file
            self._by_name[place[-1]].append(file)
            if file.is_audio:
                self._sounds[folded(file.stem)].append(file)
                self._by_stem[place[:-1], folded(file.stem)].append(file)

    def file(self, *parts: str) -> CorpusFile | None:
        """The file at one place."""
        return self._by_place.get(tuple(folded(part) for part in parts))

    def below(self, *parts: str) -> tuple[CorpusFile, ...]:
        """All files in and under one folder."""
        start = tuple(folded(part) for part in parts)
        return tuple(
            file
            for file in self.files
            if tuple(folded(part) for part in file.parts[: len(start)]) == start
            and len(file.parts) > len(start)
        )

    def named(self, *names: str) -> CorpusFile | None:
        """The one file that has one of the names, wherever it lies.

        Raises:
            CorpusError: there are several.
        """
        found = [file for name in names for file in self._by_name.get(folded(name), ())]
        if len(found) > 1:
            places = " and ".join(f"'{'/'.join(file.parts)}'" for file in found[:2])
            raise CorpusError(
                f"{self.root}: {len(found)} files are called {' or '.join(names)}, among them "
                f"{places}; give the folder of one corpus only"
            )
        return found[0] if found else None

    def audio_in(self, part: str, stem: str) -> CorpusFile | None:
        """The audio file of one name, anywhere below a folder called ``part``.

        Raises:
            CorpusError: there are two.
        """
        found = [f for f in self._sounds.get(folded(stem), ()) if part in map(folded, f.folder)]
        return only_one(found)

    def audio(self, folder: Sequence[str], stem: str) -> CorpusFile | None:
        """The audio file of one recording; its suffix may be any.

        Raises:
            CorpusError: there are two.
        """
        place = tuple(folded(part) for part in folder), folded(stem)
        return only_one(self._by_stem.get(place, ()))


def only_one(found: Sequence[CorpusFile]) -> CorpusFile | None:
    """The audio file of a recording, if there is one.

    Raises:
        CorpusError: there are two.
    """
    if len(found) > 1:
        raise CorpusError(
            f"{found[0].path}: and '{'/'.join(found[1].parts)}' are two audio files of one "
            "recording; keep one of them"
        )
    return found[0] if found else None


def _walk(root: Path) -> list[CorpusFile]:
    files: list[CorpusFile] = []
    real_root = str(root)
    folders: list[tuple[str, tuple[str, ...], tuple[str, ...]]] = [(real_root, (), (real_root,))]
    while folders:
        folder, parts, above = folders.pop()
        seen: dict[str, str] = {}
        for entry in _entries(folder):
            _refuse_twin(seen, entry.name, folder)
            real = f"{above[-1]}/{entry.name}"
            if entry.is_symlink():
                real = _behind_link(entry.path, real_root)
            place = (*parts, composed(entry.name))
            if entry.is_dir():
                if real in above:
                    raise CorpusError(f"{shortened(entry.path, 300)}: links in a circle; remove it")
                folders.append((entry.path, place, (*above, real)))
            elif entry.is_file():
                files.append(CorpusFile(Path(entry.path), place, real))
        if len(files) > MAX_FILES:
            raise CorpusError(
                f"{root}: holds more than {MAX_FILES:,} files; give the folder of one corpus"
            )
    return files


def _entries(folder: str) -> list["os.DirEntry[str]"]:
    try:
        with os.scandir(folder) as entries:
            found = [e for e in entries if e.name[0] != "." and e.name not in LEFTOVERS]
    except OSError as error:
        raise CorpusError(
            f"{shortened(folder, 300)}: the folder cannot be read ({error.strerror})"
        ) from error
    return sorted(found, key=lambda entry: entry.name)


def _refuse_twin(seen: dict[str, str], name: str, folder: str) -> None:
    twin = seen.setdefault(folded(name), name)
    if twin != name:
        raise CorpusError(
            f"{shortened(folder, 300)}: the names '{shortened(twin)}' and '{shortened(name)}' "
            "differ only in case or Unicode form; rename one of them"
        )


def _behind_link(path: str, root: str) -> str:
    real = os.path.realpath(path)
    if real != root and not real.startswith(f"{root}/"):
        raise CorpusError(
            f"{shortened(path, 300)}: is a link that leaves the folder of the corpus; put the file "
            "in its place, or give a folder above both"
        )
    return real

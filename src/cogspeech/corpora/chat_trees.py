"""Which audio file belongs to which CHAT file.

In TalkBank's corpora the media lie beside the transcripts, or in a tree of their own with the same
folders. Names repeat from folder to folder, so a name alone decides nothing.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from cogspeech.corpora.chat_headers import ChatHeaders, ChatSpeaker, read_chat_headers
from cogspeech.corpora.tree import CorpusFile, CorpusTree, folded, shortened
from cogspeech.errors import CorpusError
from cogspeech.types import PassedOver

Place = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatRecording:
    """A CHAT file with the one person who is studied, and its audio."""

    transcript: CorpusFile
    headers: ChatHeaders
    speaker: ChatSpeaker
    audio: CorpusFile | None

    @property
    def where(self) -> str:
        """The line of the person's header."""
        return f"{self.transcript.path}:{self.speaker.line}"

    @property
    def looked_for(self) -> str:
        """What the audio should be called."""
        note = "; @Media says that it is missing" if self.headers.is_media_missing else ""
        return f"'{shortened(self.headers.media or self.transcript.stem)}.*'{note}"


def chat_recordings(
    tree: CorpusTree,
    passed_over: list[PassedOver],
    *,
    media: str | None = None,
    alike: Iterable[str] = (),
) -> list[ChatRecording]:
    """Every CHAT file of a tree.

    Args:
        tree: the files.
        passed_over: takes the files that do not tell who is studied.
        media: the folder below the root in which audio is looked for; ``None``: everywhere.
        alike: names of folders, such as those of groups, that a transcript and its audio share.

    Raises:
        CorpusError: two audio files belong to one transcript, or a file cannot be read.
    """
    headers = {file: read_chat_headers(file.path) for file in tree.files if file.suffix == ".cha"}
    audio = _pair(tree, headers, media, frozenset(map(folded, alike)))
    found = []
    for file, header in headers.items():
        if len(header.participants) == 1:
            found.append(
                ChatRecording(
                    transcript=file,
                    headers=header,
                    speaker=header.participants[0],
                    audio=audio.get(file),
                )
            )
        else:
            several = len(header.participants)
            reason = f"{several or 'no'} speakers are participants by their @ID; expected one"
            passed_over.append(PassedOver(where=str(file.path), reason=reason))
    return found


def _pair(
    tree: CorpusTree,
    headers: Mapping[CorpusFile, ChatHeaders],
    media: str | None,
    alike: frozenset[str],
) -> dict[CorpusFile, CorpusFile]:
    below = tuple(folded(part) for part in media.split("/") if part) if media else ()
    sounds = [f for f in tree.files if f.is_audio and _place(f)[: len(below)] == below]
    by_name: dict[str, list[CorpusFile]] = defaultdict(list)
    for sound in sounds:
        by_name[folded(sound.stem)].append(sound)
    pairs = {
        file: [
            (*_mirror(_place(file), _place(sound)), sound)
            for sound in by_name[folded(file.stem)] or by_name[folded(header.media or file.stem)]
        ]
        for file, header in headers.items()
    }
    beside = {sound for each in pairs.values() for one, other, sound in each if one == other}
    mirrors = _mirrors(pairs.values(), headers, set(sounds) - beside, alike)
    found = {}
    for file, candidates in pairs.items():
        own = [sound for one, other, sound in candidates if one == other] or [
            sound for one, other, sound in candidates if (one, other) in mirrors
        ]
        if len(own) > 1:
            raise CorpusError(
                f"{file.path}: '{'/'.join(own[0].parts)}' and '{'/'.join(own[1].parts)}' are two "
                "audio files of one recording; keep one, or name the folder of the audio in the "
                "option media"
            )
        if own:
            found[file] = own[0]
    return found


def _place(file: CorpusFile) -> Place:
    return tuple(folded(part) for part in file.folder)


def _mirror(transcript: Place, sound: Place) -> tuple[Place, Place]:
    """The folders from which on both lie alike."""
    alike = 0
    for one, other in zip(reversed(transcript), reversed(sound), strict=False):
        if one != other:
            break
        alike += 1
    return transcript[: len(transcript) - alike], sound[: len(sound) - alike]


def _mirrors(
    pairs: Iterable[Iterable[tuple[Place, Place, CorpusFile]]],
    transcripts: Iterable[CorpusFile],
    sounds: Iterable[CorpusFile],
    alike: frozenset[str],
) -> set[tuple[Place, Place]]:
    """Pairs of folders of which one holds transcripts and the other, laid out alike, the audio.

    The audio of another task or group must never be taken for that of a transcript whose own is
    missing. So where two pairs contradict each other, the wider one is right, and two folders that
    lie deep in trees that look alike are none.
    """
    count = Counter((a, b) for each in pairs for a, b, _ in each if a != b)
    num_transcripts = _counts(transcripts)
    num_sounds = _counts(sounds)
    chosen: set[tuple[Place, Place]] = set()
    for one, other in sorted(count, key=lambda pair: (len(pair[0]), -count[pair], pair)):
        own = num_sounds[other] if other[: len(one)] == one else 0
        is_pure = num_transcripts[other] == 0 and num_sounds[one] - own == 0
        is_free = not any(one[: len(a)] == a and one != a for a, _ in chosen)
        if is_pure and is_free and _are_roots(one, other, alike):
            chosen.add((one, other))
    return chosen


def _are_roots(one: Place, other: Place, alike: frozenset[str]) -> bool:
    """Whether two folders can be the tops of a tree of transcripts and one of audio."""
    while one and other and one[0] == other[0]:
        one, other = one[1:], other[1:]
    is_deep = len(one) > 1 and len(other) > 1
    return not (is_deep or set(one) & set(other) or alike & {*one, *other})


def _counts(files: Iterable[CorpusFile]) -> Counter[Place]:
    """How many files lie in and below each folder."""
    count: Counter[Place] = Counter()
    for file in files:
        place = _place(file)
        count.update(place[:depth] for depth in range(len(place) + 1))
    return count

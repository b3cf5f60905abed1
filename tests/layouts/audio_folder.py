"""One folder per class: files of their own, persons as folders, names by a pattern."""

from layouts import Layout, chat, text, tone


def build(root):
    """Persons as folders below one class, single files below the other; a transcript beside."""
    for place in ("ad/p01/first", "ad/p01/second", "ad/p02/first", "cn/p11", "cn/p12"):
        tone(root / "clinic" / f"{place}.wav")
    chat(root / "clinic" / "ad" / "p02" / "first.cha", "eng|x|PAR|||||Participant|||")
    text(root / "clinic" / "ad" / "p02" / "first.txt", "nothing")
    return root / "clinic"


def build_by_pattern(root):
    for name in ("anna_v1", "anna_v2", "ben_v1", "notes"):
        tone(root / "set" / "SCI" / f"{name}.wav")
    tone(root / "set" / "healthy" / "cleo_v1.flac")
    tone(root / "set" / "loose.wav")
    return root / "set"


def spoil_label(root):
    (root / "clinic" / "cn").rename(root / "clinic" / "zebra")
    return "zebra/p11.wav"


EXPECTED = {
    "ad-p01-first": {"participant_id": "p01", "label": "dementia", "label_raw": "ad",
                     "label_source": "folder", "transcript_path": None},
    "ad-p01-second": {"participant_id": "p01", "label": "dementia"},
    "ad-p02-first": {"participant_id": "p02", "transcript_path": "clinic/ad/p02/first.cha"},
    "cn-p11": {"participant_id": "p11", "label": "control"},
    "cn-p12": {"participant_id": "p12", "label": "control"},
}  # fmt: skip
BY_PATTERN = {
    "SCI-anna_v1": {"participant_id": "anna", "visit": "1", "label": "subjective"},
    "SCI-anna_v2": {"participant_id": "anna", "visit": "2", "label_raw": "SCI"},
    "SCI-ben_v1": {"participant_id": "ben", "visit": "1"},
    "healthy-cleo_v1": {"participant_id": "cleo", "label": "control"},
}
LAYOUTS = {
    "persons": Layout(build=build, expected=EXPECTED, spoil_label=spoil_label, is_listed=False),
    "pattern": Layout(
        build=build_by_pattern,
        expected=BY_PATTERN,
        passed_over=(
            "SCI/notes.wav: the name does not match",
            "set: 1 audio files of which a folder of audio says nothing, the first is 'loose.wav'",
        ),
        options={
            "participant": "(?P<participant>[a-z]+)_v(?P<visit>[0-9])",
            "labels": {"SCI": "subjective"},
        },
        is_listed=False,
    ),
}

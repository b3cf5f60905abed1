"""The project's own table: every column it knows, one that it does not."""

from layouts import Layout, text, tone

ROWS = [
    "recording_id,participant_id,audio_path,diagnosis,visit,official_split,mmse,site,handedness",
    "r1,p1,audio/r1.wav,control,1,train,29.5,north,left",
    "r2,p1,audio/r2.wav,control,2,train,,north,",
    "r3,p2,audio/r3.wav,zebra,1,test,21,south,right",
]


def build(root):
    for name in ("r1", "r2", "r3"):
        tone(root / "audio" / f"{name}.wav")
    return text(root / "recordings.csv", "\n".join([*ROWS, ""]), bom=True)


EXPECTED = {
    "r1": {"participant_id": "p1", "label": "control", "mmse": 29.5, "handedness": "left"},
    "r2": {"participant_id": "p1", "visit": "2", "mmse": None, "handedness": None},
    "r3": {"participant_id": "p2", "label": "zebra", "site": "south", "official_split": "test"},
}
LAYOUTS = {"full": Layout(build=build, expected=EXPECTED, is_tree=False)}

"""CHAT trees of DementiaBank beyond Pitt: flat, mirrored, silent about groups, in Spanish."""

from layouts import Layout, chat, swap, tone

PAR, INV = "eng|Delaware|PAR|{age}|{sex}|{group}||Participant|{educ}|{mmse}|", (
    "eng|Delaware|INV|||||Investigator|||"
)  # fmt: skip


def _one(root, place, *, media=None, **facts):
    values = {"age": "", "sex": "", "group": "", "educ": "", "mmse": "", **facts}
    chat(root / f"{place}.cha", PAR.format(**values), INV, media=media or "")
    tone(root / f"{media or place}.mp3")


def build_delaware(root):
    """Beside each other; groups in @ID, one of them against its folder; education in years."""
    folder = root / "Delaware"
    _one(folder, "Control/101-1", age="71;03.", sex="female", group="Control", educ="16", mmse="28")
    _one(folder, "Control/101-2", age="72;", sex="female", group="Control", educ="16")
    _one(folder, "MCI/33-1", age="80;", sex="male", group="MCI", educ="BA", mmse="31")
    _one(folder, "MCI/34-1", age="about 80", sex="male", group="Control")
    chat(folder / "MCI" / "35-1.cha", INV)
    return folder


def build_lu(root):
    """No group in @ID, numbers per folder, audio in a tree of its own under another root."""
    for group, name in (("Control", "01"), ("Control", "02"), ("Dementia", "01")):
        chat(
            root / "Lu" / "cha" / group / f"{name}.cha", "eng|Lu|PAR|73|male|||Participant|||", INV
        )
        tone(root / "Lu" / "sound" / group / f"{name}.wav")
    return root / "Lu"


def build_ivanova(root):
    """Spanish, another role, a header that goes on in the next line."""
    for group in ("HC", "MCI", "AD"):
        for number in (1, 2):
            name = f"{group}-{number}"
            path = root / "Ivanova" / group / f"{name}.cha"
            chat(path, f"spa|Ivanova|PAR|6{number};|female|{group}||Target_Adult|||",
                 languages="spa")  # fmt: skip
            swap(path, "@Participants:\tPAR Participant, ", "@Participants:\tPAR Participant,\n\t")
            tone(path.with_suffix(".wav"))
    return root / "Ivanova"


def build_kempler(root):
    for name in ("d1", "d6", "d6cookie"):
        chat(root / "Kempler" / f"{name}.cha", "eng|Kempler|PAR|||||Participant|||", INV,
             media=f"{name}, audio, missing" if name == "d1" else "")  # fmt: skip
        if name != "d1":
            tone(root / "Kempler" / f"{name}.mp3")
    return root / "Kempler"


def spoil_label(root):
    swap(root / "Delaware/MCI/33-1.cha", "|MCI|", "|zebra|")
    return "Delaware/MCI/33-1.cha:5"


AT_ID = {"label_source": "transcript, @ID", "corpus": "delaware"}
DELAWARE = {
    "Control-101-1": {"participant_id": "101", "visit": "1", "label": "control", "mmse": 28.0,
                      "age_years": 71.25, "education_years": 16.0, **AT_ID},
    "Control-101-2": {"participant_id": "101", "visit": "2", "mmse": None, **AT_ID},
    "MCI-33-1": {"label": "mci", "mmse": None, "education_years": None, "sex": "male", **AT_ID},
    "MCI-34-1": {"label": "control", "age_years": None, "age_raw": "about 80", **AT_ID},
}  # fmt: skip
LU = {
    f"cha-{group}-{name}": {
        "participant_id": f"{group}-{name}",
        "label": group.lower(),
        "label_source": "folder",
        "age_years": 73.0,
        "audio_path": f"Lu/sound/{group}/{name}.wav",
        "transcript_path": f"Lu/cha/{group}/{name}.cha",
        "task": "cookie",
    }
    for group, name in (("Control", "01"), ("Control", "02"), ("Dementia", "01"))
}
IVANOVA = {
    f"{group}-{group}-{number}": {
        "label": {"HC": "control", "AD": "dementia"}.get(group, "mci"),
        "label_raw": group,
        "language": "es",
        "age_years": 60.0 + number,
    }
    for group in ("HC", "MCI", "AD")
    for number in (1, 2)
}
KEMPLER = {
    "d6": {"participant_id": "d6", "label": "dementia", "label_source": "notes of the corpus"},
    "d6cookie": {"participant_id": "d6", "task": "cookie", "label_raw": "AD"},
}
LAYOUTS = {
    "delaware": Layout(
        build=build_delaware,
        expected=DELAWARE,
        passed_over=("MCI/35-1.cha: no speakers are participants by their @ID; expected one",),
        options={"preset": "delaware"},
        spoil_label=spoil_label,
    ),
    "lu": Layout(build=build_lu, expected=LU, options={"preset": "lu"}),
    "ivanova": Layout(build=build_ivanova, expected=IVANOVA, options={"preset": "ivanova"}),
    "kempler": Layout(
        build=build_kempler,
        expected=KEMPLER,
        passed_over=("d1.cha:5: no audio, looked for 'd1.*'; @Media says that it is missing",),
        options={"preset": "kempler"},
    ),
}

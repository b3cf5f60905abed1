"""DementiaNet: folders with spaces, buckets of years, lists with paths of another machine."""

import unicodedata

from layouts import Layout, text, tone

FILES = {
    "dementia": ["Ada Quill/AdaQuill_5", "Ada Quill/AdaQuill_10_1", "Ada Quill/AdaQuill_10_2",
                 "Bo Tern/BoTern_15"],
    "nodementia": ["Cé Dour/CéDour_5", "Di Elm/DiElm"],
}  # fmt: skip
HEADER = (
    "name,dementia type,birth,death,first symptoms,URLs after symptoms,5 years,5 < 10 years,"
    "10 < 15 years,gender,ethnicity,datasplit,language,unknown 1,unkown 2,unknown 3"
)


def build(root):
    """One name is written decomposed on disk and composed in the list."""
    for label, places in FILES.items():
        for place in places:
            folder, _, name = unicodedata.normalize("NFD", place).partition("/")
            tone(root / "net" / label / folder / f"{name}.wav")
    rows = [
        "Ada Quill,Alzheimer,1900,1980,1970,,u,u,,F,x,train,,,,",
        "Bo Tern,Lewy body,1910,,1990,,,,u,male,,test,,,,",
    ]
    text(root / "net" / "DementiaNet - dementia.csv", "\n".join([HEADER, *rows, ""]))
    drive = "/content/drive/My Drive/d"
    text(
        root / "net" / "train_dm.csv",
        f"path\tlabel\n{drive}/dementia/Ada Quill/AdaQuill_5.wav\tdementia\n"
        f"{drive}/nodementia/Cé Dour/CéDour_5.wav\tnodementia\n",
    )
    text(
        root / "net" / "valid_dm.csv",
        f"path\tlabel\n{drive}/dementia/Bo Tern/BoTern_15.wav\tdementia\n",
    )
    return root / "net"


def build_without_lists(root):
    build(root)
    for name in ("train_dm.csv", "valid_dm.csv", "DementiaNet - dementia.csv"):
        (root / "net" / name).unlink()
    return root / "net"


ADA = {"participant_id": "adaquill", "label": "dementia", "dementia_type": "Alzheimer",
       "sex": "female", "label_raw": "dementia"}  # fmt: skip
EXPECTED = {
    "dementia-AdaQuill_5": {**ADA, "visit": "5", "official_split": "train"},
    "dementia-AdaQuill_10_1": {**ADA, "visit": "10"},
    "dementia-AdaQuill_10_2": {**ADA, "visit": "10"},
    "dementia-BoTern_15": {"participant_id": "botern", "official_split": "valid", "sex": "male"},
    "nodementia-CéDour_5": {"participant_id": "cédour", "label": "control", "sex": None,
                            "official_split": "train", "label_raw": "nodementia"},
    "nodementia-DiElm": {"participant_id": "dielm", "visit": None, "official_split": None},
}  # fmt: skip
LAYOUTS = {
    "with lists": Layout(
        build=build,
        expected=EXPECTED,
        is_listed=False,
        sheets=("DementiaNet - dementia.csv", "train_dm.csv", "valid_dm.csv"),
    ),
    "one bucket": Layout(
        build=build_without_lists,
        expected={
            "dementia-AdaQuill_5": {"dementia_type": None, "official_split": None},
            "nodementia-CéDour_5": {},
        },
        passed_over=("buckets",) * 4,
        options={"buckets": [5]},
        is_listed=False,
    ),
}

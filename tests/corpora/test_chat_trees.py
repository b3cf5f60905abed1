"""Which audio belongs to which transcript: by place, because names repeat."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cogspeech.corpora.chat_trees import chat_recordings
from cogspeech.corpora.tree import CorpusTree
from cogspeech.errors import CorpusError
from layouts import chat

PAR = "eng|x|PAR|||||Participant|||"


def _make(root, *places):
    for place in places:
        path = root / place
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".cha":
            chat(path, PAR)
        else:
            path.write_bytes(b"sound")
    return root


def _pairs(root, media=None):
    found = chat_recordings(CorpusTree(root), [], media=media, alike=("control", "g", "d"))
    return {
        "/".join(one.transcript.parts): one.audio and "/".join(one.audio.parts) for one in found
    }


def test_audio_beside_the_transcript_comes_first(tmp_path):
    _make(tmp_path, "a/1.cha", "a/1.mp3", "media/a/1.mp3", "b/1.cha")

    assert _pairs(tmp_path) == {"a/1.cha": "a/1.mp3", "b/1.cha": None}


def test_a_tree_of_the_same_folders_is_found_wherever_it_lies(tmp_path):
    _make(tmp_path, "cha/Control/cookie/1.cha", "cha/Dementia/cookie/1.cha",
          "media/English/Pitt/Control/cookie/1.mp3",
          "media/English/Pitt/Dementia/cookie/1.mp3")  # fmt: skip

    assert _pairs(tmp_path) == {
        f"cha/{group}/cookie/1.cha": f"media/English/Pitt/{group}/cookie/1.mp3"
        for group in ("Control", "Dementia")
    }


def test_transcripts_at_the_root_find_a_media_folder_beside_them(tmp_path):
    _make(tmp_path, "Control/cookie/1.cha", "Dementia/cookie/2.cha", "media/Control/cookie/1.mp3",
          "media/Dementia/cookie/2.mp3")  # fmt: skip

    assert _pairs(tmp_path) == {
        "Control/cookie/1.cha": "media/Control/cookie/1.mp3",
        "Dementia/cookie/2.cha": "media/Dementia/cookie/2.mp3",
    }


@pytest.mark.parametrize("is_beside", [False, True])
def test_a_namesake_in_another_group_or_task_is_never_taken(tmp_path, is_beside):
    """The one fault that would give a control the voice of a patient."""
    sound = "{}" if is_beside else "media/{}"
    _make(tmp_path, *(f"{'' if is_beside else 'cha/'}{group}/{task}/{n}.cha"
                      for group in ("Control", "Dementia") for task in ("cookie", "recall")
                      for n in (1, 2)))  # fmt: skip
    _make(tmp_path, sound.format("Control/cookie/1.mp3"), sound.format("Dementia/recall/2.mp3"))

    taken = {key: value for key, value in _pairs(tmp_path).items() if value}

    assert len(taken) == 2
    for transcript, audio in taken.items():
        assert transcript.removeprefix("cha/")[:-4] == audio.removeprefix("media/")[:-4]


def test_two_media_trees_are_refused_unless_one_is_named(tmp_path):
    _make(tmp_path, "cha/a/1.cha", "raw/a/1.wav", "clean/a/1.wav")

    with pytest.raises(CorpusError, match=r"1\.cha: 'clean/a/1.wav' and 'raw/a/1.wav' are two"):
        _pairs(tmp_path)

    assert _pairs(tmp_path, "Raw") == {"cha/a/1.cha": "raw/a/1.wav"}


def test_the_media_header_counts_where_the_name_of_the_file_finds_nothing(tmp_path):
    chat(tmp_path / "a.cha", PAR, media="sound-7")
    _make(tmp_path, "sound-7.wav")

    assert _pairs(tmp_path) == {"a.cha": "sound-7.wav"}


PLACES = st.sets(
    st.tuples(st.sampled_from("gd"), st.sampled_from("cfr"), st.integers(1, 4)), min_size=1
)


@given(PLACES, PLACES)
def test_whatever_is_missing_an_audio_file_is_that_of_its_own_place(tmp_path_factory, chas, sounds):
    root = tmp_path_factory.mktemp("tree")
    _make(root, *(f"cha/{g}/{t}/{n}.cha" for g, t, n in chas))
    _make(root, *(f"media/{g}/{t}/{n}.wav" for g, t, n in sounds))

    pairs = _pairs(root)

    expected = {f"cha/{g}/{t}/{n}.cha" for g, t, n in chas & sounds}
    assert {key for key, value in pairs.items() if value} == expected
    assert all(v == f"media/{k[4:-4]}.wav" for k, v in pairs.items() if v)

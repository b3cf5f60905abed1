"""Recordings in the report: only those that were asked for, exact, and within what a page holds."""

import base64
import hashlib
import io
import json
import re

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from cogspeech.delivery.cli import main
from cogspeech.errors import CogspeechError, CorpusError
from cogspeech.reporting.listening import recordings as heard_recordings
from cogspeech.reporting.listening.assets import asset, inline_script, library_style, script_json
from cogspeech.reporting.listening.recordings import listening_of
from cogspeech.reporting.listening.sound import SAMPLE_RATE_HZ, encode, encoded_bytes, page_sound
from cogspeech.reporting.read_run import read_run
from cogspeech.reporting.report import write_report
from heard_run import PEOPLE, WORDS, heard_run


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return heard_run(tmp_path_factory.mktemp("run"), recordings=("none",)).parent


def heard(run, *choice):
    return listening_of(run, read_run(run), choice)


def data_of(run, *choice):
    return [json.loads(each.data) for each in heard(run, *choice).recordings]


def test_nobody_is_heard_unasked(run):
    html = write_report(run).read_text(encoding="utf-8")
    assert "<script" not in html
    assert "media-src" not in html
    assert "cs-view" not in html


def test_those_are_heard_who_were_asked_for(run):
    assert heard(run, "none") is None
    assert [each["recording_id"] for each in data_of(run, "R5", "R2", "R5")] == ["R5", "R2"]
    everyone = [each.recording_id for each in heard(run, "all").recordings]
    assert sorted(everyone) == [f"R{n}" for n in range(PEOPLE)]
    shown = [each.recording_id for each in heard(run, "shown").recordings]
    assert 0 < len(shown) < PEOPLE
    assert everyone[: len(shown)] == shown


def test_a_recording_is_told_as_in_the_files(run):
    (found,) = heard(run, "R3").recordings
    data = json.loads(found.data)
    told = json.loads((run / "attributions.json").read_text())
    assert data["words"] == told["recordings"]["R3"]
    assert data["explainer"] == {"name": "occlusion", "meaning": told["meaning"]}
    assert (data["truth"], data["decision"]) == ("dementia", "dementia")
    assert data["probability"] == 3 / 16 + 0.4
    samples, rate_hz = soundfile.read(run.parent / "3.wav", dtype="float32")
    assert data["duration_s"] == len(samples) / rate_hz
    loudest = np.abs(samples[: len(samples) // 400 * 400]).reshape(-1, 400).max(axis=1)
    np.testing.assert_allclose(data["peaks"][: len(loudest)], loudest, atol=5e-4)
    decoded, rate_hz = soundfile.read(io.BytesIO(base64.b64decode(found.sound)), dtype="float32")
    assert rate_hz == SAMPLE_RATE_HZ
    assert len(decoded) == len(samples)
    assert np.corrcoef(decoded, samples)[0, 1] > 0.98


@pytest.mark.parametrize("num_samples", [1, 575, 16_000, 48_111])
def test_the_encoder_moves_nothing(num_samples):
    generator = np.random.default_rng(num_samples)
    samples = (0.3 * np.sin(np.cumsum(generator.uniform(0.1, 0.3, num_samples)))).astype(np.float32)
    decoded, _ = soundfile.read(io.BytesIO(encode(samples)), dtype="float32")
    assert len(decoded) == num_samples
    if num_samples > 10_000:
        whole = np.correlate(decoded[2000:6000], samples[2300:5700], "valid")
        assert int(np.argmax(whole)) == 300


def test_the_size_is_known_before_anything_is_encoded(real_speech):
    path = sorted((real_speech / "librivox").glob("*.wav"))[0]
    sound = page_sound(path)
    assert abs(len(sound.encoded) - encoded_bytes(sound.duration_s)) < 2000


def test_what_does_not_fit_is_named(run, monkeypatch):
    one = encoded_bytes(soundfile.info(run.parent / "0.wav").duration) * 4 / 3
    most = round(2.5 * (one + len(WORDS) * heard_recordings.BYTES_PER_WORD))
    monkeypatch.setattr(heard_recordings, "MOST_BYTES", most)
    found = heard(run, "R0", "R1", "R2", "R3")
    assert [each.recording_id for each in found.recordings] == ["R0", "R1"]
    assert found.left_out == ("R2", "R3")
    assert sum(len(each.data) + len(each.sound) for each in found.recordings) < most
    path = write_report(run, recordings=["R0", "R1", "R2", "R3"])
    html = path.read_text(encoding="utf-8")
    assert "2 recordings left out" in html
    note = html[html.index('id="left-out"') :].partition("</div>")[0]
    assert "<code>R2</code> and <code>R3</code>" in note


def test_a_page_to_pass_on_holds_no_voice(run, capsys):
    assert main(["report", str(run), "--share", "--recordings", "R3"]) == 2
    assert "not allowed with argument --share" in capsys.readouterr().err


def test_words_that_can_be_heard_are_not_shown_twice(run):
    html = write_report(run, recordings=["shown"]).read_text(encoding="utf-8")
    assert 'class="transcript"' not in html
    html = write_report(run, recordings=["R3"]).read_text(encoding="utf-8")
    assert 'class="transcript"' in html


def test_an_unknown_recording_is_refused_in_a_sentence(run, capsys):
    assert main(["report", str(run), "--recordings", "R33"]) == 2
    said = capsys.readouterr().err
    assert "no recording 'R33'; did you mean 'R3'?" in said
    assert said.count("\n") == 1


def test_audio_that_is_gone_is_named(tmp_path):
    folder = heard_run(tmp_path, recordings=("none",)).parent
    (tmp_path / "1.wav").unlink()
    with pytest.raises(CorpusError, match=r"the audio of recording 'R1' is gone"):
        heard(folder, "R1", "R2")
    assert heard(folder, "R2").recordings[0].sound
    (tmp_path / "recordings.csv").unlink()
    with pytest.raises(CogspeechError, match=r"recordings\.csv: .*without --recordings"):
        heard(folder, "shown")


def test_the_policy_names_every_script_and_style(run):
    html = write_report(run, recordings=["R0"]).read_text(encoding="utf-8")
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', html)
    assert "unsafe" not in policy
    assert "connect-src" not in policy
    (module,) = re.findall(r'<script type="module">(.*?)</script>', html, re.DOTALL)
    styles = re.findall(r"<style>(.*?)</style>", html, re.DOTALL)
    for text in (module, *styles, library_style()):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy
    assert policy.count("sha256-") == 2 + len(styles)


@given(text=st.text())
def test_json_in_a_script_stays_json_and_stays_inside(text):
    written = script_json({"text": text, text: [text]})
    assert json.loads(written) == {"text": text, text: [text]}
    assert not set(written) & set("<>&\u2028\u2029")
    assert written.isascii()


def test_the_library_is_the_published_one_and_its_licence_travels():
    digest = hashlib.sha256(asset("wavesurfer.esm.js").encode()).hexdigest()
    assert digest in asset("README.md")
    assert "BSD 3-Clause License" in asset("wavesurfer.LICENSE")


def test_the_inline_script_asks_for_no_file():
    script = inline_script()
    assert not re.search(r"^(import|export) ", script, re.MULTILINE)
    assert not re.search(r"</script|<!--", script, re.IGNORECASE)

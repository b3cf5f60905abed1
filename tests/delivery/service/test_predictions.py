"""A recording in, an answer out: in one step, in two, later, or not at all."""

import json
import struct

import numpy as np
import pytest
import soundfile

from cogspeech import Predictor
from cogspeech.delivery.service.guards import HEADERS
from cogspeech.types import RESEARCH_STATEMENT
from service_lab import raw, until

POST = "/v1/predictions"


def post(service, path, query="", **headers):
    body = path if isinstance(path, bytes) else path.read_bytes()
    return service.ask("POST", f"{POST}{query}", body, **headers)


def predict(service, audio, words=None, query="", form="words.json"):
    """In two steps, waiting for the answer."""
    begun = post(service, audio, f"?words=later{query}")
    assert begun.status == 202
    place = begun.headers["location"]
    content = words if isinstance(words, bytes) else words.read_bytes()
    return service.ask("PUT", f"{place}/words?wait=60&format={form}", content)


@pytest.fixture(scope="module")
def offline(bundle):
    return Predictor.from_folder(bundle)


@pytest.mark.parametrize("name", ["p000-v1", "p003-v1", "p006-v1"])
def test_what_is_served_is_what_is_predicted_offline(service, audio, offline, name):
    wav, words = audio / f"{name}.wav", audio / f"{name}.words.json"

    served = predict(service, wav, words)

    assert served.status == 200
    expected = offline.predict(wav, words)
    got = served.json
    assert got.pop("recording_id") != expected.pop("recording_id") == name
    assert json.dumps(got) == json.dumps(expected)
    assert got["use"] == RESEARCH_STATEMENT


def test_an_answer_is_fetched_later_and_its_progress_followed(service, audio):
    begun = post(service, audio / "p001-v1.wav", "?words=later")
    place = begun.headers["location"]
    assert begun.json["state"] == "needs_words"
    assert service.ask("GET", place).json["state"] == "needs_words"

    started = service.ask("PUT", f"{place}/words", (audio / "p001-v1.words.json").read_bytes())
    events = service.ask("GET", f"{place}/events")

    assert (started.status, started.headers["location"]) == (202, place)
    assert events.headers["content-type"].startswith("text/event-stream")
    *before, last = events.body.decode().strip().split("\n\n")
    assert all(event.startswith("event: progress\ndata: {") for event in before)
    assert last.startswith("event: end\ndata: ")
    assert json.loads(last.partition("data: ")[2])["state"] == "done"
    answer = service.ask("GET", place)
    assert answer.status == 200
    assert len(answer.json["words"]) == 7
    assert answer.json["recording_id"] in place
    again = service.ask("PUT", f"{place}/words", b"{}")
    assert (again.status, again.code) == (409, "has_begun")
    assert service.ask("DELETE", place).status == 204
    assert service.ask("GET", place).code == "no_such_prediction"


def test_an_answer_that_was_sent_is_kept_nowhere(service, audio):
    begun = post(service, audio / "p001-v1.wav", "?words=later")
    place = begun.headers["location"]
    words = (audio / "p001-v1.words.json").read_bytes()

    assert service.ask("PUT", f"{place}/words?wait=60", words).status == 200

    assert service.ask("GET", place).status == 404
    assert service.files() == []
    (worker,) = service.folder.glob("*/worker-*")
    assert {path.name for path in worker.iterdir()} <= {"files"}


def test_typed_words_are_spread(service, audio):
    words = json.dumps({"words": [{"text": f"word{i}"} for i in range(7)]}).encode()

    refused = predict(service, audio / "p001-v1.wav", words)
    answer = predict(service, audio / "p001-v1.wav", words, "&untimed_words=spread")

    assert (refused.status, refused.code) == (422, "words_unusable")
    assert answer.json["quality"]["words_spread_evenly"] == 7


def test_other_formats_are_named(service, audio):
    one = "{n}\n00:00:0{n},000 --> 00:00:0{n},500\nword word word\n\n"
    srt = "".join(one.format(n=number) for number in (1, 2, 3))

    answer = predict(service, audio / "p001-v1.wav", srt.encode(), "&untimed_words=spread", "srt")

    assert answer.status == 200
    assert len(answer.json["words"]) == 9


def test_to_abstain_is_an_answer(service, audio):
    words = json.dumps({"words": [{"text": "a", "start_s": 0.1, "end_s": 0.3}]}).encode()

    answer = predict(service, audio / "p001-v1.wav", words)

    assert answer.status == 200
    assert answer.json["decision"] == "abstain"
    assert any("too" in reason and "short" in reason for reason in answer.json["reasons"])


def wav_of(samples, rate_hz=16_000, subtype="PCM_16", tmp=None):
    soundfile.write(tmp / "made.wav", samples, rate_hz, subtype=subtype)
    return (tmp / "made.wav").read_bytes()


def noise(seconds, rate_hz=16_000):
    return 0.1 * np.random.default_rng(1).standard_normal(round(seconds * rate_hz))


def spoilt(kind, tmp):
    """A recording that cannot be used."""
    if kind == "truncated":
        return wav_of(noise(2), tmp=tmp)[:40_000]
    if kind == "truncated_flac":
        soundfile.write(tmp / "made.flac", noise(3), 16_000)
        return (tmp / "made.flac").read_bytes()[:30_000]
    if kind == "nan":
        return wav_of(np.where(np.arange(32_000) == 7, np.nan, noise(2)), subtype="FLOAT", tmp=tmp)
    if kind == "short":
        return wav_of(noise(0.5), tmp=tmp)
    if kind == "slow_rate":
        return wav_of(noise(2, 6_000), 6_000, tmp=tmp)
    if kind == "header_only":
        return wav_of(noise(2), tmp=tmp)[:44]
    if kind == "huge_rate":
        content = bytearray(wav_of(noise(2), tmp=tmp))
        content[24:28] = struct.pack("<I", 2_147_483_647)
        return bytes(content)
    raise AssertionError(kind)


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("truncated", "audio_truncated"),
        ("truncated_flac", "audio_truncated"),
        ("nan", "audio_not_finite"),
        ("short", "audio_too_short"),
        ("slow_rate", "audio_sample_rate"),
        ("header_only", "audio_"),
        ("huge_rate", "audio_"),
    ],
)
def test_audio_that_cannot_be_used_is_refused_with_a_code(service, tmp_path, kind, code):
    words = json.dumps({"words": [{"text": "a", "start_s": 0.1, "end_s": 0.3}]}).encode()

    refused = predict(service, spoilt(kind, tmp_path), words)

    assert refused.status == 422
    assert refused.code.startswith(code)
    assert str(service.folder) not in refused.body.decode()
    assert "/" not in refused.json["error"]["message"].replace("MP3", "")


@pytest.mark.parametrize("content", [b"{", b"\xff\xfe\x00", b'{"words": [{"text": "secret"}]}'])
def test_words_that_cannot_be_used_are_refused_with_a_code(service, audio, content):
    refused = predict(service, audio / "p001-v1.wav", content)

    assert (refused.status, refused.code) == (422, "words_unusable")
    assert str(service.folder) not in refused.body.decode()
    assert "secret" not in refused.body.decode()


def test_a_model_that_finds_no_words_says_how_to_send_them(service, audio):
    refused = post(service, audio / "p001-v1.wav", "?wait=60")

    assert (refused.status, refused.code) == (422, "words_missing")
    assert "words=later" in refused.json["error"]["message"]


@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        (b"MZ" + bytes(100), {}, 415, "not_audio"),
        (b"<svg onload=alert(1)>" * 9, {"Content_Type": "audio/wav"}, 415, "not_audio"),
        (b"RIFF", {}, 415, "not_audio"),
        (b"RIFFxxxxWAVE" + bytes(99), {"Content_Type": "multipart/form-data"}, 415, "not_audio"),
        (b"", {}, 400, "empty_body"),
        (b"RIFFxxxxWAVE" + bytes(400_000), {}, 413, "too_large"),
        (iter([b"RIFFxxxxWAVE", bytes(400_000)]), {}, 413, "too_large"),
    ],
)
def test_bodies_that_are_refused_unread(service, body, headers, status, code):
    refused = service.ask("POST", POST, body, **headers)

    assert (refused.status, refused.code) == (status, code)
    assert service.files() == []


@pytest.mark.parametrize("length", ["400001", "99999999999999999999", "-1", "1e3", "5, 6"])
def test_a_stated_length_is_believed_only_if_it_is_too_large(service, length):
    head = f"POST {POST} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n"

    with raw(service.port, head.encode()) as connection:
        status = connection.recv(1 << 16).split()[1]

    assert status in (b"413", b"400")
    until(lambda: service.files() == [])


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nothing", 404, "no_such_path"),
        ("GET", "/v1/predictions/abc", 404, "no_such_prediction"),
        ("DELETE", "/v1/predictions/abc", 404, "no_such_prediction"),
        ("PUT", "/v1/predictions/abc/words", 404, "no_such_prediction"),
        ("GET", "/v1/predictions/abc/events", 404, "no_such_prediction"),
        ("GET", "/docs", 404, "no_such_path"),
        ("GET", "/v1/predictions/", 404, "no_such_path"),
        ("PATCH", "/v1/predictions", 405, "wrong_method"),
        ("POST", "/healthz", 405, "wrong_method"),
        ("OPTIONS", "/v1/predictions", 405, "wrong_method"),
        ("POST", "/v1/predictions?wait=soon", 422, "invalid_parameter"),
        ("POST", "/v1/predictions?wait=1e9", 422, "invalid_parameter"),
        ("POST", "/v1/predictions?wait=nan", 422, "invalid_parameter"),
        ("POST", "/v1/predictions?without=both", 422, "invalid_parameter"),
    ],
)
def test_every_wrong_request_is_told_so_in_json(service, method, path, status, code):
    refused = service.ask(method, path)

    assert (refused.status, refused.code) == (status, code)
    assert refused.json["error"]["request_id"] == refused.headers["x-request-id"]


@pytest.mark.parametrize("path", ["/", "/healthz", "/readyz", "/v1/model", "/nothing", "/v1/x"])
def test_every_reply_carries_the_headers(service, path):
    reply = service.ask("GET", path)

    assert {name: reply.headers[name] for name in HEADERS} == HEADERS
    assert "access-control-allow-origin" not in reply.headers
    assert "server" not in reply.headers


def test_the_api_describes_itself(service):
    description = service.ask("GET", "/openapi.json").json

    assert set(description["paths"]) == {
        "/healthz",
        "/readyz",
        "/v1/model",
        POST,
        f"{POST}/{{job_id}}",
        f"{POST}/{{job_id}}/words",
        f"{POST}/{{job_id}}/events",
    }
    statuses = set(description["paths"][POST]["post"]["responses"])
    assert {"200", "401", "408", "413", "415", "422", "429", "500", "503", "504"} <= statuses
    assert description["info"]["description"] == RESEARCH_STATEMENT


def test_the_model_is_described(service):
    facts = service.ask("GET", "/v1/model").json

    assert facts["classes"] == ["well", "ill"]
    assert facts["use"] == RESEARCH_STATEMENT
    assert facts["limits"] == {"body_bytes": 400_000, "shortest_s": 1.0, "longest_s": 600.0}

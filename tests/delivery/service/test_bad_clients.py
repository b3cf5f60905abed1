"""Clients that are slow, gone, too many, or hostile; and a worker that dies."""

import itertools
import json
import os
import re
import signal
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from cogspeech.delivery.service.uploads import PREFIX, PrivateFolder
from service_lab import Running, all_of, raw, until, worker_of

POST = "/v1/predictions"
HEAD = f"POST {POST}?wait=60 HTTP/1.1\r\nHost: localhost\r\n"
TRAVERSALS = [
    "/static/../app.py",
    "/static/..%2f..%2fapp.py",
    "/static/%2e%2e/%2e%2e/app.py",
    "/static/%252e%252e%252fapp.py",
    "/static/..%5c..%5capp.py",
    "/static//etc/passwd",
    "/static/%00index.html",
    "/static/index.html%00.js",
    "/static/%c0%ae%c0%ae/app.py",
    "/static/\u2025/app.py".encode().decode("latin-1"),
    "//etc/passwd",
    "/etc/passwd",
    "/%2fetc%2fpasswd",
    f"{POST}/..%2f..%2flock",
    f"{POST}/%2e%2e",
    f"{POST}/..",
    f"{POST}/C:%5cwindows",
    f"{POST}/%5c%5chost%5cshare",
    f"{POST}/~root",
    f"{POST}/file:%2f%2f%2fetc%2fpasswd",
    f"{POST}/" + "a" * 4000,
]
UPWARDS = ["..", "%2e%2e", ".%2e", "%252e%252e", "%c0%ae%c0%ae", "..;", "....", "%00.."]
SEPARATORS = ["/", "%2f", "%5c", "%252f", "//"]
TARGETS = ["app.py", "etc%2fpasswd", "proc%2fself%2fenviron"]
COMPOSED = [
    base + separator.join([up] * depth + [target])
    for base in ("/static/", "/", f"{POST}/")
    for up, separator, target in itertools.product(UPWARDS, SEPARATORS, TARGETS)
    for depth in (1, 8)
]
HOSTILE = ["<img src=x onerror=alert(1)>", '"><script>alert(1)</script>', "javascript:alert(1)"]


@pytest.mark.parametrize("path", TRAVERSALS)
def test_no_path_leads_out(service, path):
    with raw(service.port, f"GET {path} HTTP/1.1\r\nHost: localhost\r\n".encode()) as connection:
        connection.sendall(b"Connection: close\r\n\r\n")
        reply = all_of(connection)

    assert reply.split()[1] in (b"400", b"404", b"405")
    assert b"root:" not in reply


def test_no_composed_path_leads_out_either(service):
    assert len(COMPOSED) >= 500
    for path in COMPOSED:
        reply = service.ask("GET", path)

        assert reply.status in (400, 404, 405), path
        assert reply.headers["content-type"] == "application/json"
        assert not re.search(rb"import |root:|PATH=", reply.body)


@pytest.mark.parametrize("text", HOSTILE)
def test_what_a_client_sends_never_comes_back(service, text):
    quoted = "".join(f"%{ord(letter):02x}" for letter in text)
    replies = [
        service.ask("GET", f"/{quoted}"),
        service.ask("GET", f"{POST}/{quoted}"),
        service.ask("POST", f"{POST}?without={quoted}"),
        service.ask("POST", f"{POST}?{quoted}=1", b"x", Content_Type=text),
        service.ask("GET", "/v1/model", Origin=text),
        service.ask("GET", "/healthz", X_Request_Id=text),
    ]

    for reply in replies:
        assert text.encode() not in reply.body
        assert text not in str(reply.headers)
        assert reply.headers["content-type"] == "application/json"
        assert reply.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"Host": "evil.example"}, "wrong_host"),
        ({"Host": "localhost.evil.example:8000"}, "wrong_host"),
        ({"Host": "["}, "wrong_host"),
        ({"Origin": "http://evil.example"}, "foreign_origin"),
        ({"Origin": "null"}, "foreign_origin"),
        ({"Sec-Fetch-Site": "cross-site"}, "foreign_origin"),
        ({"Sec-Fetch-Site": "same-site"}, "foreign_origin"),
    ],
)
def test_pages_of_others_reach_nothing(service, headers, code):
    refused = service.ask("GET", "/v1/model", **headers)

    assert refused.status in (400, 403)
    assert refused.code == code


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:9000", "[::1]:8000", "LOCALHOST"])
def test_every_name_of_this_machine_will_do(service, host):
    assert service.ask("GET", "/v1/model", Host=host, Origin=f"http://{host}").status == 200


@pytest.mark.slow
@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"POST /v1/pred",
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: ",
        HEAD.encode() + b"Content-Length: 1000\r\n\r\nRIFFxxxxWAVE",
        HEAD.encode() + b"Transfer-Encoding: chunked\r\n\r\n4\r\nRIFF\r\n",
    ],
    ids=["silent", "begun", "headers", "body", "chunks"],
)
def test_who_never_ends_is_ended(impatient, sent):
    reply = all_of(raw(impatient.port, sent))

    assert b" 408 " in reply
    assert b'"too_slow"' in reply
    until(lambda: impatient.files() == [])


def test_a_second_request_that_never_ends_is_ended_as_the_first(impatient):
    connection = raw(impatient.port, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert b" 200 " in connection.recv(1 << 16)
    connection.sendall(b"GET /healthz HTTP/1.1\r\nX")

    assert b" 408 " in all_of(connection)


def test_a_trickle_is_not_enough(impatient):
    with raw(
        impatient.port, HEAD.encode() + b"Content-Length: 99999\r\n\r\nRIFFxxxxWAVE"
    ) as client:
        client.setblocking(False)
        reply = b""
        while not reply:
            try:
                client.send(b"x")
                reply = client.recv(1 << 16)
            except BlockingIOError:
                time.sleep(0.05)

    assert b" 408 " in reply


def test_who_is_slow_takes_nobodys_place(service, audio):
    head = HEAD.encode() + b"Content-Length: 99999\r\n\r\nRIFFxxxxWAVE"
    slow = [raw(service.port, head) for _ in range(40)]  # more than may wait for words
    begun = service.ask("POST", f"{POST}?words=later", (audio / "p001-v1.wav").read_bytes())

    assert begun.status == 202
    assert service.ask("DELETE", begun.headers["location"]).status == 204
    for connection in slow:
        connection.close()


@pytest.mark.parametrize("sent", [b"\x16\x03\x01\x02\x00", b"GET\r\n\r\n", b"A" * 200_000])
def test_what_is_no_http_is_told_so(service, sent):
    reply = all_of(raw(service.port, sent))

    assert reply.startswith(b"HTTP/1.1 400 ")
    assert b'"no_http"' in reply


def test_a_refusal_is_read_by_who_is_still_sending(service):
    refused = service.ask("POST", POST, iter([b"RIFFxxxxWAVE", bytes(3_000_000)]))

    assert (refused.status, refused.code) == (413, "too_large")


def begin(service, audio, number=1):
    """A job with everything it needs; returns its place."""
    wav, words = audio / f"p00{number}-v1.wav", audio / f"p00{number}-v1.words.json"
    begun = service.ask("POST", f"{POST}?words=later", wav.read_bytes())
    place = begun.headers["location"]
    assert service.ask("PUT", f"{place}/words", words.read_bytes()).status == 202
    return place


def state(service, place):
    return service.ask("GET", place).json.get("state")


def over(service, place):
    """The outcome, once there is one."""
    return until(lambda: (r := service.ask("GET", place)).status != 202 and r)


def test_a_full_queue_says_so_and_loses_nobody(service, audio):
    with service.worker_asleep():
        first = begin(service, audio)
        until(lambda: state(service, first) == "running")
        others = [begin(service, audio, number) for number in (2, 3)]

        refused = service.ask("POST", POST, b"RIFF")
        positions = [service.ask("GET", place).json["position"] for place in (first, *others)]

        assert (refused.status, refused.code) == (503, "queue_full")
        assert int(refused.headers["retry-after"]) > 0
        assert positions == [0, 1, 2]
        assert service.ask("GET", "/healthz").status == 200
    assert [over(service, place).status for place in (first, *others)] == [200, 200, 200]


def test_words_that_find_no_room_may_be_sent_again(service, audio):
    wav, words = audio / "p001-v1.wav", (audio / "p001-v1.words.json").read_bytes()
    with service.worker_asleep():
        first = begin(service, audio)
        until(lambda: state(service, first) == "running")
        begun = service.ask("POST", f"{POST}?words=later", wav.read_bytes())
        place = begun.headers["location"]
        others = [begin(service, audio, number) for number in (2, 3)]

        refused = service.ask("PUT", f"{place}/words", words)

        assert (refused.status, refused.code) == (503, "queue_full")
    assert [over(service, each).status for each in (first, *others)] == [200, 200, 200]

    assert service.ask("PUT", f"{place}/words?wait=60", words).status == 200


@pytest.mark.parametrize("key", ["language", "source"])
def test_half_a_letter_in_what_a_file_says_of_itself_harms_nobody(service, audio, key):
    wav, words = audio / "p001-v1.wav", json.loads((audio / "p001-v1.words.json").read_text())
    before = service.worker
    place = service.ask("POST", f"{POST}?words=later", wav.read_bytes()).headers["location"]

    sent = json.dumps(words | {key: "en\ud800"}).encode()
    answer = service.ask("PUT", f"{place}/words?wait=60", sent)

    assert answer.status == 200
    assert service.worker == before


@pytest.mark.slow
def test_a_killed_worker_costs_one_request_and_nothing_is_left(service, audio):
    with service.worker_asleep() as before:
        first = begin(service, audio)
        until(lambda: state(service, first) == "running")
        second = begin(service, audio, 2)
        os.kill(before, signal.SIGKILL)

    lost, kept = over(service, first), over(service, second)

    assert (lost.status, lost.code) == (500, "worker_died")
    assert kept.status == 200
    assert service.worker != before
    assert service.files() == []


@pytest.mark.slow
def test_a_client_that_goes_ends_its_job(service, audio):
    wav = (audio / "p001-v1.wav").read_bytes()
    with service.worker_asleep() as before:
        client = raw(service.port, f"{HEAD}Content-Length: {len(wav)}\r\n\r\n".encode() + wav)
        until(lambda: service.is_working)
        client.close()
        until(lambda: service.files() == [])
        until(lambda: worker_of(service.bundle, uploads=service.folder) != before)
    until(lambda: service.ask("GET", "/readyz").status == 200)


@pytest.mark.slow
def test_a_deleted_job_ends_whether_it_waits_or_runs(service, audio):
    with service.worker_asleep():
        first, second = begin(service, audio), begin(service, audio, 2)
        until(lambda: state(service, first) == "running")
        followed = []
        follower = threading.Thread(
            target=lambda: followed.append(service.ask("GET", f"{second}/events").body)
        )
        follower.start()
        until(lambda: follower.is_alive())

        assert service.ask("DELETE", second).status == 204
        assert service.ask("DELETE", first).status == 204
    follower.join(30)
    assert service.files() == []
    assert b'"failed"' in followed[0] or b"no_such_prediction" in followed[0]
    until(lambda: service.ask("GET", "/readyz").status == 200)


def test_malformed_uploads_are_never_an_error_of_ours(service, audio, tmp_path):
    generator = np.random.default_rng(5)
    samples, rate_hz = soundfile.read(audio / "p001-v1.wav")
    whole = []
    for ending in ("wav", "flac", "ogg", "mp3", "aiff"):
        soundfile.write(tmp_path / f"a.{ending}", samples, rate_hz)
        whole.append((tmp_path / f"a.{ending}").read_bytes())
    words = (audio / "p001-v1.words.json").read_bytes()
    statuses = []
    for number in range(60):
        content = bytearray(whole[number % len(whole)])
        for _ in range(generator.integers(1, 30)):
            content[generator.integers(0, min(len(content), 400))] = generator.integers(0, 256)
        begun = service.ask("POST", f"{POST}?words=later", bytes(content))
        statuses.append(begun.status)
        if begun.status == 202:
            place = begun.headers["location"]
            statuses.append(service.ask("PUT", f"{place}/words?wait=60", words).status)

    assert set(statuses) <= {200, 202, 415, 422}
    assert service.files() == []


# Services of their own --------------------------------------------------------------------------


def test_tokens(bundle, tmp_path, audio):
    keys = ("a" * 20, "b" * 20)
    service = Running(bundle, tmp_path, tokens=keys, requests_per_min=2, failures_per_min=3)
    try:
        mine, other = ({"Authorization": f"Bearer {key}"} for key in keys)
        wav = (audio / "p001-v1.wav").read_bytes()
        place = service.ask("POST", f"{POST}?words=later", wav, **mine).headers["location"]

        assert service.ask("GET", "/").status == service.ask("GET", "/healthz").status == 200
        assert service.ask("GET", place, **mine).status == 202
        assert service.ask("GET", place, **other).code == "no_such_prediction"
        assert service.ask("POST", f"{POST}?words=later", wav, **mine).status == 202
        refused = service.ask("POST", f"{POST}?words=later", wav, **mine)
        assert (refused.status, refused.code) == (429, "too_many_requests")
        assert service.ask("POST", f"{POST}?words=later", wav, **other).status == 202

        for wrong in ({}, {"Authorization": "Bearer "}, {"Authorization": f"Basic {keys[0]}"}):
            refused = service.ask("GET", place, **wrong)
            assert (refused.status, refused.code) == (401, "no_access")
            assert refused.headers["www-authenticate"] == "Bearer"
        refused = service.ask("GET", place, **mine)
        assert (refused.status, refused.code) == (429, "too_many_failures")
        assert int(refused.headers["retry-after"]) > 0
    finally:
        service.stop()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_job_that_takes_too_long_is_ended(bundle, tmp_path, audio):
    service = Running(bundle, tmp_path, job_s=1.0, stop_s=1.0).wait_until_loaded()
    try:
        with service.worker_asleep():
            first = begin(service, audio)
            refused = over(service, first)
            assert (refused.status, refused.code) == (504, "too_long")
        until(lambda: service.ask("GET", "/readyz").status == 200)

        with service.worker_asleep():  # and at the end, who waits is told
            second = begin(service, audio)
            until(lambda: state(service, second) == "running")
            asks = f"GET {second}/events HTTP/1.1\r\nHost: localhost\r\n\r\n"
            with raw(service.port, asks.encode()) as follower:
                heard = follower.recv(1 << 16)
                service.stop()
                heard += all_of(follower)
    finally:
        service.stop()
    assert b"event: end" in heard
    assert list(tmp_path.iterdir()) == []


def test_a_worker_that_grows_too_large_never_stays(bundle, tmp_path):
    service = Running(bundle, tmp_path, worker_bytes=10_000_000)

    service.join()

    assert "ends before it has loaded the model" in str(service.problem)
    assert list(tmp_path.iterdir()) == []


def test_the_janitor_passes_over_what_is_gone_meanwhile(tmp_path, monkeypatch):
    monkeypatch.setattr(Path, "glob", lambda *_: [tmp_path / f"{PREFIX}gone"])

    PrivateFolder(tmp_path).close()

    assert list(tmp_path.iterdir()) == []


def test_the_janitor_removes_what_the_killed_left_and_nothing_else(tmp_path):
    living = PrivateFolder(tmp_path)
    dead = tmp_path / f"{PREFIX}dead"
    (dead / "upload").mkdir(parents=True)
    (dead / "lock").touch()
    (tmp_path / "cogspeech-other").mkdir()
    (tmp_path / f"{PREFIX}link").symlink_to(tmp_path / "cogspeech-other")

    second = PrivateFolder(tmp_path)

    assert not dead.exists()
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {living.path.name, second.path.name, "cogspeech-other", f"{PREFIX}link"}
    for folder in (living, second):
        assert folder.path.stat().st_mode & 0o777 == 0o700
        folder.close()

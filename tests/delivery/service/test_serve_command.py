"""The program itself: what it refuses, how it starts, how it ends."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from cogspeech.delivery.cli import main
from service_lab import ask, until, worker_of


def refused(capsys, *arguments):
    assert main(["serve", *map(str, arguments)]) == 2
    message = capsys.readouterr().err
    assert message.startswith("error: ")
    assert message.count("\n") == 1
    return message


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::", "example.org"])
def test_other_machines_need_a_token(bundle, capsys, monkeypatch, host):
    monkeypatch.delenv("COGSPEECH_TOKEN", raising=False)

    assert "a token is needed" in refused(capsys, bundle, "--host", host)


def test_a_token_that_can_be_guessed_is_refused(bundle, capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("COGSPEECH_TOKEN", "secret")
    message = refused(capsys, bundle)
    assert "needs 16 characters or more" in message
    assert "secret" not in message

    (tmp_path / "tokens").write_text("\n")
    assert "holds no token" in refused(capsys, bundle, "--token-file", tmp_path / "tokens")
    (tmp_path / "tokens").write_bytes(b"\xff\xfe")
    assert "a token needs" in refused(capsys, bundle, "--token-file", tmp_path / "tokens")


def test_a_bundle_that_is_none_is_refused(tmp_path, capsys):
    assert "no bundle.json" in refused(capsys, tmp_path)


def test_a_damaged_bundle_ends_the_service(bundle, tmp_path, capsys, monkeypatch):
    monkeypatch.delenv("COGSPEECH_TOKEN", raising=False)
    (tmp_path / "bundle.json").write_text("{}")

    assert "bundle.json" in refused(capsys, tmp_path, "--port", 0, "--quiet")


def test_a_port_that_is_taken_is_refused(bundle, capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        message = refused(capsys, bundle, "--port", taken.getsockname()[1])

    assert "cannot listen on 127.0.0.1" in message


def started(bundle, folder):
    environment = os.environ | {"TMPDIR": str(folder)}
    command = [sys.executable, "-m", "cogspeech", "serve", str(bundle), "--port", "0"]
    program = subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    url = program.stdout.readline().strip()
    assert program.stdout.readline().startswith("Research only.")
    return program, int(url.rpartition(":")[2])


def test_killed_or_ended_it_leaves_no_worker_and_no_file(bundle, tmp_path):
    killed, port = started(bundle, tmp_path)
    worker = until(lambda: worker_of(bundle, killed.pid))
    assert ask(port, "GET", "/readyz").status == 503
    killed.kill()
    killed.communicate()
    until(lambda: not Path(f"/proc/{worker}").exists())
    assert list(tmp_path.iterdir()) != []

    ended, port = started(bundle, tmp_path)
    until(lambda: ask(port, "GET", "/healthz").status == 200)
    assert len(list(tmp_path.iterdir())) == 1
    ended.send_signal(signal.SIGTERM)
    out, err = ended.communicate(timeout=60)

    assert ended.returncode == 143
    assert list(tmp_path.iterdir()) == []
    assert out == ""
    assert "Traceback" not in err
    assert err.endswith("terminated\n")


def test_the_service_itself_knows_no_torch():
    check = "import sys, cogspeech.delivery.service.command; sys.exit('torch' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0

"""The few routes of the hub that a bundle needs, over real HTTP on this machine."""

import base64
import hashlib
import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

NAME = "lab/model"


class Hub:
    """One repository: its commits, and every request that was made."""

    def __init__(self, files=None):
        self.commits = []
        self.requests = []
        self.created = None
        if files is not None:
            self.commit(files)

    def commit(self, files):
        before = self.commits[-1][1] if self.commits else {}
        digest = hashlib.sha1(repr(sorted(files)).encode() + bytes([len(self.commits)]))
        self.commits.append((digest.hexdigest(), {**before, **files}))
        return self.commits[-1][0]

    def at(self, revision):
        known = {sha: (sha, files) for sha, files in self.commits}
        if self.commits:
            known["main"] = self.commits[-1]
        return known.get(revision)


class _Routes(BaseHTTPRequestHandler):
    hub: Hub

    def log_message(self, *_):
        pass

    def _json(self, content, status=200):
        self._send(json.dumps(content).encode(), status, {"Content-Type": "application/json"})

    def _send(self, content, status=200, headers=None):
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def _missing(self, code):
        self._send(b"{}", 404, {"X-Error-Code": code})

    def do_GET(self):
        path = self.path.partition("?")[0]
        self.hub.requests.append(f"{self.command} {path}")
        if path.startswith(f"/api/models/{NAME}/"):
            kind, _, revision = path.removeprefix(f"/api/models/{NAME}/").partition("/")
            return self._about(kind, revision)
        if path.startswith(f"/{NAME}/resolve/"):
            revision, _, name = path.removeprefix(f"/{NAME}/resolve/").partition("/")
            return self._file(revision, name)
        return self._missing("RepoNotFound")

    def do_HEAD(self):
        self.do_GET()

    def _about(self, kind, revision):
        found = self.hub.at(revision)
        if found is None:
            return self._missing("RevisionNotFound")
        sha, files = found
        if kind == "revision":
            return self._json({"id": NAME, "sha": sha, "siblings": []})
        oids = {name: hashlib.sha1(content).hexdigest() for name, content in files.items()}
        return self._json(
            [
                {"type": "file", "path": name, "size": len(content), "oid": oids[name]}
                for name, content in files.items()
            ]
        )

    def _file(self, revision, name):
        found = self.hub.at(revision)
        if found is None or name not in found[1]:
            return self._missing("EntryNotFound")
        content = found[1][name]
        etag = hashlib.sha1(content).hexdigest()
        return self._send(content, 200, {"ETag": f'"{etag}"', "X-Repo-Commit": found[0]})

    def do_POST(self):
        self.hub.requests.append(f"POST {self.path}")
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == "/api/repos/create":
            self.hub.created = json.loads(body)
            return self._json({"url": f"http://{self.headers['Host']}/{NAME}", "name": NAME})
        if self.path.endswith("/preupload/main"):
            asked = json.loads(body)["files"]
            modes = [
                {"path": f["path"], "uploadMode": "regular", "shouldIgnore": False} for f in asked
            ]
            return self._json({"files": modes})
        if self.path.endswith("/commit/main"):
            lines = [json.loads(line) for line in body.splitlines()]
            files = {
                line["value"]["path"]: base64.b64decode(line["value"]["content"])
                for line in lines
                if line["key"] == "file"
            }
            sha = self.hub.commit(files)
            where = f"http://{self.headers['Host']}/{NAME}/commit/{sha}"
            return self._json({"commitUrl": where, "commitOid": sha})
        return self._json({"errors": [], "warnings": []})


@contextmanager
def serving(hub):
    """The address of a hub."""
    handler = type("Routes", (_Routes,), {"hub": hub})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

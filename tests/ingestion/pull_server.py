"""Servers for the tests of pulls: a judging HTTP server and a real PostgreSQL."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

PROGRAMS = ("initdb", "postgres", "pg_isready")
POSTGRES_FOLDERS = ("/usr/lib/postgresql/*/bin", "/usr/local/pgsql/bin", "/opt/homebrew/bin")


@dataclass(frozen=True)
class Call:
    """One request as it came."""

    method: str
    path: str
    query: Mapping[str, str]
    body: Any
    token: str


@dataclass(frozen=True)
class Answer:
    """What the server says; a cut answer breaks off in its middle."""

    body: Any = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: bool = False


@dataclass
class Api:
    """A server on this machine that hands each request to a judge."""

    judge: Callable[[Call], Answer]
    calls: list[Call] = field(default_factory=list)
    upset: list[Answer] = field(default_factory=list)
    verdicts: list[str] = field(default_factory=list)
    url: str = ""

    def answer(self, call: Call) -> Answer:
        """What was prepared to upset the client comes first."""
        self.calls.append(call)
        try:
            return self.upset.pop(0) if self.upset else self.judge(call)
        except AssertionError as wrong:  # told where the test sees it, see serving()
            self.verdicts.append(f"{call.method} {call.path}: {wrong}")
            return Answer(status=418)


@contextmanager
def serving(judge: Callable[[Call], Answer]) -> Iterator[Api]:
    api = Api(judge)

    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            size = int(self.headers.get("Content-Length") or 0)
            text = self.rfile.read(size).decode()
            parts = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            is_json = "json" in self.headers.get("Content-Type", "")
            form = {name: values[0] for name, values in parse_qs(text).items()}
            body = json.loads(text) if is_json and text else form
            token = self.headers.get("Authorization", "")
            self._send(api.answer(Call(self.command, parts.path, query, body, token)))

        def _send(self, answer: Answer) -> None:
            content = json.dumps(answer.body).encode()
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content[: len(content) // 2] if answer.cut else content)

        do_GET = do_POST = _serve  # noqa: N815 - names of http.server

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    api.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield api
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert api.verdicts == []


def postgres_folder() -> Path:
    """Where PostgreSQL's programs are; in CI their absence is a failure, not a skip."""
    on_path = shutil.which("initdb")
    found = [Path(on_path).parent] if on_path else []
    for pattern in POSTGRES_FOLDERS:
        found += sorted(Path("/").glob(pattern[1:]))
    whole = [path for path in found if all((path / name).exists() for name in PROGRAMS)]
    if whole:
        return whole[-1]
    if os.environ.get("CI"):
        pytest.fail("PostgreSQL must be there in CI: .ci/run installs it")
    pytest.skip("PostgreSQL is not installed: apt-get install postgresql")


@contextmanager
def serving_postgres(folder: Path) -> Iterator[str]:
    """Start a PostgreSQL of our own; yields its URL."""
    programs, data = postgres_folder(), folder / "data"
    prefix = _unprivileged(folder)
    port = _free_port()
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.STDOUT, "cwd": str(folder)}
    initdb = [str(programs / "initdb"), "-D", str(data), "-U", "candor", "-A", "trust", "-N"]
    subprocess.run([*prefix, *initdb, "-E", "UTF8", "--locale=C"], check=True, **quiet)
    settings = (
        "fsync=off",
        "listen_addresses=127.0.0.1",
        "unix_socket_directories=",
        f"port={port}",
    )
    options = [part for setting in settings for part in ("-c", setting)]
    server = subprocess.Popen(
        [*prefix, str(programs / "postgres"), "-D", str(data), *options], **quiet
    )
    try:
        ready = [str(programs / "pg_isready"), "-h", "127.0.0.1", "-p", str(port), "-t", "20"]
        while subprocess.run(ready, check=False, **quiet).returncode:
            assert server.poll() is None, "PostgreSQL did not start"
        yield f"postgresql://candor:secret-word@127.0.0.1:{port}/postgres"
    finally:
        server.send_signal(signal.SIGINT)  # ends connections that are open
        server.wait(30)


def _unprivileged(folder: Path) -> list[str]:
    """PostgreSQL refuses to run as root: the command that lets nobody run it instead."""
    if os.geteuid() != 0:
        return []
    nobody = 65534
    for path in (folder, *folder.parents[:3]):
        if path.name.startswith("pytest"):
            path.chmod(0o755)
    os.chown(folder, nobody, nobody)
    return ["setpriv", f"--reuid={nobody}", f"--regid={nobody}", "--clear-groups"]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

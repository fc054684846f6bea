"""A web server on this machine that takes batches and answers as a test says."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Taken:
    """One request as it arrived; the names of its headers are in lower case."""

    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """What to answer."""

    status: int = 200
    body: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


class Receiver:
    """Keeps every request; answers in the order of ``answers``, then 200.

    ``members`` is what a well-behaved receiver holds: it acts once on each ``webhook-id``. One
    that knows no keys acts on whatever comes. ``before`` and ``after`` run around the answer to
    each request.
    """

    def __init__(self, *, knows_keys: bool = True, port: int = 0) -> None:
        self.knows_keys = knows_keys
        self.requests: list[Taken] = []
        self.answers: list[Answer] = []
        self.members: dict[str, Mapping[str, Any]] = {}
        self.effects: list[tuple[str, str]] = []
        self.before: Callable[[], None] = lambda: None
        self.after: Callable[[], None] = lambda: None
        self._server = ThreadingHTTPServer(("127.0.0.1", port), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def port(self) -> int:
        """Where it listens; a sync takes another port for another place."""
        return int(self._server.server_port)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/hook"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def take(self, request: Taken) -> Answer:
        is_known = request.headers["webhook-id"] in {r.headers["webhook-id"] for r in self.requests}
        self.requests.append(request)
        answer = self.answers.pop(0) if self.answers else Answer()
        if answer.status == 200 and not (is_known and self.knows_keys):
            for row in json.loads(request.body)["rows"]:
                self._act(row)
        return answer

    def _act(self, row: Mapping[str, Any]) -> None:
        self.effects.append((row["id"], row["operation"]))
        if row["operation"] in {"remove", "erase"}:
            self.members.pop(row["id"], None)
        else:
            self.members[row["id"]] = row


def _handler(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            size = int(self.headers["Content-Length"])
            body = self.rfile.read(size)
            if len(body) < size:  # whoever sent it is gone
                return
            taken = Taken({k.lower(): v for k, v in self.headers.items()}, body)
            answer = receiver.take(taken)
            receiver.before()
            written = json.dumps(answer.body or {}).encode()
            self.send_response(answer.status)
            for name, value in {"Content-Type": "application/json", **answer.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(written)))
            self.end_headers()
            self.wfile.write(written)
            self.wfile.flush()
            receiver.after()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base's name
            """Say nothing."""

    return Handler

"""Servers of our own on this machine: a bucket by moto, an SFTP server by paramiko, a Redis from Debian."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import boto3
import httpx
import paramiko
import pytest
import redis
from moto.server import ThreadedMotoServer

PASSWORD = "secret-word"
KEYS = {"ACCESS_KEY": "secret-id", "SECRET_KEY": PASSWORD}


@contextmanager
def serving_s3() -> Iterator[str]:
    """Start a service with the bucket ``out``; yields its address."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        url = f"http://{host}:{port}"
        bucket_client(url).create_bucket(Bucket="out")
        yield url
        httpx.post(f"{url}/moto-api/reset")  # its buckets would outlive it in this process
    finally:
        server.stop()


def bucket_client(url: str) -> object:
    """A client that looks at the service from the other side."""
    return boto3.client(
        "s3", endpoint_url=url, region_name="us-east-1",
        aws_access_key_id="test", aws_secret_access_key="test",
    )  # fmt: skip


@contextmanager
def serving_redis(folder: Path) -> Iterator[int]:
    """Start a Redis that asks for a password and keeps nothing on disk; yields its port."""
    program = shutil.which("redis-server")
    if program is None:
        if os.environ.get("CI"):
            pytest.fail("Redis must be there in CI: .ci/run installs it")
        pytest.skip("Redis is not installed: apt-get install redis-server")
    port = _free_port()
    options = {
        "port": port, "bind": "127.0.0.1", "requirepass": PASSWORD, "save": "",
        "appendonly": "no", "dir": folder, "logfile": folder / "log",
    }  # fmt: skip
    words = [str(part) for name, value in options.items() for part in (f"--{name}", value)]
    server = subprocess.Popen([program, *words], stdout=subprocess.DEVNULL)
    try:
        _wait_for(server, port)
        yield port
    finally:
        server.terminate()
        server.wait(timeout=30)


def _wait_for(server: subprocess.Popen[bytes], port: int) -> None:
    session = redis.Redis(port=port, password=PASSWORD)
    for _ in range(400):
        assert server.poll() is None, "Redis did not start"
        try:
            session.ping()
        except redis.exceptions.ConnectionError:
            time.sleep(0.05)
        else:
            session.close()
            return
    raise AssertionError("Redis did not answer")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Mailbox:
    """An SFTP server that serves one folder.

    Attributes:
        folder: What it serves.
        host_key: Its key.
        user_key: A key that may sign in, beside the password.
        knows_posix_rename: Whether a rename may replace a file, as OpenSSH's does.
        late_s: How long a rename that replaces ``current.csv`` is left without an answer.
        fails: Begin of the names of the files to which nothing is renamed; None: of none.
        locked: Whether nothing may be written.
        cut_after: Writes after which the connection breaks; None: never.
        sign_ins: How often somebody tried to sign in.
        port: Where it listens.
    """

    folder: Path
    host_key: paramiko.PKey
    user_key: paramiko.PKey
    knows_posix_rename: bool = True
    late_s: float = 0.0
    fails: str | None = None
    locked: bool = False
    cut_after: int | None = None
    sign_ins: int = 0
    port: int = 0
    _stopped: threading.Event = field(default_factory=threading.Event)


@contextmanager
def serving_sftp(folder: Path) -> Iterator[Mailbox]:
    """Start an SFTP server over a folder."""
    box = Mailbox(folder, paramiko.ECDSAKey.generate(), paramiko.ECDSAKey.generate())
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.1)
        box.port = listener.getsockname()[1]
        thread = threading.Thread(target=_accept, args=(box, listener), daemon=True)
        thread.start()
        try:
            yield box
        finally:
            box._stopped.set()
            thread.join()


def _accept(box: Mailbox, listener: socket.socket) -> None:
    lines: list[paramiko.Transport] = []
    while not box._stopped.is_set():
        try:
            line, _ = listener.accept()
        except TimeoutError:
            continue
        transport = paramiko.Transport(line)
        transport.add_server_key(box.host_key)
        transport.set_subsystem_handler("sftp", paramiko.SFTPServer, _files(box, transport))
        try:
            transport.start_server(server=_Door(box))
        except (paramiko.SSHException, EOFError):
            continue
        lines.append(transport)
    for transport in lines:
        transport.close()


class _Door(paramiko.ServerInterface):
    def __init__(self, box: Mailbox) -> None:
        self.box = box

    def get_allowed_auths(self, username: str) -> str:
        return "password,publickey"

    def check_auth_password(self, username: str, password: str) -> int:
        self.box.sign_ins += 1
        is_right = (username, password) == ("candor", PASSWORD)
        return paramiko.AUTH_SUCCESSFUL if is_right else paramiko.AUTH_FAILED

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        self.box.sign_ins += 1
        is_right = username == "candor" and key == self.box.user_key
        return paramiko.AUTH_SUCCESSFUL if is_right else paramiko.AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return paramiko.OPEN_SUCCEEDED


def _files(box: Mailbox, transport: paramiko.Transport) -> type[paramiko.SFTPServerInterface]:
    class Files(_Files):
        def __init__(self, server: object) -> None:
            self.box, self.transport = box, transport

    return Files


class _Handle(paramiko.SFTPHandle):
    def __init__(self, flags: int, file: BinaryIO, break_off: Callable[[], bool]) -> None:
        super().__init__(flags)
        self.readfile = self.writefile = file
        self.break_off = break_off

    def write(self, offset: int, data: bytes) -> int:
        return int(paramiko.SFTP_FAILURE if self.break_off() else super().write(offset, data))

    def stat(self) -> paramiko.SFTPAttributes:
        return paramiko.SFTPAttributes.from_stat(os.fstat(self.readfile.fileno()))


class _Files(paramiko.SFTPServerInterface):
    box: Mailbox
    transport: paramiko.Transport

    def list_folder(self, path: str) -> Any:
        def listed() -> list[paramiko.SFTPAttributes]:
            found = sorted(self._real(path).iterdir())
            return [paramiko.SFTPAttributes.from_stat(i.stat(), i.name) for i in found]

        return _told(listed)

    def stat(self, path: str) -> Any:
        return _told(lambda: paramiko.SFTPAttributes.from_stat(self._real(path).stat()))

    lstat = stat

    def open(self, path: str, flags: int, attr: object) -> Any:
        is_writing = bool(flags & (os.O_WRONLY | os.O_RDWR))
        if self.box.locked and is_writing:
            return paramiko.SFTP_PERMISSION_DENIED
        return _told(
            lambda: _Handle(
                flags,
                os.fdopen(os.open(self._real(path), flags, 0o600), "wb" if is_writing else "rb"),
                self._break_off,
            )
        )

    def remove(self, path: str) -> int:
        return self._done(self._real(path).unlink)

    def rename(self, oldpath: str, newpath: str) -> int:
        if self._real(newpath).exists() or self._fails(oldpath, newpath):
            return int(paramiko.SFTP_FAILURE)
        return self._done(lambda: self._real(oldpath).rename(self._real(newpath)))

    def posix_rename(self, oldpath: str, newpath: str) -> int:
        if not self.box.knows_posix_rename:
            return int(paramiko.SFTP_OP_UNSUPPORTED)
        if self._fails(oldpath, newpath):
            return int(paramiko.SFTP_FAILURE)
        done = self._done(lambda: self._real(oldpath).replace(self._real(newpath)))
        if self._real(newpath).name == "current.csv":
            time.sleep(self.box.late_s)
        return done

    def _fails(self, oldpath: str, newpath: str) -> bool:
        """Whether a file that was just written must not come into its place."""
        name = self._real(newpath).name
        is_new = self._real(oldpath).name == f".{name}.partial"
        return self.box.fails is not None and is_new and name.startswith(self.box.fails)

    def mkdir(self, path: str, attr: object) -> int:
        return self._done(lambda: self._real(path).mkdir(0o700))

    def _real(self, path: str) -> Path:
        return self.box.folder / path.lstrip("/")

    def _done(self, act: Callable[[], object]) -> int:
        if self.box.locked:
            return int(paramiko.SFTP_PERMISSION_DENIED)
        told = _told(act)
        return told if isinstance(told, int) and not isinstance(told, bool) else paramiko.SFTP_OK

    def _break_off(self) -> bool:
        if self.box.cut_after is None:
            return False
        self.box.cut_after -= 1
        if self.box.cut_after < 0:
            self.transport.close()
        return self.box.cut_after < 0


def _told(act: Callable[[], Any]) -> Any:
    """What an act gives, or the protocol's word for why it did not."""
    try:
        return act()
    except OSError as error:
        return paramiko.SFTPServer.convert_errno(error.errno or 0)

"""Files on an SFTP server, whose host key must be the one that was configured; ``files`` tells which.

A file is written beside its place and renamed into it, so that nobody meets half of one.

Source: draft-ietf-secsh-filexfer-02, section 6.5: a rename never replaces a file; OpenSSH, PROTOCOL,
section 4.3: posix-rename@openssh.com does.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import logging
import posixpath
import socket
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from audiences.errors import DestinationError, DestinationRefusedError, DestinationUnavailableError
from audiences.sync.destinations.address import (
    Resolve,
    allowed_by,
    resolve_by_system,
    safe_address,
)
from audiences.sync.destinations.base import Sleep, fingerprint_of
from audiences.sync.destinations.files import FilesDestination, Store
from audiences.sync.settings import ServerSettings, VariableName, WrittenSettings

Fingerprint = Annotated[str, Field(pattern=r"^SHA256:[A-Za-z0-9+/]{43}$")]
_KEYS = ("Ed25519Key", "ECDSAKey", "RSAKey")


class SftpSettings(ServerSettings, WrittenSettings):
    """Files on an SFTP server; needs the extra candor-cdp[sftp]."""

    kind: Literal["sftp"] = Field(description="sftp")
    host: str = Field(min_length=1, description="Name or address of the server.")
    port: int = Field(22, gt=0, le=65_535, description="Its port.")
    host_keys: list[Fingerprint] = Field(
        min_length=1,
        description="Fingerprints of the server's keys, SHA256:…; another key is refused. "
        "`ssh-keyscan HOST | ssh-keygen -lf -` prints them; compare with what its owner says.",
    )
    user: str = Field(min_length=1, description="Who signs in.")
    password_env: VariableName | None = Field(None, description="Variable with the password.")
    private_key_env: VariableName | None = Field(
        None, description="Variable with a private key (OpenSSH or PEM), instead of a password."
    )
    passphrase_env: VariableName | None = Field(
        None, description="Variable with the passphrase of the private key, where it has one."
    )
    folder: str = Field(
        "candor", min_length=1, description="Where to write; without a slash first: from the home."
    )

    @model_validator(mode="after")
    def _has_one_proof(self) -> Self:
        if (self.password_env is None) == (self.private_key_env is None):
            raise ValueError("write password_env or private_key_env, and not both")
        return self


@dataclass(frozen=True, slots=True)
class SftpDestination(FilesDestination):
    """A server's folder of CSV files.

    Attributes:
        key: Its key in the configuration.
        settings: Where it is.
        secrets: The values of the variables, by the name of their setting.
        resolve: Gives the addresses of a name.
    """

    key: str
    settings: SftpSettings
    secrets: Mapping[str, str] = field(repr=False)
    resolve: Resolve = resolve_by_system

    @property
    def place(self) -> str:
        """Fingerprint of where it is."""
        return fingerprint_of(self.settings.host, self.settings.port, self.settings.folder)

    @property
    def max_rows(self) -> int:  # type: ignore[override] # nobody sets it
        """Most rows of one delta file."""
        return self.settings.max_rows

    @property
    def neutralises(self) -> bool:  # type: ignore[override] # nobody sets it
        """Whether cells that a spreadsheet would run are escaped."""
        return self.settings.formulas == "neutralise"

    @contextmanager
    def opened(self, sleep: Sleep | None) -> Iterator[Store]:  # noqa: ARG002 - the next run tries again
        """The files of the folder.

        Raises:
            DestinationUnavailableError: Nobody knows what came of it.
            DestinationRefusedError: Its key is another, it did not let us in or may not be written.
            UnsafeAddressError: Its address is not one that personal data may be sent to.
        """
        paramiko = _library(self.key)
        with self._told(paramiko), contextlib.ExitStack() as kept:
            transport = kept.enter_context(self._connected(paramiko))
            client = kept.enter_context(paramiko.SFTPClient.from_transport(transport))
            client.get_channel().settimeout(self.settings.timeout_s)
            yield _Mailbox(client, self.key, self.settings.folder)

    @contextmanager
    def _connected(self, paramiko: Any) -> Iterator[Any]:
        """A connection to the address that was judged, with whoever has the right key."""
        wanted = self.settings
        address = safe_address(
            self.key, wanted.host, wanted.port, resolve=self.resolve, allows=allowed_by(wanted)
        )
        line = socket.create_connection((address, wanted.port), wanted.timeout_s)
        with contextlib.closing(line):
            transport = paramiko.Transport(line)
            with contextlib.closing(transport):
                transport.banner_timeout = transport.auth_timeout = wanted.timeout_s
                transport.start_client(timeout=wanted.timeout_s)
                # Before anything secret is said.
                if transport.get_remote_server_key().fingerprint not in wanted.host_keys:
                    raise DestinationRefusedError(self.key, "unknown_host_key", is_final=True)
                self._sign_in(paramiko, transport)
                yield transport

    def _sign_in(self, paramiko: Any, transport: Any) -> None:
        if self.settings.private_key_env is None:
            transport.auth_password(
                self.settings.user, self.secrets["password_env"], fallback=False
            )
        else:
            transport.auth_publickey(self.settings.user, self._private_key(paramiko))

    def _private_key(self, paramiko: Any) -> Any:
        for name in _KEYS:
            text = io.StringIO(self.secrets["private_key_env"])
            with contextlib.suppress(paramiko.SSHException, ValueError):
                kind = getattr(paramiko, name)
                return kind.from_private_key(text, self.secrets.get("passphrase_env"))
        raise DestinationRefusedError(self.key, "unreadable_private_key", is_final=True)

    @contextmanager
    def _told(self, paramiko: Any) -> Iterator[None]:
        """Errors by their kind: their words may name a file."""
        try:
            yield
        except DestinationError:
            raise
        except paramiko.AuthenticationException as error:
            code = "authentication_failed"
            raise DestinationRefusedError(self.key, code, is_final=True) from error
        except PermissionError as error:
            raise DestinationRefusedError(self.key, "no_permission", is_final=True) from error
        except (paramiko.SSHException, EOFError, OSError) as error:
            raise DestinationUnavailableError(self.key, type(error).__name__) from error


@dataclass(frozen=True, slots=True)
class _Mailbox:
    """The files under the configured folder; a ``Store``."""

    client: Any
    key: str
    folder: str

    def read(self, name: str) -> bytes | None:
        try:
            with self.client.open(self._path(name), "rb") as file:
                file.prefetch()
                return bytes(file.read())
        except FileNotFoundError:
            return None

    def put(self, name: str, body: bytes) -> None:
        partial = self._write_beside(name, body)
        try:
            self.client.posix_rename(partial, self._path(name))
        except OSError as error:
            if type(error) is not OSError or error.errno is not None:
                raise  # a line that broke or an answer that is late: it may have been renamed
            self._replace(partial, self._path(name))  # a server without the extension, or a failure

    def create(self, name: str, body: bytes) -> None:
        partial = self._write_beside(name, body)
        try:
            self.client.rename(partial, self._path(name))
        except OSError:
            found = self.read(name)
            if found is None:
                raise
            self.client.remove(partial)
            if found != body:
                code = "another_body_is_there"
                raise DestinationRefusedError(self.key, code, is_final=False) from None

    def _replace(self, partial: str, path: str) -> None:
        """Rename without the extension: what is there goes aside, and comes back where that fails."""
        folder, own = posixpath.split(path)
        aside = posixpath.join(folder, f".{own}.old.partial")
        with contextlib.suppress(FileNotFoundError):
            self.client.remove(aside)
        with contextlib.suppress(FileNotFoundError):
            self.client.rename(path, aside)
        try:
            self.client.rename(partial, path)
        except OSError:
            with contextlib.suppress(FileNotFoundError):
                self.client.rename(aside, path)
            raise
        with contextlib.suppress(FileNotFoundError):
            self.client.remove(aside)

    def names(self, folder: str) -> list[str]:
        found = self._listed(self._path(folder.rstrip("/")))
        return sorted(f"{folder}{item.filename}" for item in found if not _is_partial(item))

    def sweep(self, folder: str) -> None:
        self._sweep(self._path(folder.rstrip("/")))

    def _sweep(self, path: str) -> None:
        for item in self._listed(path):
            inner = posixpath.join(path, item.filename)
            if stat.S_ISDIR(item.st_mode or 0):
                self._sweep(inner)
            elif _is_partial(item):
                self.client.remove(inner)

    def _write_beside(self, name: str, body: bytes) -> str:
        """Write a file that is not in its place yet; its size is compared with what was sent."""
        folder, own = posixpath.split(self._path(name))
        self._make(folder)
        partial = posixpath.join(folder, f".{own}.partial")
        self.client.putfo(io.BytesIO(body), partial, confirm=True)
        return partial

    def _make(self, folder: str) -> None:
        try:
            self.client.stat(folder)
        except FileNotFoundError:
            if posixpath.dirname(folder):
                self._make(posixpath.dirname(folder))
            self.client.mkdir(folder, 0o700)

    def _listed(self, path: str) -> list[Any]:
        try:
            return list(self.client.listdir_attr(path))
        except FileNotFoundError:
            return []

    def _path(self, name: str) -> str:
        return posixpath.join(self.folder, name)


def _is_partial(item: Any) -> bool:
    return str(item.filename).endswith(".partial")


def _library(key: str) -> Any:
    # It tells whoever listens which files and users it meets.
    logging.getLogger("paramiko").setLevel(logging.CRITICAL)
    try:
        return importlib.import_module("paramiko")  # an extra that not everybody installs
    except ImportError as error:
        code = "install candor-cdp[sftp]"
        raise DestinationRefusedError(key, code, is_final=True) from error

"""Members and their fields in Redis: each batch is applied once, whole, by one MULTI.

    <target>:members            set of the members, each by its first identifier
    <target>:profile:<member>   hash: row_id, every identifier, every trait and field
    <target>:rows               hash: row_id to the member that it is
    candor:syncs                hash: sync to its target and how many rows it holds
    candor:batch:<batch>        there for 30 days after the batch was applied

A batch that comes again finds its own key and changes nothing.

Source: Redis, "Transactions": what is watched and changes before EXEC makes it do nothing.
"""

from __future__ import annotations

import contextlib
import importlib
import ipaddress
import json
import re
import socket
import ssl
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from pydantic import Field

from audiences.errors import DestinationError, DestinationRefusedError, DestinationUnavailableError
from audiences.sync.destinations.address import (
    Resolve,
    allowed_by,
    resolve_by_system,
    safe_address,
)
from audiences.sync.destinations.base import (
    Batch,
    Delivery,
    Request,
    Sleep,
    fingerprint_of,
    rejected_rows,
    rows_request,
)
from audiences.sync.settings import ServerSettings, VariableName

SYNCS = "candor:syncs"
# Only a batch without an answer comes again, with the next run.
REMEMBERED_S = 30 * 24 * 3600
_PUT = frozenset({"add", "change"})
_SHARED = "identifier_of_another"
_CODE = re.compile(r"^[A-Z]{2,32}$")


class RedisSettings(ServerSettings):
    """A set of members and a hash for each in Redis; needs the extra candor-cdp[redis]."""

    needs_target: ClassVar[str | None] = "the begin of the keys"
    target_pattern: ClassVar[str] = r"[A-Za-z0-9_.-]+(:[A-Za-z0-9_.-]+)*"

    minimum_size: int = Field(
        0,
        ge=0,
        description="With fewer members who can be sent, nobody new is sent; removals still are. "
        "The server is your own: any number is written.",
    )
    kind: Literal["redis"] = Field(description="redis")
    host: str = Field(min_length=1, description="Name or address of the server.")
    port: int = Field(6379, gt=0, le=65_535, description="Its port.")
    database: int = Field(0, ge=0, description="Number of the database.")
    user: str = Field("default", min_length=1, description="Who signs in.")
    password_env: VariableName = Field(description="Variable with the password.")
    max_rows: int = Field(10_000, gt=0, le=100_000, description="Rows of one transaction.")


@dataclass(frozen=True, slots=True)
class RedisDestination:
    """Keys of one database.

    Attributes:
        key: Its key in the configuration.
        settings: Where it is.
        password: Of the user.
        resolve: Gives the addresses of a name.
    """

    key: str
    settings: RedisSettings
    password: str = field(repr=False)
    resolve: Resolve = resolve_by_system

    @property
    def place(self) -> str:
        """Fingerprint of where it is."""
        return fingerprint_of(self.settings.host, self.settings.port, self.settings.database)

    @property
    def max_rows(self) -> int:
        """Most rows of one transaction."""
        return self.settings.max_rows

    def remembers(self, sync_key: str) -> bool:
        """Whether as many rows are there as were put; true where nobody can say."""
        with contextlib.suppress(DestinationError), self._session() as session:
            found = _about(session.hget(SYNCS, sync_key))
            if found is None:
                return False
            target, rows = found
            held = {session.hlen(f"{target}:rows"), session.scard(f"{target}:members")}
            return held == {rows}
        return True

    def plan(self, batch: Batch) -> Request:
        """The rows as JSON, with their target."""
        return rows_request(batch)

    def send(self, request: Request, *, sleep: Sleep) -> Delivery:  # noqa: ARG002 - the next run tries again
        """Apply a batch in one transaction, unless it was applied before.

        A row whose first identifier is another's is not put: removing one would remove both.

        Raises:
            DestinationUnavailableError: Nobody knows whether it was applied.
            DestinationRefusedError: Redis refused it, or another sync has the target.
        """
        found = json.loads(request.body)
        with self._session() as session, session.pipeline(transaction=True) as commands:
            applied = f"candor:batch:{request.batch_id}"
            commands.watch(applied, SYNCS, f"{found['target']}:rows")
            if not commands.exists(applied):
                state = self._state(session, commands, request.sync_key, found)
                commands.multi()
                state.write(commands)
                commands.set(applied, request.sync_key, ex=REMEMBERED_S)
                commands.execute()
            return _answer(session, found)

    def erase(self, batch: Batch, *, sleep: Sleep) -> Delivery:
        """Delete the persons' keys; no other key holds anything of them.

        Raises:
            DestinationUnavailableError: Nobody knows whether it was done.
            DestinationRefusedError: Redis refused it, or another sync has the target.
        """
        return self.send(self.plan(batch), sleep=sleep)

    def _state(
        self, session: Any, commands: Any, sync_key: str, found: Mapping[str, Any]
    ) -> _Change:
        """What a batch changes, given what is there; refused where somebody else's keys are."""
        target, rows = str(found["target"]), found["rows"]
        others = [_about(v) for k, v in commands.hgetall(SYNCS).items() if k != sync_key]
        if target in {other[0] for other in others if other is not None}:
            raise DestinationRefusedError(self.key, "target_of_another_sync", is_final=True)
        kinds = (commands.type(f"{target}:members"), commands.type(f"{target}:rows"))
        if not ({kinds[0]} <= {"set", "none"} and {kinds[1]} <= {"hash", "none"}):
            raise DestinationRefusedError(self.key, "target_of_something_else", is_final=True)
        before = commands.hmget(f"{target}:rows", [row["id"] for row in rows]) if rows else []
        held = int(commands.hlen(f"{target}:rows"))
        wanted = [_member(row) for row in rows if row["operation"] in _PUT]
        owners = _owners(session, target, {*wanted, *before} - {None})
        return _Change(sync_key, target, rows, before, owners, held)

    @contextlib.contextmanager
    def _session(self) -> Iterator[Any]:
        """A connection to the address that was judged, and to no other."""
        redis = _library(self.key)
        wanted = self.settings
        address = safe_address(
            self.key, wanted.host, wanted.port, resolve=self.resolve, allows=allowed_by(wanted)
        )
        pool = redis.ConnectionPool(
            connection_class=_connection(redis, address),
            host=wanted.host,
            port=wanted.port,
            db=wanted.database,
            username=wanted.user,
            password=self.password,
            socket_timeout=wanted.timeout_s,
            socket_connect_timeout=wanted.timeout_s,
            decode_responses=True,
            protocol=2,
            retry=importlib.import_module("redis.retry").Retry(
                importlib.import_module("redis.backoff").NoBackoff(), 0
            ),
        )
        with self._told(redis), contextlib.closing(redis.Redis(connection_pool=pool)) as session:
            try:
                yield session
            finally:
                pool.disconnect()

    @contextlib.contextmanager
    def _told(self, redis: Any) -> Iterator[None]:
        """Errors by their kind: their words may quote a key."""
        known = redis.exceptions
        try:
            yield
        except (known.AuthenticationError, known.AuthorizationError) as error:
            code = "authentication_failed"
            raise DestinationRefusedError(self.key, code, is_final=True) from error
        except known.NoPermissionError as error:
            raise DestinationRefusedError(self.key, "no_permission", is_final=True) from error
        except (
            known.ConnectionError, known.TimeoutError, known.WatchError, known.ReadOnlyError,
            known.OutOfMemoryError, known.ExecAbortError, OSError,
        ) as error:  # fmt: skip
            raise DestinationUnavailableError(self.key, type(error).__name__) from error
        except known.RedisError as error:
            word = str(error).partition(" ")[0]
            code = f"redis_{word.lower()}" if _CODE.match(word) else type(error).__name__
            raise DestinationRefusedError(self.key, code, is_final=False) from error


@dataclass(frozen=True, slots=True)
class _Change:
    """What a batch makes of the keys of a target.

    Attributes:
        sync_key: The sync.
        target: Begin of the keys.
        rows: The rows of the batch.
        before: Of each row, the member that it was; None where it was none.
        owners: Of the members that the rows were or shall be, the row that each is now.
        held: How many rows there were.
    """

    sync_key: str
    target: str
    rows: Sequence[Mapping[str, Any]]
    before: Sequence[str | None]
    owners: Mapping[str, str]
    held: int

    def write(self, commands: Any) -> None:
        """Queue the commands: who takes over another's identifier is put after it was taken away."""
        taken = [
            (row["id"], member)
            for row, member in zip(self.rows, self.before, strict=True)
            if member is not None
        ]
        for row_id, member in taken:
            self._take(commands, row_id, member)
        put = self._to_put({row_id for row_id, _ in taken})
        for row in put:
            self._put(commands, row)
        rows = self.held - len(taken) + len(put)
        about = json.dumps({"target": self.target, "rows": rows})
        commands.hset(SYNCS, self.sync_key, about)

    def _to_put(self, taken: Collection[str]) -> list[Mapping[str, Any]]:
        """The rows whose member is free once these were taken away, or their own; the first wins."""
        owners = {member: owner for member, owner in self.owners.items() if owner not in taken}
        return [
            row
            for row in self.rows
            if row["operation"] in _PUT and owners.setdefault(_member(row), row["id"]) == row["id"]
        ]

    def _take(self, commands: Any, row_id: str, member: str) -> None:
        if self.owners.get(member, row_id) == row_id:
            commands.srem(f"{self.target}:members", member)
            commands.delete(f"{self.target}:profile:{member}")
        commands.hdel(f"{self.target}:rows", row_id)

    def _put(self, commands: Any, row: Mapping[str, Any]) -> None:
        member = _member(row)
        profile = f"{self.target}:profile:{member}"
        values = {**(row.get("traits") or {}), **_known(row), "row_id": row["id"]}
        commands.sadd(f"{self.target}:members", member)
        commands.delete(profile)
        commands.hset(profile, mapping={n: _text(v) for n, v in values.items() if v is not None})
        commands.hset(f"{self.target}:rows", row["id"], member)


def _known(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row["identifiers"].items() if value is not None}


def _member(row: Mapping[str, Any]) -> str:
    """What a row goes by: its first identifier."""
    return str(next(iter(_known(row).values())))


def _owners(session: Any, target: str, members: Collection[str]) -> dict[str, str]:
    """Of these members, the row that each is; without those that are nobody's."""
    among = sorted(members)
    with session.pipeline(transaction=False) as reads:
        for member in among:
            reads.hget(f"{target}:profile:{member}", "row_id")
        ids = reads.execute()
    owned = {m: row_id for m, row_id in zip(among, ids, strict=True) if row_id is not None}
    if not owned:
        return {}
    known = session.hmget(f"{target}:rows", list(owned.values()))
    return {m: owned[m] for m, is_now in zip(owned, known, strict=True) if is_now == m}


def _answer(session: Any, found: Mapping[str, Any]) -> Delivery:
    """Refused is who was put and is not there; who was there before may be so no more."""
    put = [row for row in found["rows"] if row["operation"] in _PUT]
    if not put:
        return Delivery()
    there = session.hmget(f"{found['target']}:rows", [row["id"] for row in put])
    left = [row for row, member in zip(put, there, strict=True) if member is None]
    new = [row["id"] for row in left if row["operation"] == "add"]
    changed = [row["id"] for row in left if row["operation"] != "add"]
    return Delivery(
        rejected_rows(new, [_SHARED] * len(new)),
        doubtful=rejected_rows(changed, [_SHARED] * len(changed)),
    )


def _about(text: str | None) -> tuple[str, int] | None:
    """A sync's target and how many rows it holds; None where nothing is there that we wrote."""
    try:
        found = json.loads(text or "")
        return str(found["target"]), int(found["rows"])
    except (ValueError, KeyError, TypeError):
        return None


def _text(value: Any) -> str:
    """Text as it is, everything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value)


def _connection(redis: Any, address: str) -> Any:
    """A kind of connection that goes to one address, encrypted unless that is this machine."""

    class Pinned(redis.Connection):  # type: ignore[misc] # comes from a library that may be missing
        def _connect(self) -> socket.socket:
            line = socket.create_connection((address, self.port), self.socket_connect_timeout)
            line.settimeout(self.socket_timeout)
            if ipaddress.ip_address(address).is_loopback:
                return line
            return ssl.create_default_context().wrap_socket(line, server_hostname=self.host)

    return Pinned


def _library(key: str) -> Any:
    try:
        return importlib.import_module("redis")  # an extra that not everybody installs
    except ImportError as error:
        code = "install candor-cdp[redis]"
        raise DestinationRefusedError(key, code, is_final=True) from error

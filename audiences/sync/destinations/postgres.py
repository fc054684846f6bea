"""A table in PostgreSQL: one row a member, and each batch applied exactly once.

The target is the table (``row_id``, ``sync``, ``audience``, ``identifiers``, ``traits``, both of
these JSON). Beside it ``candor_batches`` remembers, in the same transaction, which batches were
applied: one that comes again changes nothing.
"""

from __future__ import annotations

import contextlib
import importlib
import ipaddress
import json
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

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
    rows_request,
)
from audiences.sync.settings import PostgresSettings

# Classes of SQLSTATE (PostgreSQL, appendix A) that time can cure: connection, transaction rollback,
# resources, intervention by an operator, system error.
_CURABLE = ("08", "40", "53", "57", "58")
# Whatever comes next meets the same: authorisation, catalogue names, privileges and syntax.
_FINAL = ("28", "3D", "3F", "42")


@dataclass(frozen=True, slots=True)
class PostgresDestination:
    """Tables of one schema.

    Attributes:
        key: Its key in the configuration.
        settings: Where it is.
        password: Of the user.
        resolve: Gives the addresses of a name.
    """

    key: str
    settings: PostgresSettings
    password: str = field(repr=False)
    resolve: Resolve = resolve_by_system

    @property
    def place(self) -> str:
        """Fingerprint of where it is."""
        at = self.settings
        return fingerprint_of(at.host, at.port, at.database, at.schema_)

    @property
    def max_rows(self) -> int:
        """Most rows of one transaction."""
        return self.settings.max_rows

    def remembers(self, sync_key: str) -> bool:
        """Whether the tables that a sync wrote are still there; true where nobody can say."""
        with contextlib.suppress(DestinationError), self._session() as session:
            session.run(self._batches())
            found = session.run(
                "select coalesce(bool_and("
                "to_regclass(quote_ident(:schema) || '.' || quote_ident(target)) is not null"
                f"), false) from {self._name('candor_batches')} where sync = :sync",
                sync=sync_key,
                schema=self.settings.schema_,
            )
            return bool(found[0][0])
        return True

    def plan(self, batch: Batch) -> Request:
        """The rows as JSON, with their table."""
        return rows_request(batch)

    def send(self, request: Request, *, sleep: Sleep) -> Delivery:  # noqa: ARG002 - the next run tries again
        """Apply a batch in one transaction, unless it was applied before.

        Raises:
            DestinationUnavailableError: Nobody knows whether it was applied.
            DestinationRefusedError: The database refused it.
        """
        found = json.loads(request.body)
        table = self._name(found["target"])
        values = {"rows": request.body.decode(), "sync": request.sync_key}
        with self._session() as session:
            session.run(self._batches())
            session.run(
                f"create table if not exists {table} (row_id text primary key, sync text not null,"
                " audience text not null, identifiers jsonb, traits jsonb)"
            )
            if self._is_new(session, request, found["target"]):
                session.run(_DELETE.format(table=table), **values)
                session.run(_UPSERT.format(table=table), audience=found["audience"], **values)
        return Delivery()

    def erase(self, batch: Batch, *, sleep: Sleep) -> Delivery:
        """Delete the persons' rows; no other table holds anything of them.

        Raises:
            DestinationUnavailableError: Nobody knows whether it was done.
            DestinationRefusedError: The database refused it.
        """
        return self.send(self.plan(batch), sleep=sleep)

    def _is_new(self, session: Any, request: Request, target: str) -> bool:
        added = session.run(
            f"insert into {self._name('candor_batches')} (batch_id, sync, target) "
            "values (:batch, :sync, :target) on conflict do nothing returning batch_id",
            batch=request.batch_id,
            sync=request.sync_key,
            target=target,
        )
        return bool(added)

    def _batches(self) -> str:
        return (
            f"create table if not exists {self._name('candor_batches')} (batch_id text primary key,"
            " sync text not null, target text not null, applied_at timestamptz default now())"
        )

    def _name(self, table: str) -> str:
        """A quoted name in the schema; both are letters, digits and underscores by configuration."""
        return ".".join(
            '"' + part.replace('"', '""') + '"' for part in (self.settings.schema_, table)
        )

    @contextlib.contextmanager
    def _session(self) -> Iterator[Any]:
        """One transaction on a connection of its own."""
        native = _driver(self.key)
        with contextlib.closing(self._connected(native)) as session, self._told(native):
            session.run("begin")
            yield session
            session.run("commit")

    def _connected(self, native: Any) -> Any:
        wanted = self.settings
        address = safe_address(
            self.key, wanted.host, wanted.port, resolve=self.resolve, allows=allowed_by(wanted)
        )
        is_local = ipaddress.ip_address(address).is_loopback
        with self._told(native):
            # pg8000 leaves a socket that it was given open where it cannot sign in.
            with contextlib.ExitStack() as kept:
                line = socket.create_connection((address, wanted.port), wanted.timeout_s)
                kept.callback(line.close)
                session = native.Connection(
                    wanted.user,
                    host=wanted.host,
                    sock=line,
                    database=wanted.database,
                    password=self.password,
                    ssl_context=False if is_local else ssl.create_default_context(),
                )
                kept.pop_all()
            return session

    @contextlib.contextmanager
    def _told(self, native: Any) -> Iterator[None]:
        """Errors by their code: their words may quote a row."""
        try:
            yield
        except native.DatabaseError as error:
            told = error.args[0] if error.args else {}
            state = str(told.get("C", "")) if isinstance(told, dict) else ""
            failure = self._failure(state)
        except (native.InterfaceError, OSError) as error:
            failure = DestinationUnavailableError(self.key, type(error).__name__)
        else:
            return
        raise failure

    def _failure(self, state: str) -> DestinationError:
        code = f"sqlstate_{state.lower()}"
        if not state or state.startswith(_CURABLE):
            return DestinationUnavailableError(self.key, code)
        return DestinationRefusedError(self.key, code, is_final=state.startswith(_FINAL))


_ROWS = "jsonb_array_elements(cast(:rows as jsonb) -> 'rows') as sent(row)"
_DELETE = f"""
    delete from {{table}} where sync = :sync and row_id in (
        select row ->> 'id' from {_ROWS} where row ->> 'operation' in ('remove', 'erase')
    )
"""
_UPSERT = f"""
    insert into {{table}} (row_id, sync, audience, identifiers, traits)
    select row ->> 'id', :sync, :audience, row -> 'identifiers', row -> 'traits'
    from {_ROWS} where row ->> 'operation' in ('add', 'change')
    on conflict (row_id) do update set
        audience = excluded.audience, identifiers = excluded.identifiers, traits = excluded.traits
"""


def _driver(key: str) -> Any:
    try:
        return importlib.import_module("pg8000.native")  # an extra that not everybody installs
    except ImportError as error:
        code = "install candor-cdp[postgres]"
        raise DestinationRefusedError(key, code, is_final=True) from error

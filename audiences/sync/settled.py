"""For whom nothing was due, so that the next plan need only ask about the others.

Whether something is due of a person follows from what the plan reads of them, and from nothing
else. Persons are put into groups of one or two, and of each group for which nothing was due a
checksum of all that was read is kept. While the checksum and the rules stay the same, nothing is
due; it takes one look at the rows, and no join, to tell. The rules are the text of the gates and the
plan themselves, so that another mapping, form of an identifier or way to plan makes everything be
asked again.

A checksum is the sum of the hashes of a group's rows, in 63 bits. Each hash is mixed before it is
added, so that rows which change alike do not make up for each other: however many rows of a group
change, that it goes unnoticed has a chance of about one in 10^18.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from audiences.catalogue import CONSENT, CONTACT_POINTS, PROFILES, Catalogue, ValueKind
from audiences.inventory import DEFINITIONS, LEDGER, SETTLED
from audiences.sync import ledger, plan
from audiences.sync.config import Sync
from audiences.sync.fields import field_rows
from audiences.sync.gates import (
    EVERYBODY,
    READY,
    SUPPRESSED,
    Rows,
    gate_sql,
    named_in,
    required_sql,
)
from warehouse import TableName, Trace, Warehouse, quoted

CHANGED = "candor_sync_changed"
ASKED = "candor_sync_asked"
_SCHEMAS = ("marts", "audiences", "sync", "prediction", "personalization")
_KNOWN_OF_ASKED = ("profiles", "contact_points", "consent", "members", "ledger")
TEMPORARY = (CHANGED, ASKED, plan.GATES, *(f"{ASKED}_{name}" for name in _KNOWN_OF_ASKED))
NOT_SENT = ("held_out", "no_consent", "suppressed", "unreachable")
_GATES = (READY, *NOT_SENT)
_LOW = (1 << 63) - 1  # a sum of hashes is wider than a BIGINT
# With more of the groups changed, narrowing costs more than it saves.
_FEW = 4
_POINTS = ("identifier_type", "identifier_value", "is_preferred", "is_shared", "denied_purposes")
_DECISION = ("purpose", "status")
_SENT = ("sync_key", "fingerprint", "identifiers", "is_present", "acknowledged_at")


@dataclass(frozen=True, slots=True)
class Settled:
    """What one sync remembers, for the length of one plan.

    Attributes:
        warehouse: The engine.
        sync: The sync.
        catalogue: The tables that the warehouse has.
        groups: Number of groups, a power of two.
        rules: Digest of how the sync plans.
    """

    warehouse: Warehouse
    sync: Sync
    catalogue: Catalogue
    groups: int
    rules: str

    def narrow(self) -> Rows:
        """Find the groups that are not as they were, and where to read what is known of them."""
        digests = digests_sql(self.sync, self.catalogue, self.groups, known=self._known())
        with self.warehouse.with_numbered_groups(self.groups):
            self.warehouse.execute(
                f"""
                create or replace temp table {CHANGED} as
                select bucket, {_sum("difference::hugeint + coalesce(digest, 0)")} as digest
                from (
                    select * from ({digests})
                    where difference <> 0 or bucket in ({self._forgotten()})
                )
                left join ({self._known()}) as known using (bucket)
                """,
                self._values(named_in(digests, plan.plan_parameters(self.sync))),
            )
        is_most = f"(select count(*) from {CHANGED}) * {_FEW} > {self.groups}"
        unknown = f"not exists ({self._known()})"
        if self.warehouse.scalar(f"select {is_most} or {unknown}", self._values()):
            return EVERYBODY
        return self._read_asked()

    def widen(self, rows: Rows) -> Rows | None:
        """Ask also about those who have the identifiers of somebody who is to go; None: nobody."""
        if rows is EVERYBODY:
            return None
        leaving = plan.leaving_sql(self.sync, rows)
        if not self.warehouse.scalar(f"select exists ({leaving})"):
            return None
        bucket = self._bucket()
        self.warehouse.execute(
            f"""
            insert into {CHANGED}
            select distinct {bucket}, null::bigint from {LEDGER.name.sql} as ledger
            where sync_key = $sync_key and is_present and identifiers in ({leaving})
                and {bucket} not in (select bucket from {CHANGED})
            """,
            {"sync_key": self.sync.key},
        )
        more = self.warehouse.scalar(f"select bool_or(digest is null) from {CHANGED}")
        return self._read_asked() if more else None

    def count(self, asked: Rows) -> dict[str, int]:
        """How many members stand before each gate, with those who were not asked about."""
        bucket = self._bucket()
        counts = ", ".join(f"count(*) filter (where gate = '{gate}') as {gate}" for gate in _GATES)
        sums = ", ".join(f"coalesce(sum({gate}), 0) as {gate}" for gate in _GATES)
        listed = ", ".join(_GATES)
        rows = self.warehouse.read(
            f"""
            select {sums} from (
                select {listed} from {SETTLED.name.sql}
                where sync_key = $sync_key and rules = $rules
                    and bucket not in (select bucket from {CHANGED})
                union all
                select {counts} from {plan.GATES} as gates
                semi join ({asked.members}) as members using (person_id)
                where {bucket} in (select bucket from {CHANGED})
            )
            """,
            self._values(named_in(asked.members, {"audience_key": self.sync.audience})),
        )
        return {gate: int(found) for gate, found in rows.to_pylist()[0].items()}

    def remember(self, asked: Rows) -> None:
        """Keep the groups that were asked about and for which nothing is in the plan."""
        bucket, listed = self._bucket(), ", ".join(_GATES)
        counts = ", ".join(f"count(*) filter (where gate = '{gate}') as {gate}" for gate in _GATES)
        found = ", ".join(f"coalesce({gate}, 0)" for gate in _GATES)
        with self.warehouse.transaction():
            self.warehouse.execute(
                f"""
                delete from {SETTLED.name.sql} where sync_key = $sync_key
                    and (rules <> $rules or bucket in (select bucket from {CHANGED}))
                """,
                self._values(),
            )
            self.warehouse.execute(
                f"""
                insert into {SETTLED.name.sql} (sync_key, rules, bucket, digest, {listed})
                select $sync_key, $rules, bucket, digest, {found}
                from {CHANGED}
                left join (
                    select {bucket} as bucket, {counts} from {plan.GATES} as gates
                    semi join ({asked.members}) as members using (person_id)
                    group by all
                ) as counted using (bucket)
                where digest is not null
                    and bucket not in (select {bucket} from {ledger.PLAN})
                """,
                self._values(named_in(asked.members, {"audience_key": self.sync.audience})),
            )

    def _read_asked(self) -> Rows:
        """Read what is known of the persons of the changed groups, once, into small tables."""
        members = self._keep("members", EVERYBODY.members, ("arm",))
        ledger = self._keep("ledger", self._sent(), _SENT)
        self.warehouse.execute(
            f"""
            create or replace temp table {ASKED} as
            select person_id from {members} union select person_id from {ledger} where is_present
            """
        )
        return Rows(
            profiles=self._of_asked("profiles", PROFILES, profile_columns(self.sync)),
            contact_points=self._of_asked("contact_points", CONTACT_POINTS, _POINTS),
            consent=self._of_asked("consent", CONSENT, _DECISION),
            members=f"select * from {members}",
            ledger=f"select * from {ledger}",
        )

    def _of_asked(self, name: str, table: TableName, columns: Sequence[str]) -> str:
        if table not in self.catalogue.columns:
            return table.sql  # a plan without it does not read it
        return self._keep(name, f"select * from {table.sql}", columns)

    def _sent(self) -> str:
        """Query for what was sent to the persons of the changed groups.

        Their rows are found first by where they lie: the texts of all others stay unread.
        """
        return f"""
            {EVERYBODY.ledger} and rowid in (
                select ledger.rowid from {LEDGER.name.sql} as ledger
                inner join {CHANGED} as changed on changed.bucket = {self._bucket()}
                where sync_key = $sync_key
            )
        """

    def _keep(self, name: str, rows: str, columns: Sequence[str]) -> str:
        """Put some columns of changed groups' rows into a temporary table; returns its name."""
        table = f"{ASKED}_{name}"
        listed = ", ".join(("person_id", *(quoted(column) for column in columns)))
        self.warehouse.execute(
            f"""
            create or replace temp table {table} as
            select {listed} from ({rows}) as found
            inner join (select bucket as changed from {CHANGED}) on changed = {self._bucket()}
            """,
            named_in(rows, plan.plan_parameters(self.sync)),
        )
        return table

    def _known(self) -> str:
        return (
            f"select bucket, digest from {SETTLED.name.sql} "
            "where sync_key = $sync_key and rules = $rules"
        )

    def _forgotten(self) -> str:
        """Query for the groups of those who are sent again for no change of theirs."""
        return f"""
            select {self._bucket()} from {LEDGER.name.sql} as ledger
            where sync_key = $sync_key and is_present and {plan.is_forgotten(self.sync)}
        """

    def _bucket(self) -> str:
        return bucket_sql(self.groups)

    def _values(self, more: Mapping[str, object] | None = None) -> dict[str, object]:
        return {"sync_key": self.sync.key, "rules": self.rules, **(more or {})}


def open_settled(warehouse: Warehouse, sync: Sync, catalogue: Catalogue) -> Settled:
    """What a sync remembers of its last plans by the rules of today."""
    groups = _groups(warehouse)
    purposes = warehouse.scalar(
        f"select max(purposes) from {DEFINITIONS.name.sql} where audience_key = $audience_key",
        {"audience_key": sync.audience},
    )
    rules = json.dumps(
        [
            gate_sql(sync, catalogue),
            plan.plan_sql(sync, catalogue),
            digests_sql(sync, catalogue, groups, known=""),
            plan.plan_parameters(sync),
            purposes,
            sorted(
                (str(name), sorted(held.items()))
                for name, held in catalogue.types.items()
                if name.schema in _SCHEMAS
            ),
            warehouse.scalar("select version()"),
        ]
    )
    digest = hashlib.sha256(rules.encode()).hexdigest()
    return Settled(warehouse, sync, catalogue, groups, digest)


@dataclass(frozen=True, slots=True)
class SettledGroups:
    """The checksums that are kept, as a place of an erasure; a warehouse ``Location``.

    No row names a person, so none can be found; all go, and the next plans ask about everyone.
    """

    warehouse: Warehouse

    @property
    def name(self) -> str:
        """What the place is called in plans and receipts."""
        return str(SETTLED.name)

    def refusals(self, keys: pa.Table) -> Sequence[str]:  # noqa: ARG002 - nothing stands against it
        """Nothing."""
        return ()

    def find(self, keys: pa.Table) -> Sequence[Trace]:  # noqa: ARG002 - as above
        """Nothing that names the persons."""
        return ()

    def erase(self, keys: pa.Table) -> Sequence[Trace]:  # noqa: ARG002 - everybody's go
        """Keep no checksum of anybody."""
        self.warehouse.create_missing([SETTLED])
        self.warehouse.execute(f"delete from {SETTLED.name.sql}")
        return ()


def memory_for(warehouse: Warehouse) -> str:
    """What the engine may hold for a sync, by the number of persons; the rest goes to disk.

    For 1,000,000 persons it took 1.4 GiB where it might; with half of that a plan takes a quarter
    more of processor time.
    """
    return f"{max(640, 640 * _groups(warehouse) >> 20)} MiB"


def _groups(warehouse: Warehouse) -> int:
    """As many groups as make one or two persons each; a power of two.

    With twice as many, finding the changed ones takes twice as long; with half as many, asking about
    the persons in them does.
    """
    persons = int(warehouse.scalar(f"select count(*) from {PROFILES.sql}"))
    return max((1 << max(persons - 1, 1).bit_length()) // 2, 2)


def bucket_sql(groups: int) -> str:
    """Expression for the group of a person."""
    return f"cast(hash(person_id) % {groups} as bigint)"


def digests_sql(sync: Sync, catalogue: Catalogue, groups: int, *, known: str) -> str:
    """Query for (bucket, difference): how far every row that a plan reads is from what was known.

    The difference is that of the checksums, by 2^63. The same rows in another order have the same
    checksum. The values bound are those of a plan.

    Args:
        sync: The sync.
        catalogue: The tables that the warehouse has.
        groups: Number of groups.
        known: Query for (bucket, digest) of earlier ones; of groups that it lacks, the difference
            is the checksum itself.
    """
    # The engine's hash of several values takes in the last one unmixed (xor), so two rows with the
    # same new last value could cancel in the sum; the outer hash mixes it. A join with what is known
    # took longer than to take it off in the same pass. The engine knows the bounds of a remainder, and
    # so that an array can hold the groups.
    rows = " union all ".join(
        f"select person, cast(hash(hash({number}, {hashed})) >> 1 as bigint) as hashed "
        f"from (select *, hash(person_id) as person from ({read}))"
        for number, (read, hashed) in enumerate(_read(sync, catalogue))
    )
    return f"""
        select cast(number as bigint) as bucket, {_sum("summed")} as difference
        from (
            select person % {groups} as number, sum(hashed) as summed
            from ({rows} union all select cast(bucket as ubigint), -digest from ({known}))
            group by number
        )
    """


def _sum(of: str) -> str:
    return f"cast(({of}) & {_LOW} as bigint)"


def _read(sync: Sync, catalogue: Catalogue) -> Iterator[tuple[str, str]]:
    """Queries for all rows that decide what is due, and what of each row it depends on.

    Who was merged is not among them: it tells why somebody goes, and not whether.
    """
    kinds = catalogue.of(PROFILES)
    traits = [
        f"cast({quoted(name)} as varchar)" if kinds[name] is ValueKind.OTHER else quoted(name)
        for name in profile_columns(sync)
    ]
    yield f"select * from {PROFILES.sql}", _listed(traits)
    yield f"select * from {CONTACT_POINTS.sql}", _listed(_POINTS)
    if CONSENT in catalogue.columns:
        required = f"select purpose from ({required_sql()})"
        consent = f"select * from {CONSENT.sql} where purpose in ({required})"
        yield consent, _listed(_DECISION)
    yield EVERYBODY.members, _listed(("arm",))
    # Which batch wrote a row last, and with what outcome, stands for the long texts in it.
    yield EVERYBODY.ledger, _listed(("batch_id", "status", "is_present", "fingerprint is null"))
    yield f"select * from {SUPPRESSED}", _listed(())
    for rows in field_rows(sync.values, catalogue):
        yield f"select person_id, found from ({rows}) as found", _listed(("found",))


def _listed(columns: Sequence[str]) -> str:
    return ", ".join(("person", *columns))


def profile_columns(sync: Sync) -> tuple[str, ...]:
    """The columns of a profile that a sync sends."""
    sent = {value.of for value in sync.values if value.is_column}
    return tuple(sorted(sent | {i.trait for i in sync.identifiers if i.trait}))

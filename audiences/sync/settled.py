"""For whom nothing was due, so that the next plan need only ask about the others.

Whether something is due of a person follows from what the plan reads of them, and from nothing
else. Persons are put into groups of one or two, and of each group for which nothing was due a
checksum of all that was read is kept. While the checksum and the rules stay the same, nothing is
due; it takes one look at the rows, and no join, to tell. The rules are the text of the gates and the
plan themselves, so that another mapping, form of an identifier or way to plan makes everything be
asked again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from audiences.catalogue import CONSENT, CONTACT_POINTS, PROFILES, Catalogue
from audiences.inventory import DEFINITIONS, LEDGER, ROW_RESULTS, SETTLED
from audiences.sync import ledger, plan
from audiences.sync.checksums import (
    DECISION_COLUMNS,
    POINT_COLUMNS,
    bucket_sql,
    digests_sql,
    profile_columns,
    sum_sql,
)
from audiences.sync.config import Sync
from audiences.sync.gates import (
    EVERYBODY,
    READY,
    Rows,
    gate_sql,
    named_in,
)
from audiences.sync.identities import each_sql
from audiences.sync.turns import DUE, TAKEN, TURNS, turns_sql
from warehouse import TableName, Trace, Warehouse, quoted

CHANGED = "candor_sync_changed"
ASKED = "candor_sync_asked"
_SCHEMAS = ("marts", "audiences", "sync", "prediction", "personalization")
_KNOWN_OF_ASKED = ("profiles", "contact_points", "consent", "members", "ledger")
TEMPORARY = (
    *(CHANGED, ASKED, plan.GATES, DUE, TAKEN, TURNS),
    *(f"{ASKED}_{name}" for name in _KNOWN_OF_ASKED),
)
NOT_SENT = ("held_out", "no_consent", "suppressed", "unreachable")
_GATES = (READY, *NOT_SENT)
# With more of the groups changed, narrowing costs more than it saves.
_FEW = 4
# With as few as one of so many in the plan, to ask about them again costs less than all checksums.
_MANY = 16
_SENT = (
    *("sync_key", "fingerprint", "identifiers", "earlier_identifiers"),
    *("is_present", "acknowledged_at"),
)


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
        self._compare()
        is_most = f"(select count(*) from {CHANGED}) * {_FEW} > {self.groups}"
        unknown = f"not exists ({self._known()})"
        if self.warehouse.scalar(f"select {is_most} or {unknown}", self._values()):
            return EVERYBODY
        return self._read_asked()

    def widen(self, rows: Rows) -> Rows | None:
        """Ask also about those who have identifiers that the plan takes away; None: nobody."""
        if rows is EVERYBODY:
            return None
        if not self.warehouse.scalar(f"select exists (from {TAKEN})"):
            return None
        bucket = self._bucket()
        self.warehouse.execute(
            f"""
            insert into {CHANGED}
            select distinct {bucket}, null::bigint from (
                select person_id, unnest({each_sql("identifiers")}) as identifier
                from {LEDGER.name.sql} where sync_key = $sync_key and is_present
            )
            where identifier in (select identifier from {TAKEN})
                and {bucket} not in (select bucket from {CHANGED})
            """,
            {"sync_key": self.sync.key},
        )
        more = self.warehouse.scalar(f"select bool_or(digest is null) from {CHANGED}")
        return self._read_asked() if more else None

    def count(self) -> dict[str, int]:
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
                select {counts} from {plan.GATES}
                where is_member and {bucket} in (select bucket from {CHANGED})
            )
            """,
            self._values(),
        )
        return {gate: int(found) for gate, found in rows.to_pylist()[0].items()}

    def remember(self) -> None:
        """Keep the groups that were asked about and for which nothing is in the plan."""
        self._keep_groups(f"select person_id from {ledger.PLAN}")

    def remember_sent(self, batches: Sequence[str]) -> None:
        """Keep also the groups in the plan of which the destination has taken every row.

        For right after a run that sent all of the plan, while nothing else was written: the ledger
        says what the plan was about, so that nothing is due but for whom it doubts. Where the plan is of a few groups, to
        ask about them again is less than to look at all rows once more, and is left to the next plan.

        Args:
            batches: The batches that were sent.
        """
        if self.warehouse.scalar(f"select count(*) from {ledger.PLAN}") * _MANY < self.groups:
            return
        self._compare()
        self._keep_groups(
            f"""
            select person_id from {ROW_RESULTS.name.sql}
            where list_contains($batches::varchar[], batch_id) and status <> 'acknowledged'
            union all
            select person_id from {LEDGER.name.sql}
            where sync_key = $sync_key and is_present and fingerprint is null
            """,
            {"batches": list(batches)},
        )

    def _compare(self) -> None:
        """List the groups whose checksum is not the one that is kept, with that of now."""
        digests = digests_sql(self.sync, self.catalogue, self.groups, known=self._known())
        with self.warehouse.with_numbered_groups(self.groups):
            self.warehouse.execute(
                f"""
                create or replace temp table {CHANGED} as
                select bucket, {sum_sql("difference::hugeint + coalesce(digest, 0)")} as digest
                from (
                    select * from ({digests})
                    where difference <> 0 or bucket in ({self._forgotten()})
                )
                left join ({self._known()}) as known using (bucket)
                """,
                self._values(named_in(digests, plan.plan_parameters(self.sync))),
            )

    def _keep_groups(self, due: str, values: Mapping[str, object] | None = None) -> None:
        """Keep the changed groups but those of the persons of a query."""
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
                    select {bucket} as bucket, {counts} from {plan.GATES}
                    where is_member group by all
                ) as counted using (bucket)
                where digest is not null and bucket not in (select {bucket} from ({due}))
                """,
                self._values(values),
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
            contact_points=self._of_asked("contact_points", CONTACT_POINTS, POINT_COLUMNS),
            consent=self._of_asked("consent", CONSENT, DECISION_COLUMNS),
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
            plan.due_sql(sync, catalogue),
            plan.plan_sql(sync),
            turns_sql(),
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

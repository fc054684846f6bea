"""For whom nothing was due, so that the next plan need only ask about the others.

Whether something is due of a person follows from what the plan reads of them, and from nothing
else. Of each person a row is kept, and of those for whom nothing was due a checksum of all that was read. While the
checksum and the rules stay the same, nothing is due; it takes one look at the rows, and no join, to
tell. The rules are the text of the gates and the plan themselves, so that another mapping, form of an
identifier or way to plan makes everything be asked again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from audiences.catalogue import CONSENT, CONTACT_POINTS, PROFILES, Catalogue
from audiences.inventory import (
    DEFINITIONS,
    LEDGER,
    MEMBERSHIPS,
    ROW_RESULTS,
    SETTLED,
    SETTLED_PARTS,
)
from audiences.sync import ledger, plan
from audiences.sync.checksums import BUCKET, DECISION_COLUMNS, POINT_COLUMNS, profile_columns
from audiences.sync.config import Sync
from audiences.sync.gates import EVERYBODY, READY, Rows, Whose, concerned_sql, gate_sql, named_in
from audiences.sync.identities import each_sql
from audiences.sync.readings import CHANGED, Readings, sources_of
from audiences.sync.turns import TAKEN, turns_sql
from warehouse import TableName, Trace, Warehouse, quoted

ASKED = "candor_sync_asked"
_SCHEMAS = ("marts", "audiences", "sync", "prediction", "personalization")
NOT_SENT = ("held_out", "no_consent", "suppressed", "unreachable")
_GATES = (READY, *NOT_SENT)
# With as few as one person of so many in the plan, to ask about them again costs less than checksums.
MANY = 32
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
        readings: What the plan reads, against what the last one read.
        many: Few are fewer than one person of so many.
    """

    warehouse: Warehouse
    sync: Sync
    catalogue: Catalogue
    readings: Readings
    many: int = MANY

    def narrow(self) -> Rows:
        """Find the groups that are not as they were, and where to read what is known of them.

        Of few persons all is read, which is less than to look at the rows of everybody.
        """
        # In one transaction, as rows are read again by their places.
        with self.warehouse.transaction():
            if self._are_few():
                return self._read_concerned()
            return self._read_asked() if self.readings.compare() else EVERYBODY

    def widen(self, rows: Rows) -> Rows | None:
        """Ask also about those who have identifiers that the plan takes away; None: nobody."""
        if rows.is_whole:
            return None
        if not self.warehouse.scalar(f"select exists (from {TAKEN})"):
            return None
        holding = f"""
            select {BUCKET} as bucket from (
                select person_id, unnest({each_sql("identifiers")}) as identifier
                from {LEDGER.name.sql} where sync_key = $sync_key and is_present
            )
            where identifier in (select identifier from {TAKEN})
        """
        # By places that were noted in an earlier transaction: nobody else writes to these tables meanwhile.
        with self.warehouse.transaction():
            return self._read_asked() if self.readings.add(holding) else None

    def count(self, rows: Rows) -> dict[str, int]:
        """How many members stand before each gate, with those who were not asked about."""
        sums = ", ".join(f"coalesce(sum({gate}), 0) as {gate}" for gate in _GATES)
        others = ""
        if not rows.is_whole:
            kept = f"from {SETTLED.name.sql} where sync_key = $sync_key"
            less = ", ".join(f"-{gate}" for gate in _GATES)
            others = f"""
                union all select {", ".join(_GATES)} {kept}
                union all select {less} {kept} and bucket in (select bucket from {CHANGED})
            """
        asked = f"select {_counts()} from {plan.GATES} where is_member {others}"
        found = self.warehouse.read(
            f"select {sums} from ({asked})", named_in(asked, {"sync_key": self.sync.key})
        )
        return {gate: int(count) for gate, count in found.to_pylist()[0].items()}

    def remember(self, rows: Rows) -> None:
        """Keep the groups that were asked about, and of which of them nothing is in the plan."""
        due = f"select person_id from {ledger.PLAN}"
        is_full = self.sync.mode == "full"  # asks about everybody each time
        if not rows.is_whole:
            self._keep_changed(due)
        elif is_full or rows.whose is Whose.FEW or self._is_most():
            self._forget()
        else:
            self._keep_all(due)

    def remember_sent(self, batches: Sequence[str]) -> None:
        """Keep also the groups in the plan of which the destination has taken every row.

        For right after a run that sent all of the plan, while nothing else was written: the ledger
        says what the plan was about, so that nothing is due but for whom it doubts. Where the plan is of a few persons, to
        ask about them again is less than to look at all rows once more, and is left to the next plan.

        Args:
            batches: The batches that were sent.
        """
        persons = f"select count(*) from {PROFILES.sql}"
        planned = f"select count(*) from {ledger.PLAN}"
        is_full = self.sync.mode == "full"
        if is_full or self.warehouse.scalar(f"select ({planned}) * {MANY} < ({persons})"):
            return
        due = f"""
            select person_id from {ROW_RESULTS.name.sql}
            where list_contains($batches::varchar[], batch_id) and status <> 'acknowledged'
            union all
            select person_id from {LEDGER.name.sql}
            where sync_key = $sync_key and is_present
                and coalesce(fingerprint, '{ledger.REFUSED_CHANGE}') = '{ledger.REFUSED_CHANGE}'
        """
        keep = self._keep_changed if self.readings.compare() else self._keep_all
        keep(due, {"batches": list(batches)})

    def _are_few(self) -> bool:
        """Whether the audience, and those whom the destination may hold, are few of all persons."""
        members = f"select count(*) from ({EVERYBODY.members})"
        held = f"select count(*) from ({EVERYBODY.ledger}) where is_present"
        persons = f"select count(*) from {PROFILES.sql}"
        values = {"audience_key": self.sync.audience, "sync_key": self.sync.key}
        few = f"select (({members}) + ({held})) * {self.many} < ({persons})"
        return bool(self.warehouse.scalar(few, values))

    def _is_most(self) -> bool:
        """Whether something is due for most of all persons: little is to be kept in mind."""
        return bool(
            self.warehouse.scalar(
                f"select (select count(*) from {ledger.PLAN}) * 2 "
                f"> (select count(*) from {plan.GATES})"
            )
        )

    def _forget(self) -> None:
        with self.warehouse.transaction():
            for table in (SETTLED, SETTLED_PARTS):
                self.warehouse.execute(
                    f"delete from {table.name.sql} where sync_key = $sync_key",
                    {"sync_key": self.sync.key},
                )

    def _keep_all(self, due: str, values: Mapping[str, object] | None = None) -> None:
        """Keep every group, without its checksum where a person of it is in a query."""
        with self.warehouse.transaction():
            self._forget()
            self.readings.list_all()
            self._keep_groups(due, values)
            self.readings.keep_all_parts()
        self.readings.put_away()

    def _keep_changed(self, due: str, values: Mapping[str, object] | None = None) -> None:
        """The same of the changed groups."""
        with self.warehouse.transaction():
            self.warehouse.execute(
                f"""
                delete from {SETTLED.name.sql}
                where sync_key = $sync_key and bucket in (select bucket from {CHANGED})
                """,
                {"sync_key": self.sync.key},
            )
            self._keep_groups(due, values)
            self.readings.keep_parts()
        self.readings.put_away()

    def _keep_groups(self, due: str, values: Mapping[str, object] | None = None) -> None:
        found = ", ".join(f"coalesce({gate}, 0)" for gate in _GATES)
        statement = f"""
            insert into {SETTLED.name.sql} (sync_key, rules, bucket, digest, {", ".join(_GATES)})
            select $sync_key, $rules, bucket, case when due.person is null then digest end, {found}
            from {CHANGED}
            left join (select distinct {BUCKET} as person from ({due})) as due
                on due.person = bucket
            left join (
                select {BUCKET} as bucket, {_counts()} from {plan.GATES} where is_member group by all
            ) as counted using (bucket)
            where digest is not null
        """
        values = {"sync_key": self.sync.key, "rules": self.readings.rules, **(values or {})}
        self.warehouse.execute(statement, values)

    def _read_asked(self) -> Rows:
        """Read what is known of the persons of the changed groups, once, into small tables."""
        members = self._keep("members", MEMBERSHIPS.name, ("arm",))
        ledger = self._keep("ledger", LEDGER.name, _SENT)
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
            whose=Whose.SOME,
        )

    def _read_concerned(self) -> Rows:
        """Read what is known of everybody concerned, once, into small tables."""
        concerned = named_in(concerned_sql(), plan.plan_parameters(self.sync))
        self.warehouse.execute(
            f"create or replace temp table {ASKED} as {concerned_sql()}", concerned
        )
        return Rows(
            profiles=self._of_concerned("profiles", PROFILES, profile_columns(self.sync)),
            contact_points=self._of_concerned("contact_points", CONTACT_POINTS, POINT_COLUMNS),
            consent=self._of_concerned("consent", CONSENT, DECISION_COLUMNS),
            whose=Whose.FEW,
        )

    def _of_concerned(self, name: str, table: TableName, columns: Sequence[str]) -> str:
        if table not in self.catalogue.columns:
            return table.sql  # a plan without it does not read it
        listed = ", ".join(("person_id", *(quoted(column) for column in columns)))
        written = f"{ASKED}_{name}"
        self.warehouse.execute(
            f"create or replace temp table {written} as select {listed} from {table.sql} "
            f"where person_id in (select person_id from {ASKED})"
        )
        return written

    def _of_asked(self, name: str, table: TableName, columns: Sequence[str]) -> str:
        if table not in self.catalogue.columns:
            return table.sql  # a plan without it does not read it
        return self._keep(name, table, columns)

    def _keep(self, name: str, table: TableName, columns: Sequence[str]) -> str:
        """Put some columns of changed groups' rows into a temporary table; returns its name."""
        self.readings.copy(f"{ASKED}_{name}", table, columns)
        return f"{ASKED}_{name}"


def open_settled(
    warehouse: Warehouse, sync: Sync, catalogue: Catalogue, *, many: int = MANY
) -> Settled:
    """What a sync remembers of its last plans by the rules of today."""
    parts = _parts(warehouse)
    sources = sources_of(warehouse, sync, catalogue)
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
            parts,
            [source.read_sql(number) for number, source in enumerate(sources)],
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
    # 64 bits of it: it stands in every row.
    digest = hashlib.sha256(rules.encode()).hexdigest()[:16]
    readings = Readings(warehouse, sync, sources, parts, digest)
    return Settled(warehouse, sync, catalogue, readings, many)


def _counts() -> str:
    return ", ".join(f"count(*) filter (where gate = '{gate}') as {gate}" for gate in _GATES)


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
        self.warehouse.create_missing([SETTLED, SETTLED_PARTS])
        # Sums alone would say of everybody that nothing is due.
        with self.warehouse.transaction():
            for table in (SETTLED, SETTLED_PARTS):
                self.warehouse.execute(f"delete from {table.name.sql}")
        return ()


def memory_for(warehouse: Warehouse) -> str:
    """What the engine may hold for a sync, by the number of persons; the rest goes to disk.

    For 1,000,000 persons it took 1.4 GiB where it might; with half of that a plan takes a quarter
    more of processor time.
    """
    return f"{max(640, 640 * _parts(warehouse) >> 18)} MiB"


def _parts(warehouse: Warehouse) -> int:
    """As many parts as make four to eight persons each; a power of two.

    With twice as many, their sums take longer; with half as many, to look closer at the changed ones
    does.
    """
    persons = int(warehouse.scalar(f"select count(*) from {PROFILES.sql}"))
    return max((1 << max(persons - 1, 1).bit_length()) // 8, 2)

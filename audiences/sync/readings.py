"""Whose rows are not as they were when a sync planned last.

Every row that a plan reads is read once, and its hash written down with the place where it lies.
Sums of the hashes of a whole table tell whether it is as it was; where it is not, sums by parts of
four to eight persons tell which are, and in the others sums by person whose rows differ. What is known of
those is then read by the places of their rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from audiences.catalogue import CONSENT, CONTACT_POINTS, PROFILES, Catalogue
from audiences.inventory import LEDGER, MEMBERSHIPS, SETTLED, SETTLED_PARTS
from audiences.sync import plan
from audiences.sync.checksums import BUCKET, Source, sources, sum_sql
from audiences.sync.config import Sync
from audiences.sync.gates import named_in
from warehouse import TableName, Warehouse, quoted

CHANGED = "candor_sync_changed"
_WANTED = "candor_sync_wanted"
_PARTS = "candor_sync_parts"
_OTHERS = "candor_sync_others"
_CLOSE = "candor_sync_close"
_READ = "candor_sync_read_"
_WHOLE = -1
# With more parts changed, a quarter of the persons or so, narrowing costs more than it saves.
_FEW = 0.9


@dataclass(frozen=True, slots=True)
class Readings:
    """The rows of one plan against those of the last one.

    Attributes:
        warehouse: The engine.
        sync: The sync.
        sources: The rows that its plan reads.
        parts: Number of parts, a power of two.
        rules: Digest of how the sync plans.
    """

    warehouse: Warehouse
    sync: Sync
    sources: tuple[Source, ...]
    parts: int
    rules: str

    def compare(self) -> bool:
        """List the groups that are not as they were in ``candor_sync_changed``; False: too many."""
        if self.sync.mode == "full" or not self._is_known():
            return False
        self._read()
        self._list_others()
        self._do(f"create or replace temp table {_WANTED} as {self._forgotten()}")
        with self.warehouse.with_numbered_groups(self.parts):
            self._do(f"create or replace temp table {_PARTS} as {self._differing_parts()}")
        if self._ask(f"select count(*) from {_PARTS}") > _FEW * self.parts:
            self.put_away()
            return False
        self._look_closer()
        return True

    def add(self, buckets: str) -> bool:
        """List also the groups of a query; whether any of them was not listed."""
        self._do(
            f"insert into {_WANTED} select distinct bucket from ({buckets}) "
            f"where bucket not in (select bucket from {CHANGED})"
        )
        self._do(
            f"insert into {_PARTS} select distinct {self._part()} as part from {_WANTED} "
            f"where part not in (select part from {_PARTS})"
        )
        before = self._ask(f"select count(*) from {CHANGED}")
        self._look_closer()
        return bool(self._ask(f"select count(*) from {CHANGED}") > before)

    def copy(self, name: str, table: TableName, columns: Sequence[str]) -> None:
        """Put some columns of the changed groups' rows of a table into a temporary one."""
        number, source = next(
            (n, s) for n, s in enumerate(self.sources) if s.rows.startswith(f"{table.sql} where")
        )
        changed = f"select bucket from {CHANGED}"
        places = f"select place from {_CLOSE} where source = {number} and bucket in ({changed})"
        rows = f"{table.sql} where rowid in ({places})"
        if source.table is None:
            rows = f"(select * from {source.rows}) where {BUCKET} in ({changed})"
        listed = ", ".join(("person_id", *(quoted(column) for column in columns)))
        self._do(f"create or replace temp table {name} as select {listed} from {rows}")

    def list_all(self) -> None:
        """List every group with its checksum."""
        self._read()
        everything = " union all ".join(
            f"select bucket, hashed from {_READ}{n}" for n in range(len(self.sources))
        )
        self._do(
            f"create or replace temp table {CHANGED} as "
            f"select bucket, {sum_sql('sum(hashed)')} as digest from ({everything}) group by bucket"
        )

    def keep_parts(self) -> None:
        """Keep the sums of what differs from those that are kept, within a transaction."""
        stale = f"part = {_WHOLE} or part in (select part from {_PARTS})"
        others = f"select source from {_OTHERS}"
        self._do(
            f"delete from {SETTLED_PARTS.name.sql} where sync_key = $sync_key "
            f"and source in ({others}) and ({stale})"
        )
        self._keep(
            f"""
            select source, {_WHOLE} as part, digest from {_OTHERS}
            union all
            select source, {self._part()} as part, {sum_sql("sum(hashed)")} as digest
            from {_CLOSE} where source in ({others}) group by source, part
            """
        )

    def keep_all_parts(self) -> None:
        """Keep the sums of everything that was read, within a transaction that forgot the others."""
        for number in range(len(self.sources)):
            with self.warehouse.with_numbered_groups(self.parts):
                self._keep(
                    f"select {number} as source, {self._part()} as part, "
                    f"{sum_sql('sum(hashed)')} as digest from {_READ}{number} group by part"
                )
        self._keep(self._wholes())

    def put_away(self) -> None:
        """Drop what was written down of all rows."""
        for number in range(len(self.sources)):
            self.warehouse.execute(f"drop table if exists {_READ}{number}")
        self.warehouse.execute(f"drop table if exists {_CLOSE}")

    def _is_known(self) -> bool:
        """Whether groups and parts are kept by these rules, and no group by others."""
        groups = f"from {SETTLED.name.sql} where sync_key = $sync_key and rules"
        parts = self._known_parts("true")
        is_known = f"exists ({groups} = $rules) and not exists ({groups} <> $rules)"
        return bool(self._ask(f"select {is_known} and exists ({parts})"))

    def _read(self) -> None:
        for number, source in enumerate(self.sources):
            self._do(f"create or replace temp table {_READ}{number} as {source.read_sql(number)}")

    def _wholes(self) -> str:
        """Query for (source, part, digest) of all rows of each source."""
        return " union all ".join(
            f"select {number} as source, {_WHOLE} as part, "
            f"coalesce({sum_sql('sum(hashed)')}, 0) as digest from {_READ}{number}"
            for number in range(len(self.sources))
        )

    def _list_others(self) -> None:
        """List the sources of which anything is not as it was."""
        known = self._known_parts(f"part = {_WHOLE}")
        self._do(
            f"""
            create or replace temp table {_OTHERS} as
            select source, found.digest from ({self._wholes()}) as found
            left join ({known}) as known using (source)
            where found.digest is distinct from known.digest
            """
        )

    def _differing_parts(self) -> str:
        """Query for the parts with other sums, and those of groups to ask about in any case."""
        others = self.warehouse.read(f"select source from {_OTHERS}")["source"].to_pylist()
        # A join with what is known took longer than to take it off in the same pass. The engine
        # knows the bounds of a remainder, and so that an array can hold the parts.
        differing = [
            f"""
            select part from (
                select part, sum(hashed) as difference from (
                    select {self._part()} as part, hashed from {_READ}{number}
                    union all
                    select part, -digest from ({self._known_parts(f"source = {number}")})
                    where part <> {_WHOLE}
                )
                group by part
            )
            where {sum_sql("difference")} <> 0
            """
            for number in others
        ]
        due = f"select bucket from {SETTLED.name.sql} where sync_key = $sync_key and digest is null"
        asked = [
            f"select {self._part()} as part from ({rows})" for rows in (due, f"from {_WANTED}")
        ]
        return " union ".join((*asked, *differing))

    def _look_closer(self) -> None:
        """List the groups in the changed parts that are not as they were, or are wanted."""
        close = " union all ".join(
            f"select {number} as source, bucket, place, hashed from {_READ}{number} "
            f"inner join {_PARTS} on part = {self._part()}"
            for number in range(len(self.sources))
        )
        self._do(f"create or replace temp table {_CLOSE} as {close}")
        self._do(
            f"""
            create or replace temp table {CHANGED} as
            select bucket, {sum_sql("hashed")} as digest
            from (
                select bucket, sum(hashed) as hashed, max(known) as known
                from (
                    select bucket, hashed, null as known from {_CLOSE}
                    union all
                    select bucket, null, digest from {SETTLED.name.sql}
                    inner join {_PARTS} on part = {self._part()}
                    where sync_key = $sync_key and rules = $rules
                )
                group by bucket
            )
            where digest is distinct from known or bucket in (select bucket from {_WANTED})
            """
        )

    def _keep(self, sums: str) -> None:
        self._do(
            f"""
            insert into {SETTLED_PARTS.name.sql} (sync_key, rules, source, part, digest)
            select $sync_key, $rules, source, part, digest from ({sums})
            """
        )

    def _known_parts(self, condition: str) -> str:
        return (
            f"select source, part, digest from {SETTLED_PARTS.name.sql} "
            f"where sync_key = $sync_key and rules = $rules and {condition}"
        )

    def _forgotten(self) -> str:
        """Query for the groups of those who are sent again for no change of theirs."""
        return f"""
            select distinct {BUCKET} as bucket from {LEDGER.name.sql} as ledger
            where sync_key = $sync_key and is_present and {plan.is_forgotten(self.sync)}
        """

    def _part(self) -> str:
        return f"bucket % {self.parts}"

    def _do(self, sql: str) -> None:
        self.warehouse.execute(sql, self._named(sql))

    def _ask(self, sql: str) -> int:
        return int(self.warehouse.scalar(sql, self._named(sql)))

    def _named(self, sql: str) -> Mapping[str, object]:
        return named_in(sql, {**plan.plan_parameters(self.sync), "rules": self.rules})


def sources_of(warehouse: Warehouse, sync: Sync, catalogue: Catalogue) -> tuple[Source, ...]:
    """All rows that decide what is due, with their places where they have any."""
    found = warehouse.read(
        "select table_schema, table_name from information_schema.tables "
        "where table_type = 'BASE TABLE'"
    ).to_pylist()
    tables = {TableName(row["table_schema"], row["table_name"]) for row in found}
    placed = {PROFILES, CONTACT_POINTS, CONSENT, MEMBERSHIPS.name, LEDGER.name}
    return sources(sync, catalogue, frozenset(tables & placed))

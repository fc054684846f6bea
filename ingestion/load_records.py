"""Store mapped records: refuse, drop versions that are known, keep the new ones."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

import pyarrow as pa

from identifiers import normalise_emails, normalise_phones
from ingestion import records
from ingestion.accounting import FileCount
from ingestion.config import RecordSource
from ingestion.files import LandingFile
from ingestion.inventory import QUARANTINE, TABLES
from ingestion.records import RECORDS, REJECTS, reading_rows
from warehouse import Table, Warehouse, quoted

if TYPE_CHECKING:
    from ingestion.load import LoadContext


def load_records(context: LoadContext, source: RecordSource, file: LandingFile) -> FileCount:
    """Load one file of records inside the caller's transaction.

    Raises:
        UnreadableFileError: The file is not what its name says.
        WrongColumnError: The file lacks a column that the source maps.
    """
    warehouse = context.warehouse
    with reading_rows(warehouse, file, source) as rows:
        warehouse.execute(records.records_sql(file, source, rows))
    if source.kind == "ip_ranges":
        _resolve_networks(warehouse)
    _mark_suppressed(context, source, file)
    refused = _quarantine(warehouse, file, has_rejects=rows.unreadable > 0)
    good = int(warehouse.scalar(f"select count(*) from {RECORDS} where code is null"))
    loaded = _store(context, source, file)
    return FileCount(
        file,
        rows_in=good + refused,
        rows_loaded=loaded,
        rows_deduplicated=good - loaded,
        rows_quarantined=refused,
    )


def _store(context: LoadContext, source: RecordSource, file: LandingFile) -> int:
    table = next(t for t in TABLES if t.name.name == source.record_kind.table)
    own = [name for name in table.column_names if name not in _ORIGIN]
    listed = ", ".join(quoted(name) for name in own)
    identity = [name for name in table.key if name != "source"]
    same = " and ".join(f"stored.{quoted(name)} = fresh.{quoted(name)}" for name in identity)
    per_source = "stored.source = $source and " if "source" in table.key else ""
    return context.warehouse.append(
        table.name,
        f"""
        select $load_id as load_id, $source as source, $file as file, {listed},
            $now::timestamp as loaded_at
        from {RECORDS} as fresh
        where code is null and not exists (
            select 1 from {table.name.sql} as stored where {per_source}{same}
        )
        qualify row_number() over (
            partition by {", ".join(quoted(name) for name in identity)} order by line
        ) = 1
        order by line
        """,
        {
            "load_id": file.load_id, "source": file.source, "file": file.name, "now": context.now,
        },
    )  # fmt: skip


_ORIGIN = ("load_id", "source", "file", "loaded_at")


def _quarantine(warehouse: Warehouse, file: LandingFile, *, has_rejects: bool) -> int:
    """Note every refused row; return how many there are."""
    reasons = " ".join(
        f"when '{code}' then '{why.replace(chr(39), chr(39) * 2)}'"
        for code, why in records.REASONS.items()
    )
    refused = f"select line, code from {RECORDS} where code is not null"
    if has_rejects:
        refused += f" union all select distinct line, 'unreadable_row' as code from {REJECTS}"
    return warehouse.append(
        QUARANTINE.name,
        f"select $load_id as load_id, $source as source, $file as file, line, code, "
        f"case code {reasons} end as reason from ({refused}) order by line",
        {"load_id": file.load_id, "source": file.source, "file": file.name},
    )


def _mark_suppressed(context: LoadContext, source: RecordSource, file: LandingFile) -> None:
    """Refuse every record that carries an identifier of a person who was erased."""
    warehouse = context.warehouse
    columns = set(warehouse.read(f"select * from {RECORDS} limit 0").column_names)
    asked = [
        _identifiers(context, kind, column)
        for kind, column in _SUBJECT_COLUMNS
        if column in columns
    ]
    if source.kind == "person_records":
        asked.append(_record_keys(warehouse, f"'{file.source}'", "source_record_id"))
    if {"person_source", "person_record_id"} <= columns:
        asked.append(_record_keys(warehouse, "person_source", "person_record_id"))
    if not asked:
        return
    identifiers = pa.concat_tables(asked)
    found = context.is_suppressed(identifiers.select(["kind", "value"]))
    if not found.num_rows:
        return
    with warehouse.view("candor_asked", identifiers), warehouse.view("candor_suppressed", found):
        warehouse.execute(
            f"update {RECORDS} set code = 'suppressed' where code is null and line in "
            "(select line from candor_asked semi join candor_suppressed using (kind, value))"
        )


_SUBJECT_COLUMNS = (
    ("email", "email"), ("email", "person_email"), ("email", "subject_email"), ("phone", "phone"),
    ("user_id", "user_id"), ("anonymous_id", "anonymous_id"),
)  # fmt: skip


def _identifiers(context: LoadContext, kind: str, column: str) -> pa.Table:
    """Normalised identifiers of one column with the lines that carry them: (kind, value, line)."""
    given = context.warehouse.read(
        f"select line, {quoted(column)}::varchar as given from {RECORDS} "
        f"where {quoted(column)} is not null and code is null"
    )
    values = given.column("given").combine_chunks()
    if kind == "email":
        values = normalise_emails(values)
    elif kind == "phone":
        values = normalise_phones(values, default_region=context.default_region)
    kinds = pa.array([kind] * len(values), pa.string())
    table = pa.table({"kind": kinds, "value": values, "line": given.column("line")})
    return table.filter(table.column("value").is_valid())


def _record_keys(warehouse: Warehouse, source: str, column: str) -> pa.Table:
    return warehouse.read(
        f"select 'source_record' as kind, {source} || '|' || {column} as value, line from {RECORDS} "
        f"where {column} is not null and code is null"
    )


def _resolve_networks(warehouse: Warehouse) -> None:
    """Write first and last address of each network as 32 hex digits, see ``raw.ip_ranges``."""
    given = warehouse.read(f"select distinct cidr from {RECORDS} where code is null order by cidr")
    networks = [_network(text) for text in given.column("cidr").to_pylist()]
    ends = pa.table(
        {
            "cidr": given.column("cidr"),
            "first_address": pa.array([network and network[0] for network in networks], pa.string()),
            "last_address": pa.array([network and network[1] for network in networks], pa.string()),
        }
    )
    with warehouse.view("candor_networks", ends):
        warehouse.execute(
            f"""
            create or replace temp table {RECORDS} as
            select rows.* replace (case when code is null and ends.first_address is null
                    then 'invalid_network' else code end as code),
                ends.first_address, ends.last_address
            from {RECORDS} as rows left join candor_networks as ends using (cidr)
            """
        )


def _network(cidr: str) -> tuple[str, str] | None:
    try:
        network = ipaddress.ip_network(cidr, strict=False)
    except ValueError:
        return None
    # IPv4 is mapped into ::ffff:0:0/96 (RFC 4291 section 2.5.5.2), so one order fits both.
    offset = 0xFFFF << 32 if network.version == 4 else 0
    first, last = int(network.network_address), int(network.broadcast_address)
    return f"{first + offset:032x}", f"{last + offset:032x}"

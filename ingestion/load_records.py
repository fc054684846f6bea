"""Store mapped records: refuse, drop versions that are known, keep the new ones."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from identifiers import normalise_emails, normalise_phones, phones_by_country
from ingestion import records
from ingestion.accounting import FileCount
from ingestion.config import RecordSource
from ingestion.consent_words import DENIED, GRANTED
from ingestion.date_orders import as_declared, date_orders
from ingestion.earlier_loads import KeptOrders
from ingestion.field_values import DateOrder
from ingestion.files import LandingFile
from ingestion.inventory import QUARANTINE, table_of
from ingestion.mapping import FieldType, RecordKind
from ingestion.plausible import EARLIEST, LATEST, WHOLE_INTERNET
from ingestion.record_columns import chosen_columns
from ingestion.record_rows import reading_rows
from ingestion.records import RECORDS
from ingestion.unread import count_unread
from warehouse import SubjectKind, Warehouse, literal, quoted

if TYPE_CHECKING:
    from ingestion.load import LoadContext


def load_records(context: LoadContext, source: RecordSource, file: LandingFile) -> FileCount:
    """Load one file of records inside the caller's transaction.

    Raises:
        UnreadableFileError: The file is not what its name says.
        WrongColumnError: The file lacks a column that the source maps.
    """
    warehouse = context.warehouse
    read = read_records(warehouse, source, file, kept=context.kept_orders.get(file.load_id))
    if source.kind == "ip_ranges":
        _resolve_networks(warehouse)
    key = source.record_kind.key
    # A row of an export that brings nothing to this table; an erasure reads it all the same.
    warehouse.execute(f"delete from {RECORDS} where code is null and {quoted(key)} = ''")
    _mark_suppressed(context, file)
    refused = _quarantine(warehouse, file, source.record_kind)
    good = int(warehouse.scalar(f"select count(*) from {RECORDS} where code is null"))
    loaded = _store(context, source, file)
    return FileCount(
        file,
        rows_in=good + refused,
        rows_loaded=loaded,
        rows_deduplicated=good - loaded,
        rows_quarantined=refused,
        absent_fields=read.absent,
        unread_values=count_unread(warehouse, RECORDS),
        date_orders=read.orders,
    )


@dataclass(frozen=True, slots=True)
class RecordsRead:
    """How a file was read.

    Attributes:
        absent: Mapped fields that no line of a file in JSON lines has.
        orders: Which number of its dates comes first by what the file tells, by field.
    """

    absent: tuple[str, ...]
    orders: Mapping[str, DateOrder]


def read_records(
    warehouse: Warehouse,
    source: RecordSource,
    file: LandingFile,
    *,
    may_lack: bool = False,
    kept: KeptOrders | None = None,
) -> RecordsRead:
    """Read a file into ``candor_records``: a row per row, judged and typed.

    Args:
        warehouse: The engine.
        source: What the file is.
        file: The landing file.
        may_lack: Whether it is read without columns that the source maps, see ``reading_rows``.
        kept: How its dates were read before an erasure took rows out of it, see ``date_orders``.

    Raises:
        UnreadableFileError: The file is not what its name says.
        WrongColumnError: The file lacks a column that the source maps.
    """
    wanted = source.named_columns
    reading = reading_rows(warehouse, file, wanted, delimiter=source.delimiter, may_lack=may_lack)
    with reading as rows:
        chosen = chosen_columns(warehouse, file, source, rows, may_lack=may_lack)
        if chosen.stages:
            records.spread_stages(warehouse, rows, chosen.stages)
        times = records.time_texts(chosen, rows)
        orders = date_orders(warehouse, rows, times, file=file, kept=kept)
        chosen = replace(chosen, orders=as_declared(source.date_order, orders))
        warehouse.execute(records.records_sql(chosen, rows))
    return RecordsRead(rows.absent, orders)


def _store(context: LoadContext, source: RecordSource, file: LandingFile) -> int:
    table = table_of(source.kind)
    own = [name for name in table.column_names if name not in _ORIGIN]
    identity = [name for name in table.key if name != "source"]
    per_source = "source = $source" if "source" in table.key else "true"
    known = f"select * from {table.name.sql} where {per_source}"
    fresh = (
        f"select * from {RECORDS} where code is null "
        f"qualify row_number() over (partition by {_listed(identity)} order by line) = 1"
    )
    is_versioned = "record_hash" in identity
    if is_versioned:
        fresh = _versions_sql(fresh, source.record_kind.key)
    return context.warehouse.append(
        table.name,
        f"""
        with known as ({known}), fresh as ({fresh})
        select $load_id as load_id, $source as source, $file as file, {_listed(own)},
            $now::timestamp as loaded_at
        from fresh
        where {"came_back or" if is_versioned else ""} not exists (
            select 1 from known
            where {_same("known", "fresh", identity)} and known.loaded_at <= $until::timestamp
        )
        order by line
        """,
        {
            "load_id": file.load_id, "source": file.source, "file": file.name,
            "now": context.first_loads.get(file.load_id, context.now),
            "until": context.first_loads.get(file.load_id, "infinity"),
        },
    )  # fmt: skip


def _versions_sql(fresh: str, key: str) -> str:
    """The rows of a file, with a hash of its own for each that brings an earlier version back.

    A record without a date of its last change is as the newest file says. Where that says what an
    older one said, but not the one between them, it is a version anew. A file that holds several
    rows of a record does not say which of them holds.
    """
    of = quoted(key)
    latest = f"""
        select {of}, load_id, record_hash from known
        where (loaded_at, file) < ($until::timestamp, $file)
        qualify row_number() over (
            partition by {of} order by loaded_at desc, file desc, load_id desc
        ) = 1
    """
    return f"""
        select * replace (
            case when came_back then sha256(record_hash || '|' || $load_id) else record_hash end
                as record_hash
        )
        from (
            select given.*,
                given.record_updated_at is null
                and count(*) over (partition by {of}) = 1
                and latest.record_hash <> given.record_hash
                and latest.record_hash <> sha256(given.record_hash || '|' || latest.load_id)
                and exists (
                    select 1 from known
                    where {_same("known", "given", (key, "record_hash"))}
                        and known.loaded_at <= $until::timestamp
                ) as came_back
            from ({fresh}) as given left join ({latest}) as latest using ({of})
        )
    """


def _listed(names: Iterable[str]) -> str:
    return ", ".join(quoted(name) for name in names)


def _same(one: str, other: str, names: Iterable[str]) -> str:
    return " and ".join(f"{one}.{quoted(name)} = {other}.{quoted(name)}" for name in names)


_ORIGIN = ("load_id", "source", "file", "loaded_at")


def _quarantine(warehouse: Warehouse, file: LandingFile, kind: RecordKind) -> int:
    """Note every refused row; return how many there are."""
    whys = {code: literal(why) for code, why in records.REASONS.items()}
    whys["missing_value"] = _lacking(kind)
    reasons = " ".join(f"when {literal(code)} then {why}" for code, why in whys.items())
    return warehouse.append(
        QUARANTINE.name,
        f"select $load_id as load_id, $source as source, $file as file, line, code, "
        f"case code {reasons} end as reason from {RECORDS} where code is not null order by line",
        {"load_id": file.load_id, "source": file.source, "file": file.name},
    )


def _lacking(kind: RecordKind) -> str:
    """An expression for what a row lacks: which fields are empty, and which are not to be read."""
    lacking = ", ".join(
        f"case when {quoted(name)} is null then {literal(name)} || "
        f"case when list_contains(unread, {literal(name)}) "
        f"then {literal(_UNREADABLE.get(kind.fields[name], ' cannot be read'))} "
        "else ' is empty' end end"
        for name in kind.required
    )
    return f"concat_ws('; ', {lacking})"


# Which words are read, where those are few.
_UNREADABLE = {
    FieldType.CONSENT: f" cannot be read: a grant is one of {', '.join(GRANTED)}, a denial one of "
    f"{', '.join(DENIED)}; say what other words mean under `statuses` of the source in sources.yml "
    "(granted, denied), then `candor day redo` reads the loaded files again",
    FieldType.TIME: f" cannot be read as a time between {EARLIEST:.4} and {LATEST:.4}",
}


def _mark_suppressed(context: LoadContext, file: LandingFile) -> None:
    """Refuse every record that carries an identifier of a person who was erased."""
    warehouse = context.warehouse
    carried = record_identifiers(warehouse, file.source, context.default_region)
    found = context.is_suppressed(carried.select(["kind", "value"]))
    if not found.num_rows:
        return
    with warehouse.view("candor_asked", carried), warehouse.view("candor_suppressed", found):
        warehouse.execute(
            f"update {RECORDS} set code = 'suppressed' where code is null and line in "
            "(select line from candor_asked semi join candor_suppressed using (kind, value))"
        )


# Which columns of a record hold which kind of identifier.
_SUBJECT_COLUMNS = (
    (SubjectKind.EMAIL, "email"), (SubjectKind.EMAIL, "person_email"),
    (SubjectKind.EMAIL, "subject_email"), (SubjectKind.PHONE, "phone"),
    (SubjectKind.USER_ID, "user_id"), (SubjectKind.ANONYMOUS_ID, "anonymous_id"),
)  # fmt: skip


def record_identifiers(warehouse: Warehouse, source: str, default_region: str) -> pa.Table:
    """Every identifier of ``candor_records``, normalised: (kind, value, line).

    What an erased person's rows are kept out by, and what an erasure finds them by. A number is
    carried as it is dialled in the country of its row, as identity reads it, and as in the default
    region: so it is known for those who were erased where no country was read.
    """
    columns = set(warehouse.read(f"select * from {RECORDS} limit 0").column_names)
    country = "country" if "country" in columns else "null"
    carried = [
        _identifiers(warehouse, kind, column, default_region, country)
        for kind, column in _SUBJECT_COLUMNS
        if column in columns
    ]
    if "source_record_id" in columns:
        carried.append(_record_keys(warehouse, literal(source), "source_record_id"))
    if {"person_source", "person_record_id"} <= columns:
        carried.append(_record_keys(warehouse, "person_source", "person_record_id"))
    return pa.concat_tables(carried) if carried else IDENTIFIERS.empty_table()


IDENTIFIERS = pa.schema([("kind", pa.string()), ("value", pa.string()), ("line", pa.int64())])


def _identifiers(
    warehouse: Warehouse, kind: SubjectKind, column: str, default_region: str, country: str
) -> pa.Table:
    given = warehouse.read(
        f"select line, {quoted(column)}::varchar as given, {country}::varchar as country from {RECORDS} "
        f"where {quoted(column)} is not null"
    )
    texts = given["given"]
    if kind is SubjectKind.EMAIL:
        readings = [normalise_emails(texts)]
    elif kind is SubjectKind.PHONE:
        readings = _phone_readings(texts, given["country"], default_region)
    else:
        readings = [texts]
    kinds = pa.array([str(kind)] * len(texts), pa.string())
    tables = [pa.table([kinds, values, given["line"]], IDENTIFIERS) for values in readings]
    return pa.concat_tables(table.filter(table["value"].is_valid()) for table in tables)


def _phone_readings(
    texts: pa.ChunkedArray, countries: pa.ChunkedArray, default_region: str
) -> list[pa.Array]:
    by_country = phones_by_country(texts, countries, default_region=default_region)
    if countries.null_count == len(countries):
        return [by_country]
    by_default = normalise_phones(texts, default_region=default_region)
    is_same = pc.fill_null(pc.equal(by_country, by_default), fill_value=False)
    return [by_country, pc.if_else(is_same, None, by_default)]


def _record_keys(warehouse: Warehouse, source: str, column: str) -> pa.Table:
    keys = warehouse.read(
        f"select {literal(SubjectKind.SOURCE_RECORD)} as kind, "
        f"{source} || '|' || {column} as value, line from {RECORDS} "
        f"where {source} is not null and {column} is not null"
    )
    return keys.cast(IDENTIFIERS)


def _resolve_networks(warehouse: Warehouse) -> None:
    """Write first and last address of each network as 32 hex digits, see ``raw.ip_ranges``."""
    given = warehouse.read(f"select distinct cidr from {RECORDS} where code is null order by cidr")
    # Once per distinct network: a list of networks is short beside the events that it places.
    networks = [_network(text) for text in given["cidr"].to_pylist()]
    first = pa.array([network and network[0] for network in networks], pa.string())
    last = pa.array([network and network[1] for network in networks], pa.string())
    names = ["cidr", "first_address", "last_address"]
    ends = pa.table([given["cidr"], first, last], names)
    whole = ", ".join(f"('{begin}', '{end}')" for begin, end in WHOLE_INTERNET)
    with warehouse.view("candor_networks", ends):
        warehouse.execute(
            f"""
            create or replace temp table {RECORDS} as
            select rows.* replace (case when code is not null then code
                    when ends.first_address is null then 'invalid_network'
                    when (ends.first_address, ends.last_address) in ({whole})
                        then 'implausible_value' end as code),
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

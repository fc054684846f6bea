"""California's deletion platform (DROP): lists of hashed identifiers in, answers out.

A list is matched in the engine against what is held. Who is found alone is erased by a request like
any other; who share an identifier are opted out of sale and sharing, each of them; who is not found
is remembered by a keyed hash, so that a later match is found too. The hashes of the list itself are
not kept: they are SHA-256 of addresses, which a dictionary turns back.

Source: California Civil Code section 1798.99.86; Cal. Code Regs. title 11, sections 7610 to 7614.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from uuid import UUID, uuid5

import numpy as np
import pyarrow as pa

from identifiers import learn_date_orders, parse_birth_dates
from privacy.audit import AuditEntry, append_audit
from privacy.config import ConsentConfig, Objection
from privacy.context import ErasureContext
from privacy.drop_files import ITEMS, DropLists, write_answers
from privacy.drop_matching import FOUND, candidates_sql
from privacy.errors import RequestActError
from privacy.handling import RequestDesk
from privacy.inventory import DROP_ITEMS
from privacy.key_rotation import current_key
from privacy.objections import attribute_objections, forget_objections, record_objections
from privacy.request_folder import RequestFolder
from privacy.requests import IdentityType, SubjectIdentity, SubjectRequest
from privacy.suppression import hash_identifiers

# Ids of requests follow from ids of items, so that a list that is read again asks for nothing new.
_NAMESPACE = UUID("7f4a3f0e-52a4-4f9b-9a4e-6c1f7d6a2b11")
_REALM = "drop:"


@dataclass(frozen=True, slots=True)
class DropReport:
    """What a list came to.

    Attributes:
        items: Items that were compared.
        found: Of these, items that name one person.
        shared: Items that several persons hold.
        requests: Erasures that were asked for, one per person.
        removed: Items that their consumers took back.
        withdrawn: Ids of the erasures that were called off, as those alone asked for them.
    """

    items: int
    found: int
    shared: int
    requests: int
    removed: int
    withdrawn: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Drop:
    """The platform's lists of one company.

    Attributes:
        context: What to work with.
        config: Which purposes an opt-out denies, and where vehicles are known from.
        folder: Where requests wait to be carried out.
        by: Who reads the lists, as the audit log is to name them.
    """

    context: ErasureContext
    config: ConsentConfig
    folder: RequestFolder
    by: str

    def take(self, lists: DropLists) -> DropReport:
        """Compare new items with what is held, and ask for what follows; again changes nothing.

        Raises:
            PersonalNoteError: The name of who reads them tells an address or telephone.
        """
        warehouse = self.context.warehouse
        withdrawn = self._remove(lists.removed)
        with warehouse.view("candor_drop_listed", lists.items):
            fresh = warehouse.read(
                f"select distinct on (item_id) * from candor_drop_listed "
                f"anti join {DROP_ITEMS.name.sql} using (item_id) "
                "where not list_contains($removed::varchar[], item_id) order by item_id, file",
                {"removed": list(lists.removed)},
            ).cast(ITEMS)
        return self._settle(fresh, fresh, removed=len(lists.removed), withdrawn=withdrawn)

    def match_again(self) -> DropReport:
        """Compare items that named nobody with who has come since."""
        return self._settle(ITEMS.empty_table(), self._unmatched(), removed=0, withdrawn=())

    def answer(self, folder: Path) -> Mapping[str, int]:
        """Write what is to be uploaded, and remember it as reported.

        Returns:
            Rows by file name; under ``waiting`` those that cannot be answered yet.
        """
        warehouse = self.context.warehouse
        answers = warehouse.read(_ANSWERS)
        written: dict[str, int] = {}
        names = answers["name"].unique().to_pylist()
        with warehouse.view("candor_drop_answers", answers):
            for name in names:
                rows = warehouse.read(
                    "select item_id, code from candor_drop_answers where name = $name "
                    "order by item_id",
                    {"name": name},
                )
                write_answers(folder / name, rows)
                written[name] = rows.num_rows
            with warehouse.transaction():
                warehouse.execute(_REPORTED, {"now": self.context.now})
                entries = [AuditEntry("drop_answered", n, {"rows": written[n]}) for n in names]
                append_audit(warehouse, entries, now=self.context.now)
        return {**written, "waiting": int(warehouse.scalar(_WAITING))}

    def _settle(
        self, fresh: pa.Table, wanted: pa.Table, *, removed: int, withdrawn: tuple[str, ...]
    ) -> DropReport:
        """Match, ask for erasures, opt out who share, and write it down; in this order."""
        warehouse = self.context.warehouse
        self._match(wanted)
        requests = self._requests()
        for request in requests.values():
            self.folder.add(request)
        with warehouse.transaction():
            self._opt_out()
            self._store(fresh)
            warehouse.execute(_MATCHED)
            counts = warehouse.read(_COUNTS).to_pylist()[0]
            report = DropReport(wanted.num_rows, counts["found"], counts["shared"],
                                len(requests), removed, withdrawn)  # fmt: skip
            self._note(report)
        warehouse.execute(f"drop table {FOUND}")
        return report

    def _match(self, wanted: pa.Table) -> None:
        warehouse, lists = self.context.warehouse, wanted["list_type"].unique().to_pylist()
        candidates = candidates_sql(lists, self.config.drop_vin_attribute)
        with warehouse.view("candor_drop_wanted", wanted), self._births():
            warehouse.execute(
                f"create or replace temp table {FOUND} as with candidates as ({candidates}) {_FOUND}"
            )

    @contextmanager
    def _births(self) -> Iterator[None]:
        """Let queries read the dates of birth that records hold in many forms."""
        warehouse = self.context.warehouse
        texts = warehouse.read(
            "select distinct source, birth_date as text from raw.person_records "
            "where birth_date is not null order by all"
        )
        orders = learn_date_orders(texts["source"], texts["text"])
        born = parse_birth_dates(
            texts["text"],
            month_first=orders.of(texts["source"]),
            latest=np.datetime64(self.context.now.date()),
        )
        dates = texts.append_column("born", born)
        with warehouse.view("candor_births", dates):
            yield

    def _requests(self) -> Mapping[str, SubjectRequest]:
        """One erasure for each person who was found alone, by id; also told to the found rows."""
        warehouse = self.context.warehouse
        rows = warehouse.read(_ALONE).to_pylist()
        ids = {row["person_id"]: str(uuid5(_NAMESPACE, row["item_id"])) for row in rows}
        told = pa.table(
            {
                "person_id": pa.array(list(ids), pa.string()),
                "subject_request_id": pa.array(list(ids.values()), pa.string()),
            }
        )
        with warehouse.view("candor_drop_requests", told):
            warehouse.execute(
                f"update {FOUND} as found set subject_request_id = told.subject_request_id "
                "from candor_drop_requests as told "
                "where found.person_id = told.person_id and found.persons = 1"
            )
        return {ids[row["person_id"]]: self._request(ids[row["person_id"]], row) for row in rows}

    def _request(self, request_id: str, row: Mapping[str, str]) -> SubjectRequest:
        record = f"{row['source']}|{row['source_record_id']}"
        identity = SubjectIdentity(
            identity_type=IdentityType.SOURCE_RECORD, identity_value=record, identity_format="raw"
        )
        return SubjectRequest(
            regulation="ccpa",
            subject_request_id=UUID(request_id),
            subject_request_type="erasure",
            submitted_time=self.context.now.replace(tzinfo=UTC),
            subject_identities=(identity,),
        )

    def _opt_out(self) -> None:
        """Opt out everybody who holds what several hold."""
        warehouse = self.context.warehouse
        keys = warehouse.read(_SHARED)
        if not keys.num_rows:
            return
        record_objections(
            warehouse,
            keys,
            kind=str(Objection.DO_NOT_SELL_OR_SHARE),
            regulation="ccpa",
            purposes=self.config.denied_by("ccpa", Objection.DO_NOT_SELL_OR_SHARE),
            objected_at=dict.fromkeys(
                keys["subject_request_id"].unique().to_pylist(), self.context.now
            ),
            now=self.context.now,
        )
        attribute_objections(warehouse)

    def _store(self, fresh: pa.Table) -> None:
        """Keep the items by keyed hashes."""
        named = fresh.rename_columns(["item_id", "kind", "value", "file"])
        key = current_key(self.context.warehouse, self.context.suppressions.keys)
        hashed = hash_identifiers(named, key, realm=_REALM)
        with self.context.warehouse.view("candor_drop_stored", hashed):
            self.context.warehouse.append(DROP_ITEMS.name, _STORED, {"now": self.context.now})

    def _unmatched(self) -> pa.Table:
        """The stored items that name nobody, with the hash of whoever is here under it today."""
        warehouse, ring = self.context.warehouse, self.context.suppressions.keys
        lists = warehouse.read(
            f"select distinct list_type from {DROP_ITEMS.name.sql} where outcome = 'not_found'"
        )["list_type"].to_pylist()
        if not lists:
            return ITEMS.empty_table()
        ring.require_versions(
            warehouse.read(
                f"select distinct key_version from {DROP_ITEMS.name.sql} "
                "where key_version is not null"
            )["key_version"].to_pylist()
        )
        with self._births():
            held = warehouse.read(
                "select distinct list_type as kind, hash as value from "
                f"({candidates_sql(lists, self.config.drop_vin_attribute)})"
            )
        hashed = [hash_identifiers(held, key, realm=_REALM) for key in ring.suppression_keys()]
        with warehouse.view("candor_drop_held", pa.concat_tables(hashed)):
            return warehouse.read(_UNMATCHED).cast(ITEMS)

    def _remove(self, item_ids: Sequence[str]) -> tuple[str, ...]:
        """Note items that were taken back, and call off what nothing else asks for.

        All or nothing; of an item its id stays, so that an older list does not bring it again.
        """
        warehouse = self.context.warehouse
        with warehouse.transaction():
            forget_objections(warehouse, [f"{_REALM}{item_id}" for item_id in item_ids])
            bound = {"item_ids": list(item_ids)}
            warehouse.execute(_REMOVED, bound)
            warehouse.append(DROP_ITEMS.name, _NEVER_CAME, {**bound, "now": self.context.now})
            called_off = self._call_off()
        for request_id in called_off:  # a body that a kill leaves here is of a request called off
            self.folder.withdraw(request_id)
        return called_off

    def _call_off(self) -> tuple[str, ...]:
        """Call off every erasure for which removed items alone ask; what has begun goes on."""
        context = self.context
        desk = RequestDesk(context.warehouse, context.home, context.now, self.by,
                           context.default_region)  # fmt: skip
        called_off = []
        for request_id in context.warehouse.read(_TAKEN_BACK)["subject_request_id"].to_pylist():
            desk.receive(self.folder.added(request_id))
            with suppress(RequestActError):
                desk.cancel(request_id, reason="taken back on the platform")
                called_off.append(request_id)
        return tuple(called_off)

    def _note(self, report: DropReport) -> None:
        detail = {
            "items": report.items, "found": report.found, "shared": report.shared,
            "requests": report.requests, "removed": report.removed,
        }  # fmt: skip
        append_audit(
            self.context.warehouse, [AuditEntry("drop_matched", "DROP", detail)],
            now=self.context.now,
        )  # fmt: skip


# Of each item the persons who hold it, by one record each.
_FOUND = """
    , held as (
        select wanted.item_id, members.person_id, min((members.source, members.source_record_id))
            as record
        from candor_drop_wanted as wanted
        inner join candidates using (list_type, hash)
        inner join identity.members as members using (source, source_record_id)
        group by all
    )
    select item_id, person_id, record[1] as source, record[2] as source_record_id,
        count(*) over (partition by item_id) as persons, null::varchar as subject_request_id
    from held
"""
_ALONE = f"""
    select person_id, min(item_id) as item_id, arg_min(source, item_id) as source,
        arg_min(source_record_id, item_id) as source_record_id
    from {FOUND} where persons = 1 group by person_id order by person_id
"""
_SHARED = f"""
    select '{_REALM}' || item_id as subject_request_id, 'source_record' as kind,
        source || '|' || source_record_id as value
    from {FOUND} where persons > 1
"""
_COUNTS = f"""
    select count(distinct item_id) filter (persons = 1) as found,
        count(distinct item_id) filter (persons > 1) as shared
    from {FOUND}
"""
_STORED = """
    select item_id, kind as list_type, digest, key_version, file, 'not_found' as outcome,
        null::varchar as subject_request_id, $now::timestamp as taken_at,
        null::bigint as reported_code, null::timestamp as reported_at
    from candor_drop_stored
"""
_MATCHED = f"""
    update {DROP_ITEMS.name.sql} as items
    set outcome = case when found.persons = 1 then 'found' else 'shared' end,
        subject_request_id = found.subject_request_id
    from (select distinct item_id, persons, subject_request_id from {FOUND}) as found
    where items.item_id = found.item_id
"""
_REMOVED = f"""
    update {DROP_ITEMS.name.sql} set outcome = 'removed', digest = null
    where list_contains($item_ids::varchar[], item_id)
"""
# Of what was taken back before it ever came here: an older list must not bring it.
_NEVER_CAME = f"""
    select item_id, 'removed' as outcome, $now::timestamp as taken_at
    from (select distinct unnest($item_ids::varchar[]) as item_id)
    anti join {DROP_ITEMS.name.sql} using (item_id)
"""
_TAKEN_BACK = f"""
    select items.subject_request_id
    from {DROP_ITEMS.name.sql} as items left join privacy.requests as requests using (subject_request_id)
    where items.subject_request_id is not null
    group by items.subject_request_id
    having bool_and(items.outcome = 'removed')
        and not bool_or(coalesce(requests.status, '') in ('completed', 'cancelled'))
    order by items.subject_request_id
"""
_UNMATCHED = f"""
    select items.item_id, items.list_type, held.value as hash, items.file
    from {DROP_ITEMS.name.sql} as items
    inner join candor_drop_held as held
        on held.kind = items.list_type and held.digest = items.digest
        and held.key_version = items.key_version
    where items.outcome = 'not_found'
"""

# Status codes of the platform: 2 exempted, 3 deleted, 4 opted out, 5 not found.
_CODED = f"""
    select items.*,
        case items.outcome when 'not_found' then 5 when 'shared' then 4 else
            case requests.status when 'completed' then 3 when 'on_hold' then 2 end
        end as code
    from {DROP_ITEMS.name.sql} as items
    left join privacy.requests as requests using (subject_request_id)
    where items.outcome <> 'removed'
"""
_WAITING = f"select count(*) from ({_CODED}) where code is null"
# A name may be uploaded once per download: parts and corrections get a suffix.
_ANSWERS = f"""
    with coded as ({_CODED}),
    files as (
        select file, bool_or(code is null) as is_part,
            count(distinct reported_at) + 1 as number
        from coded group by file
    )
    select coded.item_id, coded.code,
        regexp_replace(file, '\\.csv$', '') || case
            when coded.reported_code is not null then '_amend' || number
            when is_part or number > 1 then '_part' || number
            else '' end || '.csv' as name
    from coded inner join files using (file)
    where coded.code is not null and coded.code is distinct from coded.reported_code
    order by name, item_id
"""
_REPORTED = f"""
    update {DROP_ITEMS.name.sql} as items
    set reported_code = answers.code, reported_at = $now
    from candor_drop_answers as answers where items.item_id = answers.item_id
"""

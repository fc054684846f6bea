"""The archive that a person gets: what is held of them, where, why, how long, and who else got it.

It accounts for every place that an erasure of the person would touch. Rows of tables are in it as
JSON, exact, and as CSV for spreadsheets. Files are counted: their rows are in the tables, but for
lines that were refused (``raw.quarantine`` says why), which lie in the files alone.

Source: GDPR Articles 15 (access) and 20 (portability: what the person gave and did, nothing that
was concluded from it); CCPA section 1798.130(a)(3)(B).
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import jinja2
import pyarrow as pa
import pyarrow.csv

from privacy.config import ConsentConfig, RetentionConfig
from privacy.context import ErasureContext
from privacy.holds import Holds
from privacy.inventory_people import HOLD_RECORDS
from privacy.locations import TableLocation
from privacy.plain_words import KINDS, in_words, origin_of, words_of
from privacy.plan import KEY_SCHEMA, ErasurePlan, distinct_keys, keys_of
from privacy.requests import SubjectRequest
from warehouse import Table, Warehouse, quoted

# What sources sent, before anything was concluded from it.
_GIVEN = "raw"
_SHOWN_ROWS = 200
_ROWS = "candor_archive_rows"
_PAGE = Path(__file__).parent / "templates" / "archive.html"


@dataclass(frozen=True)
class ArchiveFacts:
    """What an archive is made of.

    Attributes:
        request: Who asked, for what.
        plan: Whose rows, and how many lie where.
        context: Where to read them.
        retention: How long they are kept.
        consent: What data are used for; None where that is not known.
    """

    request: SubjectRequest
    plan: ErasurePlan
    context: ErasureContext
    retention: RetentionConfig
    consent: ConsentConfig | None = None

    @property
    def expires_at(self) -> datetime:
        """When the archive itself is removed, UTC."""
        return self.context.now + timedelta(days=self.retention.archive_days)

    @cached_property
    def tables(self) -> Sequence[tuple[Table, pa.Table]]:
        """Each table that goes into the archive, and the person's rows of it; none is empty."""
        keys = distinct_keys(keys_of([self.plan]))
        read = [
            (place.table, place.read(keys))
            for place in self.context.places
            if isinstance(place, TableLocation) and self._is_asked_for(place.table)
        ]
        return [(table, rows) for table, rows in read if rows.num_rows]

    def _is_asked_for(self, table: Table) -> bool:
        """Not which hold keeps which record: that is the company's file on a claim, see docs."""
        everything = self.request.subject_request_type == "access" and table is not HOLD_RECORDS
        return everything or table.name.schema == _GIVEN


def archive_bytes(facts: ArchiveFacts) -> bytes:
    """The archive as a ZIP: ``index.html``, ``about.json``, and ``data/<table>.json`` and ``.csv``."""
    warehouse = facts.context.warehouse
    about = _about(facts)
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("index.html", _page(about, facts.tables))
        archive.writestr("about.json", json.dumps(about, indent=2))
        for table, rows in facts.tables:
            archive.writestr(f"data/{table.name}.json", _as_json(warehouse, rows))
            archive.writestr(f"data/{table.name}.csv", _as_csv(warehouse, rows))
    return stream.getvalue()


def _about(facts: ArchiveFacts) -> dict[str, Any]:
    request, context = facts.request, facts.context
    told = context.destinations.find(facts.plan.person_ids) if context.destinations else {}
    return {
        "subject_request_id": request.request_id,
        "request_type": request.subject_request_type,
        "regulation": request.regulation,
        "submitted_at": request.submitted_at.isoformat(),
        "made_at": context.now.isoformat(),
        "expires_at": facts.expires_at.isoformat(),
        "is_anything_held": _is_anything_held(facts),
        "is_kept_for_a_legal_claim": _is_kept_for_a_claim(facts),
        "person_ids": list(facts.plan.person_ids),
        "purposes": _purposes(facts),
        "bases": _bases(facts),
        "sources": _sources(facts),
        "recipients": sorted(told),
        "left_out": [asdict(item) for item in facts.plan.left_alone],
        "asked_in": sorted(place.name for place in context.request_places),
        "places": list(_places(facts)),
    }


def _is_anything_held(facts: ArchiveFacts) -> bool:
    """Whether anything but the request itself names the person."""
    asking = {place.name for place in facts.context.request_places}
    return any(count.rows for count in facts.plan.counts if count.location not in asking)


def _is_kept_for_a_claim(facts: ArchiveFacts) -> bool:
    """Whether a legal hold keeps the data; the person is told that, not which claim it is."""
    keys = keys_of([facts.plan]).cast(KEY_SCHEMA)
    return bool(Holds.of(facts.context).against(keys))


def _purposes(facts: ArchiveFacts) -> Mapping[str, str]:
    """What data are used for; Article 15(1)(a)."""
    if facts.consent is None:
        return {}
    return {name: purpose.description for name, purpose in facts.consent.purposes.items()}


def _bases(facts: ArchiveFacts) -> Sequence[Mapping[str, Any]]:
    """On what the use rests, of sources that have the person, where that is not consent."""
    exempt = facts.consent.exempt_sources if facts.consent else {}
    return [
        {"source": name, "basis": str(rule.basis), "purposes": list(rule.purposes)}
        for name, rule in exempt.items()
        if name in _sources(facts)
    ]


def _sources(facts: ArchiveFacts) -> Sequence[str]:
    """Where the rows that sources sent came from."""
    received = [rows for table, rows in facts.tables if table.name.schema == _GIVEN]
    return sorted({source for rows in received for source in _senders(rows)})


def _senders(rows: pa.Table) -> Sequence[str]:
    """The systems that sent rows."""
    if "source" not in rows.column_names:
        return ()
    return sorted(str(name) for name in rows["source"].unique().to_pylist() if name is not None)


def _places(facts: ArchiveFacts) -> Iterator[Mapping[str, Any]]:
    """Every place that an erasure would touch; null for what is not a table."""
    declared = {str(table.name): table for table in facts.context.tables}
    included = {str(table.name) for table, _ in facts.tables}
    for count in facts.plan.counts:
        table = declared.get(count.location)
        yield {
            "place": count.location,
            "rows": count.rows,
            "what": words_of(count.location).what,
            "why": words_of(count.location).why,
            "holds": table.grain if table else None,
            "kept_days": _kept_days(facts, count.location),
            "is_included": count.location in included,
            "columns": {column.name: column.description for column in table.columns}
            if table and count.location in included
            else None,
        }


def _kept_days(facts: ArchiveFacts, place: str) -> int | None:
    """How long rows or files are kept there; of landing files the longest of those of the person."""
    if place in facts.retention.tables:
        return facts.retention.tables[place].days
    if place != "landing":
        return None
    sources = _sources(facts)
    rules = facts.retention.landing.by_source(sources)
    days = [rules[source] for source in sources if source in rules]
    # Where those of one source are kept for ever, nobody can say how long.
    return max(days) if sources and len(days) == len(sources) else None


def _as_json(warehouse: Warehouse, rows: pa.Table) -> str:
    with warehouse.view(_ROWS, rows):
        lines = warehouse.read(
            f"select cast(to_json(rows) as varchar) as line from {_ROWS} as rows"
        )
    return "[\n" + ",\n".join(lines["line"].to_pylist()) + "\n]\n"


def _as_csv(warehouse: Warehouse, rows: pa.Table) -> bytes:
    """Text that a spreadsheet would take for a formula begins with an apostrophe."""
    cells = ", ".join(_cell(field) for field in rows.schema)
    stream = io.BytesIO()
    with warehouse.view(_ROWS, rows):
        pyarrow.csv.write_csv(warehouse.read(f"select {cells} from {_ROWS}"), stream)
    return stream.getvalue()


def _cell(field: pa.Field[pa.DataType]) -> str:
    text = f"cast({quoted(field.name)} as varchar)"
    if pa.types.is_string(field.type) or pa.types.is_large_string(field.type):
        text = f"regexp_replace({text}, '^([=+@\\t\\r-])', '''\\1')"
    return f"{text} as {quoted(field.name)}"


def _page(about: Mapping[str, Any], tables: Sequence[tuple[Table, pa.Table]]) -> str:
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    shown = [_shown(table, rows) for table, rows in tables]
    page = environment.from_string(_PAGE.read_text(encoding="utf-8"))
    return page.render(about=about, tables=shown, kinds=KINDS, is_scored=_is_scored(tables))


def _is_scored(tables: Sequence[tuple[Table, pa.Table]]) -> bool:
    return any(table.name.schema == "prediction" for table, _ in tables)


def _shown(table: Table, rows: pa.Table) -> Mapping[str, Any]:
    """A table as the page has it: without columns in which nothing stands."""
    words = words_of(str(table.name))
    meanings = {column.name: column.description for column in table.columns}
    names = [name for name in rows.column_names if rows[name].null_count < rows.num_rows]
    return {
        "name": str(table.name),
        "what": words.what,
        "why": words.why,
        "origin": origin_of(words, _senders(rows)),
        "part": int(words.part),
        "columns": [(name, in_words(name), meanings.get(name, "")) for name in names],
        "empty": rows.num_columns - len(names),
        "rows": rows.slice(0, _SHOWN_ROWS).to_pylist(),
        "count": rows.num_rows,
    }

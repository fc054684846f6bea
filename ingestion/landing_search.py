"""Find the rows of persons in one landing file, by the identifiers that keep them out later.

A row that was refused is searched as text too: what cannot be taken apart may still name somebody.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from ingestion.config import MappedEventSource, RecordSource, SourcesConfig
from ingestion.errors import WrongColumnError
from ingestion.files import LandingFile
from ingestion.formats import EventFormat, event_format
from ingestion.formats.judged import CARRIED, REFUSED_LINES
from ingestion.formats.mapped import MappedEvents
from ingestion.inventory import EVENTS, LOADS, PERSON_RECORDS, QUARANTINE
from ingestion.load_records import read_records, record_identifiers
from ingestion.misfit import Misfit, keys_brought_sql, misfit_of, naming_columns
from ingestion.record_rows import LAST_LINE, is_parquet
from ingestion.records import RECORDS
from warehouse import SubjectKind, Warehouse, literal, quoted

# The persons' keys: (kind, value).
KEYS = "candor_subject_keys"
# Values to look for in rows that were refused, with the pattern that tells a whole value.
NEEDLES = "candor_subject_needles"

# Rows of a file: from line to last_line; row_key is the row's key in its raw table.
FOUND = pa.schema(
    [
        ("source", pa.string()), ("file_hash", pa.string()), ("line", pa.int64()),
        ("last_line", pa.int64()), ("row_key", pa.string()),
    ]
)  # fmt: skip

# Shorter ids are a common run of characters in somebody else's row; they count only as the value
# of a field that holds ids.
_SHORTEST_ID = 8
# What may part the digits of a number as it is written; a comma or a quote parts two values.
_JOINTS = "-(). /"
_APART = f"[{_JOINTS}]{{0,3}}"
# A number without its country counts from this many digits on: fewer are any id.
_SHORTEST_NATIONAL = 9
# Country codes have one digit or two where the list says so, else three: ITU-T E.164, its annex.
_COUNTRY = "1|7|2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]|[0-9]{3}"
# Looking for more values than this costs more than taking the lines apart.
_MOST_LITERALS = 200


@dataclass(frozen=True, slots=True)
class Found:
    """What a search of one file gave.

    Attributes:
        rows: The persons' rows, of schema ``FOUND``.
        is_misfit: Whether the file lacks columns that some source maps and by which persons are found.
        doubts: Why there may be more, in words.
    """

    rows: pa.Table
    is_misfit: bool = False
    doubts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Search:
    """A search for persons whose keys the engine sees as ``candor_subject_keys``.

    Attributes:
        warehouse: The engine.
        config: What the files are.
        literals: What a call of theirs must hold as text, see :func:`literals_of`.
    """

    warehouse: Warehouse
    config: SourcesConfig
    literals: frozenset[bytes] | None

    def find(self, files: list[LandingFile]) -> Found:
        """The persons' rows of one file, which several sources may read.

        A file that lacks mapped columns is searched by those that it has.

        Args:
            files: The same file, once for each source that declares it.

        Raises:
            UnreadableFileError: It cannot be read.
        """
        searched = [self._rows(file, is_alone=len(files) == 1) for file in files]
        misfits = [misfit for _, misfit in searched if misfit is not None]
        read = pa.concat_tables([rows for rows, _ in searched])
        with self.warehouse.view("candor_landed", read):
            rows = self.warehouse.read(
                "select source, file_hash, line, last_line, row_key from candor_landed "
                "where line in (select line from candor_landed where is_theirs) order by all"
            )
        found = rows.cast(FOUND)
        doubts = [misfit.doubt(self.warehouse, found, KEYS) for misfit in misfits]
        return Found(found, bool(misfits), tuple(why for why in doubts if why is not None))

    def prepare_needles(self) -> None:
        """Make the table of values that are looked for in refused rows."""
        self.warehouse.execute(f"create or replace temp table {NEEDLES} as {_NEEDLES}")

    def _rows(self, file: LandingFile, *, is_alone: bool) -> tuple[pa.Table, Misfit | None]:
        source = self.config.sources[file.source]
        if isinstance(source, RecordSource):
            return self._records(source, file)
        try:
            return self._calls(event_format(source), file, is_alone=is_alone), None
        except WrongColumnError as error:
            if not isinstance(source, MappedEventSource):
                raise
            form = MappedEvents(source, may_lack=True)
            # A row may be theirs by its key alone, so every row is asked for.
            return self._calls(form, file, is_alone=is_alone), misfit_of(error, source, file)

    def _calls(self, form: EventFormat, file: LandingFile, *, is_alone: bool) -> pa.Table:
        """The calls of lines that name the persons, those of others on the same line as well.

        Where another source reads the file too, all its calls: that one may find a person anywhere.
        """
        found, theirs = [_LANDED.empty_table()], _is_their_call()
        if isinstance(form, MappedEvents) and form.may_lack:
            brought = keys_brought_sql(file.source, form.source.kind, "event_id", KEYS)
            theirs += f" or coalesce(event_id in ({brought}), false)"
        refused, may_skip = self._refused_lines(file), is_alone and self._is_loaded(file)

        def worth(block: pa.Table) -> pa.Table:
            return self._worth_reading(block, refused) if may_skip else block

        with self.warehouse.view(REFUSED_LINES, refused):
            for _ in form.carry(self.warehouse, file, worth):
                listed = self._listed(file, "event_id", "last_line", theirs, CARRIED)
                found.append(_of_their_lines(listed) if is_alone else listed)
        return pa.concat_tables(found)

    def _worth_reading(self, block: pa.Table, refused: pa.Table) -> pa.Table:
        """The lines of a loaded file that may name the persons; most blocks hold none of a few.

        Args:
            block: Lines.
            refused: Lines of the file that were refused: their text may name somebody in any form.
        """
        if self.literals is None:
            return block
        text = block["raw"].combine_chunks().buffers()[2].to_pybytes().lower()
        # A value may hide behind an escape of JSON.
        if b"\\u" in text or any(value in text for value in self.literals):
            return block
        return block.filter(pc.is_in(block["line"], value_set=refused["line"].combine_chunks()))

    def _is_loaded(self, file: LandingFile) -> bool:
        found = self.warehouse.scalar(
            f"select count(*) from {LOADS.name.sql} where source = $source and file_hash = $hash",
            {"source": file.source, "hash": file.digest},
        )
        return bool(found)

    def _records(self, source: RecordSource, file: LandingFile) -> tuple[pa.Table, Misfit | None]:
        """All rows of the file: another source may find a person in any of them."""
        misfit = self._read(source, file)
        carried = record_identifiers(self.warehouse, file.source, self.config.default_region)
        key, last = source.record_kind.key, "line" if is_parquet(file.path) else LAST_LINE
        is_theirs = f"""
            line in (select line from candor_carried semi join {KEYS} using (kind, value))
            or ({mentions_sql("refused")} and line not in (select line from candor_carried
                where kind <> '{SubjectKind.SOURCE_RECORD}' or value in (
                    select source || '|' || source_record_id from {PERSON_RECORDS.name.sql})))"""
        if misfit is not None:
            brought = keys_brought_sql(file.source, source.kind, key, KEYS)
            is_theirs += f" or coalesce({quoted(key)} in ({brought}), false)"
        with self.warehouse.view("candor_carried", carried):
            return self._listed(file, key, last, is_theirs, RECORDS), misfit

    def _read(self, source: RecordSource, file: LandingFile) -> Misfit | None:
        """Read the file into ``candor_records``, by the columns that it has."""
        try:
            absent = naming_columns(source) & set(read_records(self.warehouse, source, file).absent)
            misfit = Misfit.of(file, source.kind, absent) if absent else None
        except WrongColumnError as error:
            misfit = misfit_of(error, source, file)
        else:
            if misfit is None:
                return None
        read_records(self.warehouse, source, file, may_lack=True)
        return misfit

    def _listed(
        self,
        file: LandingFile,
        key: str,
        last_line: str,
        is_theirs: str,
        table: str,
    ) -> pa.Table:
        rows = self.warehouse.read(
            f"""
            select {literal(file.source)} as source, {literal(file.digest)} as file_hash, line,
                {last_line} as last_line, {quoted(key)} as row_key, ({is_theirs}) as is_theirs
            from {table}
            """
        )
        return rows.cast(_LANDED)

    def _refused_lines(self, file: LandingFile) -> pa.Table:
        return self.warehouse.read(
            f"""
            select line from {QUARANTINE.name.sql}
            semi join (select load_id from {LOADS.name.sql}
                where source = $source and file_hash = $file_hash) as loads using (load_id)
            where line is not null
            """,
            {"source": file.source, "file_hash": file.digest},
        )


def literals_of(keys: pa.Table) -> frozenset[bytes] | None:
    """What the text of a call of these persons holds, in lower case.

    Returns:
        None where the text may spell a value otherwise, or where there are too many values.
    """
    kinds = {str(key.kind) for key in EVENTS.subjects}
    pairs = zip(keys["kind"].to_pylist(), keys["value"].to_pylist(), strict=True)
    values = {str(value).lower() for kind, value in pairs if kind in kinds}
    is_plain = all(value.isascii() and not set(value) & set('"\\/') for value in values)
    if len(values) > _MOST_LITERALS or not is_plain:
        return None
    return frozenset(value.encode() for value in values)


def _of_their_lines(rows: pa.Table) -> pa.Table:
    """All rows of the lines of which one is theirs: a line goes as a whole."""
    theirs = rows.filter(rows["is_theirs"])["line"].combine_chunks()
    return rows.filter(pc.is_in(rows["line"], value_set=theirs))


_LANDED = FOUND.append(pa.field("is_theirs", pa.bool_()))

_ID_KINDS = (SubjectKind.USER_ID, SubjectKind.ANONYMOUS_ID, SubjectKind.SOURCE_RECORD)

# With its country, or as it is dialled at home, a number ends where no digit goes on.
_BEFORE, _AFTER = "(^|[^0-9./-]|(^|[^0-9])[./-])", "($|[^0-9./-]|[./-]($|[^0-9]))"
# Without both it must be all that is written there: 12-7700900123-9 is somebody else's.
_BEFORE_ALONE = f"(^|[^0-9{_JOINTS}])[{_JOINTS}]*"
_AFTER_ALONE = f"[{_JOINTS}]*($|[^0-9{_JOINTS}])"


def _written(digits: str) -> str:
    """An expression for the pattern of digits that may be apart."""
    return f"regexp_replace({digits}, '([0-9])', '\\1{_APART}', 'g')"


_PHONE_PATTERN = f"""
    '{_BEFORE}(00{_APART})?' || {_written("country")} || '([(]0[)]{_APART})?' || {_written("national")}
        || '{_AFTER}'
    || case when length(national) >= {_SHORTEST_NATIONAL - 1} then
        '|{_BEFORE}' || {_written("trunk")} || {_written("national")} || '{_AFTER}' else '' end
    || case when length(national) >= {_SHORTEST_NATIONAL} then
        '|{_BEFORE_ALONE}' || {_written("national")} || '{_AFTER_ALONE}' else '' end
"""


_NEEDLES = f"""
    with named as (
        select kind, lower(case when kind = '{SubjectKind.SOURCE_RECORD}'
            then value[strpos(value, '|') + 1:] else value end) as value
        from {KEYS}
    )
    select distinct kind, value,
        '(^|[^a-z0-9._%+-])' || regexp_escape(value) || '($|[^a-z0-9_.-]|[.]($|[^a-z0-9]))'
            as pattern
    from named
    where kind = '{SubjectKind.EMAIL}' or (kind in ({", ".join(literal(kind) for kind in _ID_KINDS)})
        and length(value) >= {_SHORTEST_ID})
    union all
    select kind, right(value, 1) as value, {_PHONE_PATTERN} as pattern from (
        select distinct kind, value, country,
            case country when '7' then '8' when '36' then '06' else '0' end as trunk,
            ltrim(value, '+')[length(country) + 1 :] as national
        from (select *, regexp_extract(value, '^[+]?({_COUNTRY})', 1) as country from named)
        where kind = '{SubjectKind.PHONE}'
    )
"""

_ID_FIELD = (
    '"(?:userid|user_id|anonymousid|anonymous_id|previousid|previous_id|customer_id|identity|mpid'
    '|mp_deviceid)"\\s*:\\s*"?([^",}\\s]+)'
)


def _is_their_call() -> str:
    tests = " or ".join(
        f"coalesce({key.columns[0]} in (select value from {KEYS} where kind = '{key.kind}'), false)"
        for key in EVENTS.subjects
    )
    return f"{tests} or ({mentions_sql('refused')})"


def mentions_sql(text: str) -> str:
    """Whether a refused row's text, lower case, holds a value of the persons; false when null."""
    plain = f"url_decode(regexp_replace({text}, '%([89a-f][0-9a-f])', '_\\1', 'g'))"
    return f"""
    {text} is not null and (
        exists (select 1 from {NEEDLES} as needles
            where (contains({text}, needles.value) and regexp_matches({text}, needles.pattern))
                or (contains({text}, '%') and regexp_matches({plain}, needles.pattern)))
        or exists (select 1 from {KEYS} as keys
            where keys.kind in ('{SubjectKind.USER_ID}', '{SubjectKind.ANONYMOUS_ID}')
            and list_contains(regexp_extract_all({text}, '{_ID_FIELD}', 1), lower(keys.value)))
    )"""

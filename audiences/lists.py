"""Lists of persons in files: found when the configuration is read, read when audiences are judged."""

from __future__ import annotations

import csv
import difflib
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from audiences.clauses import IDENTIFIERS_IN_LISTS, Condition, FoundList, ListClause, ListTest
from audiences.errors import InvalidAudienceError
from audiences.walk import walk
from identifiers import normalise_emails, normalise_phones
from warehouse import Warehouse

LISTS = "candor_audience_lists"
_EMPTY = pa.schema(
    [("list_name", pa.string()), ("identifier_type", pa.string()), ("value", pa.string())]
).empty_table()


def find_lists(
    conditions: Mapping[str, Condition | None], *, config: Path, landing: Path | None
) -> Iterator[tuple[str, str]]:
    """Tell each list clause where its file lies; yield where one stands that cannot be, and why.

    A file of the landing folder that has not come yet, or came broken, is no mistake of the
    configuration: it holds the audience, see ``why_unusable``.

    Args:
        conditions: What is included and excluded, by the key that it stands under.
        config: The configuration folder.
        landing: The landing folder; None where there is none.
    """
    for key, condition in conditions.items():
        for place, clause in walk(condition, key) if condition is not None else ():
            if isinstance(clause, ListClause):
                base = config if clause.list_.file is not None else landing
                for problem in _find(clause.list_, base):
                    yield place, problem


def why_unusable(test: ListTest) -> str | None:
    """Why a list of the landing folder cannot be used now; None where it can.

    Its file is read to its end: another system writes it, and may have been stopped halfway.
    """
    if test.file is not None:
        return None
    if test.found is None:
        return f"the list {test.name} is not there yet"
    if test.problem is not None:
        return test.problem
    try:
        _columns(test, test.found)
    except InvalidAudienceError as error:
        return error.problems[0]
    return None


def lists_view(warehouse: Warehouse, clauses: Iterable[ListTest]) -> AbstractContextManager[None]:
    """Hold the normalised identifiers of these lists as ``candor_audience_lists``.

    Columns: list_name, identifier_type (email, phone, person_id, account_id), value.

    Raises:
        InvalidAudienceError: A file cannot be read to its end, so that persons would be missed, or
            was taken away or replaced since it was found.
    """
    found = {clause.name: clause for clause in clauses if clause.found is not None}
    tables = [table for clause in found.values() for table in _read(clause)]
    return warehouse.view(LISTS, pa.concat_tables([_EMPTY, *tables]))


@dataclass(frozen=True, slots=True)
class ListColumn:
    """What a column of a list holds; counts of lines.

    Attributes:
        name: The list.
        column: email, phone, person_id or account_id.
        filled: Lines with anything in it.
        unusable: Of these, lines whose value is no identifier of its kind: they name nobody.
        repeated: Of the others, lines whose identifier stands in a line before, however written.
    """

    name: str
    column: str
    filled: int
    unusable: int
    repeated: int


def count_columns(test: ListTest) -> Iterator[ListColumn]:
    """Count what each column of a list that is there comes to.

    Raises:
        InvalidAudienceError: It cannot be read to its end, or was taken away or replaced.
    """
    for column, texts in _columns(test, test.found) if test.found is not None else ():
        filled = [text for text in texts if text and text.strip()]
        usable = normalised(pa.array(filled, pa.string()), column, test.default_region).drop_null()
        yield ListColumn(
            test.name, column, filled=len(filled), unusable=len(filled) - len(usable),
            repeated=len(usable) - len(usable.unique()),
        )  # fmt: skip


def lists_of(conditions: Iterable[Condition | None]) -> Iterator[ListTest]:
    """Every list that is named under these conditions."""
    for condition in conditions:
        for _, clause in walk(condition, "") if condition is not None else ():
            if isinstance(clause, ListClause):
                yield clause.list_


def _find(test: ListTest, base: Path | None) -> Sequence[str]:
    if base is None:
        return []
    path = base / (test.file or test.landing or "")
    if not path.resolve().is_relative_to(base.resolve()):
        return [f"list {test.name!r} leads out of its folder"]
    if not path.is_file():
        return [] if test.file is None else [f"list {test.name!r} is not there{_near(path, base)}"]
    problem, columns = _begin(test, path)
    if problem and test.file is not None:
        return [problem]
    test.find(FoundList(path, columns), problem=problem)
    return []


def _begin(test: ListTest, path: Path) -> tuple[str | None, Mapping[str, int]]:
    """What is wrong with the first line, if anything, and its columns that identify persons."""
    name = f"list {test.name!r}"
    try:
        columns = columns_of(_header(path))
    except csv.Error:
        return f"{name}: its first line cannot be read; look for a quote that is not closed", {}
    except OSError as error:
        return f"{name} cannot be opened: {error.strerror}", {}
    if not columns:
        named = ", ".join(IDENTIFIERS_IN_LISTS)
        return f"{name} has none of the columns {named} in its first line", {}
    return None, columns


def _near(path: Path, base: Path) -> str:
    """A file that may have been meant."""
    there = [str(other.relative_to(base)) for other in sorted(base.rglob("*.csv"))]
    close = difflib.get_close_matches(str(path.relative_to(base)), there, n=1)
    return f": did you mean {close[0]!r}?" if close else ""


def _header(path: Path) -> list[str]:
    """The first line."""
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as lines:
        return next(csv.reader(lines), [])


def columns_of(header: Sequence[str]) -> Mapping[str, int]:
    """The places of the columns that identify persons; names in any case."""
    names = [name.strip().lower() for name in header]
    return {name: names.index(name) for name in IDENTIFIERS_IN_LISTS if name in names}


def _read(test: ListTest) -> Iterator[pa.Table]:
    found = test.found
    columns = _columns(test, found) if found is not None else ()
    for kind, texts in columns:
        values = normalised(pa.array(texts, pa.string()), kind, test.default_region).drop_null()
        yield pa.table(
            {
                "list_name": pa.repeat(test.name, len(values)),
                "identifier_type": pa.repeat(kind, len(values)),
                "value": values.cast(pa.string()),
            }
        )


def _columns(test: ListTest, found: FoundList) -> Sequence[tuple[str, tuple[str | None, ...]]]:
    """The texts of each column that identifies persons.

    The standard library refuses a quote that is never closed; the engine's reader would take the
    rest of the file for one value and lose everybody in it.

    Raises:
        InvalidAudienceError: It cannot be read to its end, or was taken away or replaced.
    """
    header, *rows = lines_of(test, found.path)
    if columns_of(header) != found.columns:
        raise InvalidAudienceError([_CHANGED.format(name=test.name)])
    columns = list(itertools.zip_longest(*rows))
    return [(kind, columns[at]) for kind, at in found.columns.items() if at < len(columns)]


_CHANGED = (
    "list {name!r} was taken away or replaced by one with other columns after the configuration "
    "was read: put it back where it is missing, then run again"
)


def lines_of(test: ListTest, path: Path) -> list[list[str]]:
    """The lines of a list, its header first.

    Raises:
        InvalidAudienceError: It cannot be read to its end, or is not there any more.
    """
    try:
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as lines:
            reader = csv.reader(lines, strict=True)
            return list(reader) or [[]]
    except FileNotFoundError as error:
        raise InvalidAudienceError([_CHANGED.format(name=test.name)]) from error
    except OSError as error:
        problem = f"list {test.name!r} cannot be opened: {error.strerror}"
        raise InvalidAudienceError([problem]) from error
    except csv.Error as error:
        where = f"list {test.name!r}, up to line {reader.line_num}"
        raise InvalidAudienceError(
            [f"{where}: cannot be read; look for a quote that is not closed"]
        ) from error


def normalised(values: pa.Array, kind: str, default_region: str) -> pa.Array:
    """Identifiers of one kind in the form of the profiles; null where one is none."""
    if kind == "email":
        return normalise_emails(values)
    if kind == "phone":
        return normalise_phones(values, default_region=default_region)
    return values

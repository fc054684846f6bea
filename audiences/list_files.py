"""The lists of persons that audiences name, as a place of an erasure."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from audiences.clauses import FoundList, ListTest
from audiences.config import Audience
from audiences.errors import InvalidAudienceError
from audiences.lists import columns_of, lines_of, lists_of, normalised
from warehouse import SubjectKind, Trace, Warehouse

_KEYS = "candor_subject_keys"
_LISTED = "candor_listed_identifiers"
_KINDS = frozenset(kind.value for kind in SubjectKind)
_SCHEMA = pa.schema([("line", pa.int64()), ("kind", pa.string()), ("value", pa.string())])


@dataclass(frozen=True, slots=True)
class ListFiles:
    """Every list that an audience names; a warehouse ``Location`` that only reports.

    A list is written by people or by another system, so nothing is taken out of it here: a line
    that names a person stands against their erasure until somebody removes it. Looked for is what
    identifies persons to an audience, and in all other columns their addresses.

    Attributes:
        warehouse: The engine.
        audiences: As they are configured.
        elsewhere: Files that another place erases from.
    """

    warehouse: Warehouse
    audiences: Sequence[Audience]
    elsewhere: Collection[Path] = ()

    @property
    def name(self) -> str:
        """What the place is called in plans and receipts."""
        return "lists"

    @property
    def folders(self) -> frozenset[Path]:
        """Where the lists lie, to be searched for copies as well."""
        return frozenset(found.path.parent for _, found in self._files().values())

    def refusals(self, keys: pa.Table) -> Sequence[str]:
        """Which lists name the persons, and which cannot be searched."""
        naming, unreadable = self._search(keys)
        return (
            *(
                f"list {name} names the person: remove their lines from it yourself, then run again"
                for name in naming
            ),
            *(
                f"list {name} cannot be read, so it cannot be searched: repair or remove it, then "
                "run again"
                for name in unreadable
            ),
        )

    def find(self, keys: pa.Table) -> Sequence[Trace]:
        """Count the lines that name the persons, by list."""
        naming, _ = self._search(keys)
        return tuple(Trace(name, lines) for name, lines in naming.items())

    def erase(self, keys: pa.Table) -> Sequence[Trace]:  # noqa: ARG002 - lists are not ours to write
        """Remove nothing; what is left is found again, and blocks."""
        return ()

    def _search(self, keys: pa.Table) -> tuple[Mapping[str, int], Sequence[str]]:
        """Lines that name the persons by list, and the lists that cannot be read."""
        naming: dict[str, int] = {}
        unreadable = []
        for name, (test, found) in sorted(self._files().items()):
            try:
                listed = pa.concat_tables([_SCHEMA.empty_table(), *_identifiers(test, found)])
            except InvalidAudienceError:
                unreadable.append(name)
                continue
            lines = self._matching(listed, keys)
            if lines:
                naming[name] = lines
        return naming, unreadable

    def _files(self) -> Mapping[str, tuple[ListTest, FoundList]]:
        """The lists that are there, by a name that says where."""
        elsewhere = {path.resolve() for path in self.elsewhere}
        return {
            test.name if test.file is None else f"config/{test.name}": (test, test.found)
            for audience in self.audiences
            for test in lists_of((audience.include, audience.exclude))
            if test.found is not None
            and test.found.path.is_file()
            and test.found.path.resolve() not in elsewhere
        }

    def _matching(self, listed: pa.Table, keys: pa.Table) -> int:
        with self.warehouse.view(_KEYS, keys), self.warehouse.view(_LISTED, listed):
            return int(
                self.warehouse.scalar(
                    f"select count(distinct line) from {_LISTED} "
                    f"semi join (select kind, value from {_KEYS}) as keys using (kind, value)"
                )
            )


def _identifiers(test: ListTest, found: FoundList) -> Iterator[pa.Table]:
    """What may name a person, by line from 1, one table for each column."""
    header, *rows = lines_of(test, found.path)
    kinds = {at: kind for kind, at in columns_of(header).items() if kind in _KINDS}
    for at, texts in enumerate(itertools.zip_longest(*rows)):
        kind = kinds.get(at, SubjectKind.EMAIL.value)
        values = normalised(pa.array(texts, pa.string()), kind, test.default_region)
        lines = pa.array(range(1, len(values) + 1), pa.int64())
        yield pa.table([lines, pa.repeat(kind, len(values)), values.cast(pa.string())], _SCHEMA)

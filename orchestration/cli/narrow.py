"""Rows where a table with lines has no room: what is alike is told once, what is long goes below its row.

No value is cut: what does not fit in a line goes on in the next one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

Record = Mapping[str, Any]
Cell = Callable[[object], str]
# Blanks between two columns, and how far in stands what goes below a row.
GAP, _INDENT = 2, 4
# Names of this length and more may be broken behind a _, as a last resort before a column goes below.
_LONG_NAME = 12
# With fewer columns beside each other there is nothing to compare: each row is a list of its own.
_FEWEST = 2
# A column of fewer signs than this, whose text takes more lines than that, goes below.
_NARROW, _TALL = 28, 4


@dataclass(frozen=True)
class Narrow:
    """Rows to print, and how.

    Attributes:
        records: The rows; all have the same keys.
        cell: How a value is written.
        side: On which side of its column it stands.
        fit: Gives a table's columns their widths; False where they have no room.
        width: Of the screen, in signs.
    """

    records: Sequence[Record]
    cell: Cell
    side: Callable[[object], Any]
    fit: Callable[[Table, int], bool]
    width: int

    def lines(self) -> Iterator[RenderableType]:
        """What to print, one below another."""
        alike = self._alike()
        if alike:
            told = "; ".join(f"{name}: {self._said(value)}" for name, value in alike.items())
            yield Text(f"In each of them: {told}")
        names = [name for name in self.records[0] if name not in alike]
        below: list[str] = []
        while len(names) >= _FEWEST:
            for is_broken in (False, True):
                header = _broken if is_broken else str
                table = self._table(names, self.records, header)
                if self.fit(table, self.width) and not self._is_cramped(table):
                    yield from self._beside(table, names, below)
                    return
            below.insert(0, names.pop(self._widest(names)))
        yield from self._lists([*names, *below])

    def _said(self, value: object) -> str:
        return self.cell(value) or "-"

    def _alike(self) -> dict[str, object]:
        """Columns that say the same of every row; none where all do."""
        first, *others = self.records
        same = {
            name: value
            for name, value in first.items()
            if others and all(other.get(name) == value for other in others)
        }
        return {} if len(same) == len(first) else same

    def _is_cramped(self, table: Table) -> bool:
        """Whether a long text would be a tall and narrow pillar."""
        return any(
            (column.width or 0) < _NARROW
            and max(len(str(cell)) for cell in column.cells) > _TALL * (column.width or 1)
            for column in table.columns[1:]
        )

    def _widest(self, names: Sequence[str]) -> int:
        """The place of the column whose values are longest; the first says which row it is."""
        longest = {
            place: max(len(self.cell(record[names[place]])) for record in self.records)
            for place in range(1, len(names))
        }
        return max(longest, key=lambda place: (longest[place], place))

    def _table(
        self, names: Sequence[str], records: Sequence[Record], header: Callable[[str], str]
    ) -> Table:
        table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="bold")
        for name in names:
            side = self.side(self.records[0][name])
            table.add_column(header(name), justify=side, overflow="fold")
        for record in records:
            table.add_row(*(self.cell(record[name]) for name in names))
        return table

    def _beside(
        self, table: Table, names: Sequence[str], below: Sequence[str]
    ) -> Iterator[RenderableType]:
        """The columns that have room, and below each row what has none."""
        if not below:
            yield table
            return
        for number, record in enumerate(self.records):
            row = self._table(names, [record], lambda name: name)
            row.show_header = number == 0
            for column, fitted in zip(row.columns, table.columns, strict=True):
                column.header, column.width = fitted.header, fitted.width
            yield row
            for name in below:
                yield self._line(name, record, _INDENT)

    def _lists(self, names: Sequence[str]) -> Iterator[RenderableType]:
        """Each row by itself: name and value in a line."""
        for number, record in enumerate(self.records, start=1):
            yield Text(f"{number} of {len(self.records)}", style="bold")
            for name in names:
                yield self._line(name, record, GAP)

    def _line(self, name: str, record: Record, indent: int) -> Padding:
        text = Text(f"{name}: {self._said(record[name])}", overflow="fold")
        return Padding(text, (0, 0, 0, indent), expand=False)


def _broken(name: str) -> str:
    """A long name of a column in two lines."""
    return name.replace("_", "_\n") if len(name) >= _LONG_NAME else name


def print_narrow(console: Console, title: str, rows: Narrow) -> None:
    """Print rows below their title."""
    console.print(title, style="italic")
    for line in rows.lines():
        console.print(line)

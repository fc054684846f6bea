"""Tables, JSON and progress on the terminal."""

from __future__ import annotations

import io
import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import typer
from rich.console import Console
from rich.measure import Measurement
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table

from orchestration.cli.narrow import GAP, Narrow, print_narrow
from orchestration.errors import UnsupportedFormatError
from orchestration.progress import listening
from settings import plain_number

if TYPE_CHECKING:
    from ingestion.reload import Kept

# A line of a file or pipe may be as long as it is; a table there is one that people can read.
_UNCUT = 100_000
_TABLE = 100
PAGES = (".html", ".htm")

# Values are shown as they are: a file may be called crm[final].csv.
console = Console(highlight=False, markup=False)


def cut_for_screens_only() -> None:
    """Let texts be as long as they are, unless they go to a screen or ``COLUMNS`` says how long."""
    if not (console.is_terminal or os.environ.get("COLUMNS")):
        console.width = _UNCUT


class _WhileRead(io.FileIO):
    """A pipe that takes whatever is written: what comes after its reader left is nobody's."""

    def write(self, text: Any) -> int:
        """Write, or go on as if it was written."""
        try:
            return super().write(text) or 0
        except BrokenPipeError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.fileno())
            os.close(nowhere)
            return len(text)


def let_readers_leave() -> None:
    """Let a command end as it would have where whoever reads its output stops, as ``head`` does.

    Its work and its exit code do not hang on who looks.
    """
    try:
        descriptor = sys.stdout.fileno()
    except (AttributeError, io.UnsupportedOperation):  # there is none, or it goes nowhere outside
        return
    sys.stdout.flush()
    pipe = io.BufferedWriter(_WhileRead(descriptor, "w", closefd=False))
    sys.stdout = io.TextIOWrapper(
        pipe, encoding=sys.stdout.encoding, errors=sys.stdout.errors, write_through=True
    )


@contextmanager
def _as_wide_as_a_page() -> Iterator[None]:
    """Where lines have no end, tables have one."""
    if console.width != _UNCUT:
        yield
        return
    console.width = _TABLE
    try:
        yield
    finally:
        console.width = _UNCUT


def ask_or_abort(question: str, *, without: str = "--yes") -> None:
    """Ask before something that cannot be undone.

    Args:
        question: What is asked; yes goes on.
        without: The option that goes on without a question, for scripts.

    Raises:
        typer.Abort: The answer is no.
        typer.BadParameter: Nobody is there to answer.
    """
    try:
        is_sure = typer.confirm(question)
    except typer.Abort:
        if sys.stdin.isatty():  # Ctrl+C
            raise
        console.print()
        why = f"nobody is there to answer, nothing was done: {without} goes on without a question"
        raise typer.BadParameter(why, param_hint=without) from None
    if not is_sure:
        raise typer.Abort


@_as_wide_as_a_page()
def print_rows(
    title: str, rows: Sequence[dict[str, Any]] | pa.Table, *, as_json: bool = False
) -> None:
    """Print rows as a table, or as a JSON array.

    Where a column would be narrower than one of its words, what has no room goes below its row.
    """
    records = rows.to_pylist() if isinstance(rows, pa.Table) else list(rows)
    if as_json:
        print_json(records)
        return
    if not records:
        console.print(f"{title}: none")
        return
    table = _side_by_side(records)
    if _fit(table, console.width):
        _print_titled(title, table)
        return
    if len(records) == 1:
        _print_titled(title, _one_below_another(records[0]))
        return
    fit = partial(_fit, room=GAP, edge=-GAP)
    print_narrow(console, title, Narrow(records, _cell, _side, fit, console.width))


def _print_titled(title: str, table: Table) -> None:
    """The title stands by itself: over a narrow table the library would break it."""
    console.print(title, style="italic")
    console.print(table)


def _side_by_side(records: Sequence[dict[str, Any]]) -> Table:
    table = Table(header_style="bold")
    for name, value in records[0].items():
        table.add_column(str(name), justify=_side(value), overflow="fold")
    for record in records:
        table.add_row(*(_cell(value) for value in record.values()))
    return table


def _fit(table: Table, width: int, *, room: int = 3, edge: int = 1) -> bool:
    """Give each column the room of its longest word and a share of the rest; False: no room.

    Left to itself, the library takes room from the widest columns, and breaks the ids in them.

    Args:
        table: With its rows.
        width: Of the screen, in signs.
        room: What each column takes beside its text: a blank on either side, and a line.
        edge: What the table takes beside its columns.
    """
    options = console.options.update(width=_UNCUT)
    asked = [
        [Measurement.get(console, options, cell) for cell in (column.header, *column.cells)]
        for column in table.columns
    ]
    least = [max(cell.minimum for cell in cells) for cells in asked]
    wanted = [max(cell.maximum for cell in cells) for cells in asked]
    rest = width - sum(least) - (room * len(least) + edge)
    if rest < 0:
        return False
    # Those that lack little get it, so that short texts stay in one line.
    places = sorted(range(len(least)), key=lambda place: wanted[place] - least[place])
    for done, place in enumerate(places):
        share = min(wanted[place] - least[place], rest // (len(places) - done))
        table.columns[place].width = least[place] + share
        rest -= share
    return True


def _one_below_another(record: dict[str, Any]) -> Table:
    table = Table(show_header=False)
    for style in ("bold", ""):
        # What does not fit goes on in the next line: half a key or id is of no use.
        table.add_column(style=style, overflow="fold")
    for name, value in record.items():
        table.add_row(str(name), _cell(value))
    return table


def require_page(file: Path) -> None:
    """Refuse to write a page of HTML into a file whose name says something else.

    Raises:
        UnsupportedFormatError: Its name ends neither in .html nor in .htm.
    """
    if file.suffix.lower() not in PAGES:
        raise UnsupportedFormatError(file, *PAGES)


def print_json(value: object) -> None:
    """Print one JSON value; times as ISO 8601."""
    console.print_json(json.dumps(value, default=str))


def kept_rows(kept: tuple[Kept, ...]) -> list[dict[str, Any]]:
    """The files that could not be loaded again, and why."""
    return [
        {"source": one.load.source, "file": one.load.file, "why": str(one.reason)} for one in kept
    ]


def tell_unfit(said: str) -> None:
    """Say beside the output what stops a part of a run alone."""
    Console(stderr=True, highlight=False, markup=False).print(said, style="yellow", soft_wrap=True)


@contextmanager
def showing_progress() -> Iterator[None]:
    """Show each step that a run announces, with the time it takes: bars, or lines in a log."""
    errors = Console(stderr=True, highlight=False)
    if not errors.is_terminal:
        with listening(_Lines(errors)):
            yield
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=errors) as progress:
        steps = _Steps(progress)
        with listening(steps):
            yield
        steps.finish()


class _Steps:
    """One progress line per announced step."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[str, TaskID] = {}
        self._current: str | None = None

    def __call__(self, step: str, share: float | None) -> None:
        if step not in self._tasks:
            self.finish()
            self._tasks[step] = self._progress.add_task(step, total=None)
            self._current = step
        if share is not None:
            self._progress.update(self._tasks[step], total=1.0, completed=share)

    def finish(self) -> None:
        """Mark the current step as done."""
        if self._current is not None:
            task = self._tasks[self._current]
            self._progress.update(task, total=1.0, completed=1.0)
            self._progress.stop_task(task)


class _Lines:
    """One plain line per announced step, where there is no terminal to draw on."""

    def __init__(self, errors: Console) -> None:
        self._errors = errors
        self._began = time.monotonic()
        self._seen: set[str] = set()

    def __call__(self, step: str, _share: float | None) -> None:
        if step not in self._seen:
            self._seen.add(step)
            self._errors.print(f"{time.monotonic() - self._began:6.1f} s  {step}")


def _side(value: object) -> Any:
    return "right" if isinstance(value, int | float) and not isinstance(value, bool) else "left"


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return plain_number(value, digits=4)
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return str(value)

"""``candor init``, ``sample``, ``status``, ``export`` and ``schema``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from orchestration.cli.app import app
from orchestration.cli.options import JsonOption, with_paths
from orchestration.cli.output import console, print_json, print_rows, showing_progress
from orchestration.progress import announce
from settings import Paths


@app.command()
@with_paths
def init(*, paths: Paths) -> None:
    """Write a commented configuration for a new company into the configuration folder."""
    from orchestration.setup import write_configuration  # noqa: PLC0415 - keeps --help quick

    written = write_configuration(paths.config)
    console.print(f"Wrote {len(written)} files into {paths.config}:")
    for path in written:
        console.print(f"  {path.relative_to(paths.config)}")
    console.print(
        f"Next: describe your files in sources.yml, then `candor run --config {paths.config}`."
    )


@app.command()
def sample(
    *,
    people: Annotated[int, typer.Option(min=1, help="How many people the company knows.")] = 10_000,
    seed: Annotated[int, typer.Option(help="The same seed makes the same company.")] = 7,
    out: Annotated[Path, typer.Option(help="Landing folder to write.")],
    truth: Annotated[
        Path | None,
        typer.Option(help="Folder of the truth files; <out>.truth where none is given."),
    ] = None,
) -> None:
    """Make a fictional company: its files as its tools would export them, and the truth beside."""
    from sample import make_sample  # noqa: PLC0415 - keeps --help quick

    beside = truth or out.with_name(f"{out.name}.truth")
    with showing_progress():
        report = make_sample(people=people, seed=seed, out=out, truth=beside, progress=announce)
    console.print(f"Made {report.people:,} people with {report.events:,} event lines in {out}.")


@app.command()
@with_paths
def status(
    *,
    paths: Paths,
    show_all: Annotated[
        bool, typer.Option("--all", help="Show empty and intermediate tables too.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Show what the warehouse holds and what was loaded last."""
    from orchestration.company import Company  # noqa: PLC0415 - loads every package
    from orchestration.status import read_status  # noqa: PLC0415 - as above

    company = Company(paths)
    company.check_home()
    with company.open_warehouse() as warehouse:
        found = read_status(warehouse)
    if as_json:
        print_json({"as_of": found.as_of, "loads": found.loads.to_pylist(),
                    "tables": found.tables.to_pylist()})  # fmt: skip
        return
    console.print(f"Data home {paths.home}, known up to {found.as_of or 'nothing yet'}")
    print_rows("Loaded, by source", found.loads)
    shown = found.tables if show_all else found.filled_tables
    print_rows("Rows, by table", shown)
    if hidden := len(found.tables) - len(shown):
        console.print(f"{hidden:,} more tables are empty or intermediate: --all shows them.")
    if found.persons:
        console.print(f"Persons now: {found.persons:,}; identity.persons has every id ever given.")


@app.command()
@with_paths
def export(
    *,
    paths: Paths,
    table: Annotated[str, typer.Argument(help="schema.table, e.g. marts.profiles")],
    out: Annotated[Path, typer.Option(help="File to write; .csv or .parquet.")],
) -> None:
    """Write one table to a file; the suffix says the format.

    Values are written as they are: text that a spreadsheet takes for a formula is not changed, and
    an erasure does not know of the file.
    """
    from orchestration.company import Company  # noqa: PLC0415 - loads every package
    from orchestration.export import export_table  # noqa: PLC0415 - as above

    company = Company(paths)
    company.check_home()
    with company.open_warehouse() as warehouse:
        rows = export_table(warehouse, table, out)
    console.print(f"Wrote {rows:,} rows of {table} to {out}.")


@app.command()
def schema(
    *, out: Annotated[Path, typer.Option(help="Folder to write the JSON Schemas to.")]
) -> None:
    """Write the JSON Schema of each configuration file, for editors."""
    from orchestration.setup import write_schemas  # noqa: PLC0415 - keeps --help quick

    for path in write_schemas(out):
        console.print(str(path))

"""What ``candor identity explain`` does and shows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import typer

from identity import Explanation, RecordName, explain_pair
from identity.pair import Reason, reasons_of_pair
from identity.waterfall_page import Explained, waterfall_page
from orchestration.cli.evaluation import write_private
from orchestration.cli.output import console, print_json, print_rows
from orchestration.company import Company
from orchestration.trial import recall_comparison
from settings import plain_number
from warehouse import Warehouse


@dataclass(frozen=True, slots=True)
class PairQuestion:
    """Two records, and what of them may be shown."""

    one: RecordName
    other: RecordName
    show_ids: bool
    show_values: bool


def explain_one(
    company: Company, explain: Callable[[Warehouse], Explanation], *, show_ids: bool, as_json: bool
) -> None:
    """Show a person and all links of its records."""
    company.check_home()
    with company.open_warehouse() as warehouse:
        found = explain(warehouse)
    members = found.members if show_ids else found.members.drop_columns(["source_record_id"])
    if as_json:
        print_json({"person_id": found.person_id, "members": members.to_pylist(),
                    "links": found.links.to_pylist()})  # fmt: skip
        return
    console.print(f"Person {found.person_id}")
    print_rows("Records" if show_ids else "Records (--show-ids names each by its id)", members)
    print_rows(
        "Links (numbers as above; - is a record of another person)",
        _readable(found.links, numbered=True),
    )


def explain_two(
    company: Company, asked: PairQuestion, waterfall: Path | None, *, as_json: bool
) -> None:
    """Show how two records hang together, or why they do not; write the page if one is wanted."""
    if waterfall is not None and not waterfall.absolute().parent.is_dir():
        raise typer.BadParameter(f"there is no folder {waterfall.absolute().parent} for the page")
    company.check_home()
    with company.open_warehouse() as warehouse:
        links = explain_pair(warehouse, asked.one, asked.other)
        is_linked = bool(len(links)) and "left" in links.column_names
        needs_reasons = waterfall is not None or not (is_linked or as_json)
        reasons = _reasons(company, warehouse, asked) if needs_reasons else ()
    if waterfall is not None:
        write_private(waterfall, waterfall_page("How two records hang together", _sections(reasons, asked)))  # fmt: skip
    print_rows(
        "How they hang together (numbers as `candor identity explain` of one of them shows)"
        if is_linked
        else "How they hang together",
        links.to_pylist() if as_json else _readable(links, numbered=False),
        as_json=as_json,
    )
    if as_json:
        return
    if not is_linked:
        _show(reasons)
    if waterfall is not None:
        console.print(f"The page is {waterfall.absolute()}")


def _reasons(company: Company, warehouse: Warehouse, asked: PairQuestion) -> tuple[Reason, ...]:
    return reasons_of_pair(
        warehouse,
        lambda pairs: recall_comparison(company, warehouse, also=pairs),
        asked.one,
        asked.other,
        show_values=asked.show_values,
    )


def _sections(reasons: tuple[Reason, ...], asked: PairQuestion) -> list[Explained]:
    """Records are numbered along the path, and named by id only where that was asked for."""
    ends = [reasons[0].left, *(reason.right for reason in reasons)]
    names = [
        f"{name.source} {name.source_record_id}" if asked.show_ids else f"record {number} ({name.source})"
        for number, name in enumerate(ends, start=1)
    ]  # fmt: skip
    return [
        Explained(f"{names[place]} and {names[place + 1]}", reason.said, reason.waterfall)
        for place, reason in enumerate(reasons)
    ]


def _show(reasons: tuple[Reason, ...]) -> None:
    for reason in reasons:
        console.print(reason.said)
        if reason.waterfall is not None:
            steps = [
                {
                    "step": step.name.replace("_", " "),
                    "level": step.label,
                    "bits": f"{step.bits:+.2f}",
                }
                for step in reason.waterfall.steps
            ]
            weight = reason.waterfall
            print_rows(
                f"Weight {weight.weight:+.2f} bits, probability {plain_number(weight.probability, digits=4)}, "
                f"threshold {weight.threshold:.4f}",
                steps,
            )


def _readable(links: pa.Table, *, numbered: bool) -> list[dict[str, Any]]:
    """What a terminal has room for; all columns are in the JSON."""
    return [
        {
            **{end: row[end] if numbered else _named(row, end) for end in ("left", "right")},
            "why": f"{row['rule']} ({row['kind']})",
            "probability": row["probability"],
            "cut": row["cut_reason"],
        }
        for row in links.to_pylist()
    ]


def _named(link: dict[str, Any], end: str) -> str:
    """A record by its source, and by its number among its person's records where it has one."""
    number = link.get(end)
    return link[f"{end}_source"] if number is None else f"{number} ({link[f'{end}_source']})"

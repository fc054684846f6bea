"""``candor identity split``, ``merge`` and ``decisions``: say who is who, and take it back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestration.cli.home import opened_warehouse
from orchestration.cli.identity import RecordId, ShowIds, Source, group
from orchestration.cli.options import JsonOption, with_paths
from orchestration.cli.output import ask_or_abort, console, print_json, print_rows
from settings import Paths

if TYPE_CHECKING:
    from identity import RecordName, SplitPlan

decisions = typer.Typer(help="Decide about two records, and take it back.", no_args_is_help=True)
group.add_typer(decisions, name="decisions")

Person = Annotated[str, typer.Argument(help="Id of a person.")]
Reason = Annotated[str | None, typer.Option(help="Why, for whoever reads it later.")]


@group.command()
@with_paths
def split(  # noqa: PLR0913 - the options of the command
    *,
    paths: Paths,
    person_id: Person,
    record: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SOURCE:ID",
            help="A record (users:ID for a sign-in), or its number in the list, that goes to the "
            "one side; all others go to the other. May be given several times.",
        ),
    ] = None,
    reason: Reason = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before deciding.")] = False,
    show_ids: ShowIds = False,
    as_json: JsonOption = False,
) -> None:
    """Split a person in two: at the records named, or at the weakest link, which is shown first.

    It holds from the next run on. Each side stays together by links of its own; one that has none
    falls apart into more persons, which is said before.
    """
    from identity import Act, Origin, plan_split, split_person  # noqa: PLC0415 - keeps --help quick
    from orchestration.company import utc_now  # noqa: PLC0415 - loads every package

    with opened_warehouse(paths) as warehouse:
        plan = plan_split(warehouse, person_id, [_record(text) for text in record or ()])
    if not as_json:
        _show_plan(plan, show_ids=show_ids)
    if not (yes or record):
        ask_or_abort("Split there?")
    with opened_warehouse(paths) as warehouse:
        act_id = split_person(warehouse, plan, Act(Origin.SPLIT, utc_now(), reason or ""))
    _say_written(act_id, "split", as_json=as_json)


@group.command()
@with_paths
def merge(
    *,
    paths: Paths,
    person_id: Person,
    other_person_id: Person,
    reason: Reason = None,
    as_json: JsonOption = False,
) -> None:
    """Decide that two persons are one; holds from the next run on."""
    from identity import Act, Origin, merge_persons  # noqa: PLC0415 - keeps --help quick
    from orchestration.company import utc_now  # noqa: PLC0415 - loads every package

    with opened_warehouse(paths) as warehouse:
        act = Act(Origin.MERGE, utc_now(), reason or "")
        act_id = merge_persons(warehouse, person_id, other_person_id, act)
    _say_written(act_id, "merge", as_json=as_json)


@decisions.command("list")
@with_paths
def list_(*, paths: Paths, as_json: JsonOption = False) -> None:
    """List what was decided and whether it is in force, latest first; ids of records are left out."""
    from identity import list_decisions  # noqa: PLC0415 - keeps --help quick

    with opened_warehouse(paths) as warehouse:
        rows = list_decisions(warehouse).to_pylist()
    if not as_json:  # as many columns as a terminal holds
        rows = [_readable(row) for row in rows]
    print_rows("Decisions", rows, as_json=as_json)


@decisions.command()
@with_paths
def revoke(
    *,
    paths: Paths,
    decision_id: Annotated[
        str, typer.Argument(help="Of a decision, or of a split, merge or review file as a whole.")
    ],
    as_json: JsonOption = False,
) -> None:
    """Take a decision back; it ends with the next run, and an earlier one on the pair holds again."""
    from identity import revoke_decision  # noqa: PLC0415 - keeps --help quick
    from orchestration.company import utc_now  # noqa: PLC0415 - loads every package

    with opened_warehouse(paths) as warehouse:
        done = revoke_decision(warehouse, decision_id, now=utc_now())
    if as_json:
        print_json({"origin": done.origin, "revoked": done.decisions})
        return
    console.print(f"{done.decisions:,} decisions are revoked; `candor run` applies it.")


@decisions.command("must-link")
@with_paths
def must_link(
    *,
    paths: Paths,
    source: Source,
    record_id: RecordId,
    other_source: Source,
    other_record_id: RecordId,
    reason: Reason = None,
) -> None:
    """Decide that two records are one person; holds from the next run on."""
    _decide(paths, "must_link", (source, record_id), (other_source, other_record_id), reason)


@decisions.command("cannot-link")
@with_paths
def cannot_link(
    *,
    paths: Paths,
    source: Source,
    record_id: RecordId,
    other_source: Source,
    other_record_id: RecordId,
    reason: Reason = None,
) -> None:
    """Decide that two records are two people; holds from the next run on."""
    _decide(paths, "cannot_link", (source, record_id), (other_source, other_record_id), reason)


def _decide(
    paths: Paths, verdict: str, one: tuple[str, str], other: tuple[str, str], reason: str | None
) -> None:
    from identity import RecordName, Verdict, add_decision  # noqa: PLC0415 - keeps --help quick
    from orchestration.company import utc_now  # noqa: PLC0415 - loads every package

    with opened_warehouse(paths) as warehouse:
        decision_id = add_decision(
            warehouse, Verdict(verdict), RecordName(*one), RecordName(*other),
            reason=reason, now=utc_now(),
        )  # fmt: skip
    _say_written(decision_id, "decision", as_json=False)


def _record(text: str) -> RecordName | int:
    from identity import RecordName  # noqa: PLC0415 - keeps --help quick

    if text.isdigit():
        return int(text)
    source, colon, record_id = text.partition(":")
    if not colon:
        raise typer.BadParameter("name a record as SOURCE:ID, or by its number in the list")
    return RecordName(source, record_id)


def _say_written(act_id: str, what: str, *, as_json: bool) -> None:
    if as_json:
        print_json({"decision_id": act_id})
        return
    console.print(
        f"The {what} is written as {act_id}; `candor run` applies it, "
        f"`candor identity decisions revoke {act_id}` takes it back."
    )


def _show_plan(plan: SplitPlan, *, show_ids: bool) -> None:
    apart = frozenset(plan.side.tolist())
    rows = [
        {
            "number": place + 1,
            "source": name.source,
            **({"id": name.source_record_id} if show_ids else {}),
            "side": "apart" if place in apart else "rest",
        }
        for place, name in enumerate(plan.parts.names)
    ]
    print_rows(f"Records of {plan.parts.person_id}", rows)
    if plan.weakest is not None:
        console.print(f"The weakest link that holds the two sides together: {plan.weakest}.")
    for side, pieces in zip(("apart", "rest"), plan.pieces, strict=True):
        if pieces > 1:
            console.print(
                f"The side {side!r} has too few links of its own: it may fall into {pieces} persons.",
                style="yellow",
            )


def _readable(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "decision": row["decision_id"],
        "of": row["act_id"] if row["act_id"] != row["decision_id"] else None,
        "by": row["origin"],
        "says": row["decision"],
        "when": f"{row['decided_at']:%Y-%m-%d %H:%M}",
        "state": row["state"],
    }

"""``candor decide``: what one slot of a page would show, to whom, and why."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Annotated

import typer

from orchestration.cli.app import app
from orchestration.cli.options import JsonOption, with_paths
from orchestration.cli.output import console, print_json, print_rows
from settings import Paths

if TYPE_CHECKING:
    from personalization import Decision, DecisionRequest


_NOBODY = (
    "What was published holds nobody by this id: nobody has it, they have not agreed to "
    "personalisation, or they came after the last run. `candor profile show` tells which."
)


@app.command()
@with_paths
def decide(  # noqa: PLR0913 - as many as a page may know of who asks
    *,
    paths: Paths,
    slot: Annotated[str, typer.Argument(help="Key of a block or of an experiment with variants.")],
    person: Annotated[str | None, typer.Option(help="Who asks, by person id.")] = None,
    user_id: Annotated[str | None, typer.Option(help="Who asks, as your site names users.")] = None,
    anonymous_id: Annotated[str | None, typer.Option(help="The browser.")] = None,
    consent: Annotated[
        str | None, typer.Option(help="granted or denied, where the page knows it anew.")
    ] = None,
    topic: Annotated[str | None, typer.Option(help="Topic of the page that is read.")] = None,
    seen: Annotated[
        list[str] | None, typer.Option(help="Content id that the visit has seen; repeatable.")
    ] = None,
    log: Annotated[bool, typer.Option("--log", help="Log it, as for a page.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Try one decision on what the last run published; without --log, nothing is written down."""
    from orchestration.company import utc_now  # noqa: PLC0415 - loads every package
    from personalization import DecisionRequest  # noqa: PLC0415 - as above

    if consent not in (None, "granted", "denied"):
        raise typer.BadParameter("must be granted or denied", param_hint="--consent")
    request = DecisionRequest(
        request_id=uuid.uuid4().hex,
        slot=slot,
        at=utc_now(),
        person_id=person,
        user_id=user_id,
        anonymous_id=anonymous_id,
        consent="granted" if consent == "granted" else "denied" if consent else None,
        topic=topic,
        seen=tuple(seen or ()),
    )
    decision, is_known = _decided(paths, request, is_logged=log)
    _print(decision, as_json=as_json)
    if not is_known and (person or user_id or anonymous_id):
        typer.echo(_NOBODY, err=True)


def _decided(paths: Paths, request: DecisionRequest, *, is_logged: bool) -> tuple[Decision, bool]:
    """The decision, and whether what was published holds the person whom the request names."""
    from contextlib import closing  # noqa: PLC0415 - as above

    from orchestration.serving import decision_log, open_artefact  # noqa: PLC0415 - as above
    from personalization import decide, decide_and_log  # noqa: PLC0415 - as above

    with closing(open_artefact(paths)) as artefact:
        if is_logged:
            decision = decide_and_log(request, artefact, decision_log(paths))
        else:
            decision = decide(request, artefact)
        return decision, artefact.knows(request)


def _print(decision: Decision, *, as_json: bool) -> None:
    from personalization.decision_log import as_line  # noqa: PLC0415 - as above

    if as_json:
        print_json(as_line(decision))
        return
    facts = decision.facts
    shown = "held out: nothing is shown; it would be" if decision.is_ghost else "shown"
    console.print(
        f"{decision.arm}, known: {decision.fallback_level}; consent {facts.consent}; artefact "
        f"{facts.artefact_version}, knows up to {facts.built_at:%Y-%m-%d %H:%M} UTC; {shown}:"
    )
    print_rows(
        "Decision",
        [
            {
                "place": action.position,
                "what": action.action_id,
                "probability": action.propensity,
                "drawn": "yes" if action.is_discovery else "",
                "why": action.reason,
            }
            for action in decision.actions
        ],
    )

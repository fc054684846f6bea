"""``candor search``: what a person's searches are reranked by, and one list reranked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from orchestration.cli.app import app
from orchestration.cli.home import existing_company, opened_warehouse
from orchestration.cli.options import JsonOption, with_paths
from orchestration.cli.output import print_rows
from orchestration.errors import UnreadableResultsError
from settings import Paths

search_app = typer.Typer(
    help="Search: how results are reranked for a person, and why.", no_args_is_help=True
)
app.add_typer(search_app, name="search")


@search_app.command()
@with_paths
def profile(
    *,
    paths: Paths,
    person: Annotated[str, typer.Argument(help="Person id.")],
    as_json: JsonOption = False,
) -> None:
    """Show what a person reads more of than others; personal."""
    from orchestration.profile import find_person  # noqa: PLC0415 - keeps --help quick

    with opened_warehouse(paths) as warehouse:
        rows = warehouse.read(
            "select facet, value, affinity, readings from personalization.search_profiles "
            "where person_id = $person order by affinity desc, facet, value",
            {"person": find_person(warehouse, person)},
        )
    print_rows("Interests", rows, as_json=as_json)


@search_app.command()
@with_paths
def weights(*, paths: Paths, as_json: JsonOption = False) -> None:
    """Show how much each facet counts, whether that was declared or learned, and why."""
    with opened_warehouse(paths) as warehouse:
        rows = warehouse.read(
            "select facet, weight, source, clicked_queries, reason "
            "from personalization.search_weights order by weight desc, facet"
        )
    print_rows("Weights", rows, as_json=as_json)


@search_app.command()
@with_paths
def rerank(
    *,
    paths: Paths,
    file: Annotated[
        Path,
        typer.Argument(
            help="The engine's results, best first: a JSON array of content ids, or of objects "
            "with content_id and score."
        ),
    ],
    query: Annotated[str, typer.Option(help="What was searched for.")],
    person: Annotated[
        str | None, typer.Option(help="Person id; without it the order stays.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Rerank one list for one person, and say why each result moved."""
    from personalization import (  # noqa: PLC0415 - keeps --help quick
        describe_results,
        read_rerank_rules,
        read_search_profile,
        rerank,
    )

    ids, scores = _read_results(file)
    company = existing_company(paths)
    with company.open_warehouse() as warehouse:
        known = read_search_profile(warehouse, person) if person else None
        rules = read_rerank_rules(warehouse, company.content.search)
        results = describe_results(warehouse, ids, scores)
    rows = [
        {"rank": one.rank, "was": one.engine_rank, "content_id": one.result.content_id,
         "title": one.result.title, "why": one.reason}
        for one in rerank(results, known, query=query, rules=rules)
    ]  # fmt: skip
    print_rows("Results", rows, as_json=as_json)


def _read_results(file: Path) -> tuple[list[str], list[float | None]]:
    """Ids and scores of the engine's list.

    Raises:
        UnreadableResultsError: The file is no such list.
    """
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        listed = found if isinstance(found, list) else [None]
        rows = [{"content_id": one} if isinstance(one, str) else dict(one) for one in listed]
        scores = [None if one.get("score") is None else float(one["score"]) for one in rows]
        return [str(one["content_id"]) for one in rows], scores
    except (ValueError, TypeError, KeyError) as error:
        raise UnreadableResultsError(file) from error

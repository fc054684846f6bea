"""``candor lift``: what helped, whom, how sure, and how variants are shared out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orchestration.cli.app import app
from orchestration.cli.home import opened_warehouse
from orchestration.cli.options import JsonOption, with_paths
from orchestration.cli.output import console, print_rows, require_page
from settings import Paths

if TYPE_CHECKING:
    import pyarrow as pa

    from measurement import ExperimentsConfig, Finding, KnownEffect

lift_app = typer.Typer(
    help="Experiments: what helped, whom, and how sure that is.", no_args_is_help=True
)
app.add_typer(lift_app, name="lift")

_NOTHING_LOGGED = (
    "They are judged by what was decided for pages: decide with candor decide, let a run load its log, "
    "and wait until the days of the outcome are over."
)
ExperimentName = Annotated[
    str | None, typer.Argument(help="Only this experiment of experiments.yml; all unless given.")
]


@lift_app.command()
@with_paths
def show(*, paths: Paths, experiment: ExperimentName = None, as_json: JsonOption = False) -> None:
    """Show the verdict of every comparison, for everybody and by segment."""
    from measurement import explain_unmet, read_beside, read_lift  # noqa: PLC0415 - loads every package
    from orchestration.company import Company  # noqa: PLC0415 - as above

    experiments = _only(experiment, Company(paths).experiments)
    with opened_warehouse(paths) as warehouse:
        reports = read_lift(warehouse, experiments)
        besides = read_beside(warehouse, reports, experiments)
        unmet = explain_unmet(warehouse, experiments.experiments)
    is_known_told = as_json or any(beside.effects for beside in besides)
    rows = [
        {
            "experiment": report.experiment_key,
            "metric": report.metric,
            "role": "primary" if report.is_primary else "secondary",
            "look": f"{report.look.number} of {report.look.planned}" if report.look else "",
            **_row(finding, as_json=as_json),
            **(_known_row(beside.of(finding), finding, as_json=as_json) if is_known_told else {}),
        }
        for report, beside in zip(reports, besides, strict=True)
        for finding in report.findings
    ]
    warnings = [
        f"{report.experiment_key}: {beside.warning}"
        for report, beside in zip(reports, besides, strict=True)
        if report.is_primary and beside.warning
    ]
    _print_lift(rows, [*unmet, *warnings], as_json=as_json)


@lift_app.command()
@with_paths
def report(
    *,
    paths: Paths,
    file: Annotated[
        Path, typer.Argument(help="Where to write it, as HTML: a name that ends in .html.")
    ],
    experiment: ExperimentName = None,
) -> None:
    """Write one page that says what helped, whom, how sure, and how long until it is known."""
    require_page(file)
    from measurement import lift_page, read_beside, read_lift  # noqa: PLC0415 - loads every package
    from orchestration.company import Company, known_until  # noqa: PLC0415 - as above
    from personalization import read_breadth, read_withheld  # noqa: PLC0415 - as above

    experiments = _only(experiment, Company(paths).experiments)
    with opened_warehouse(paths) as warehouse:
        reports = read_lift(warehouse, experiments)
        page = lift_page(
            warehouse, reports, now=known_until(warehouse), experiments=experiments,
            breadth=read_breadth(warehouse), withheld=read_withheld(warehouse, experiments),
            besides=read_beside(warehouse, reports, experiments),
        )  # fmt: skip
    file.write_text(page, encoding="utf-8")
    console.print(f"Wrote {file}.")


@lift_app.command()
@with_paths
def variants(
    *, paths: Paths, experiment: ExperimentName = None, as_json: JsonOption = False
) -> None:
    """Show how often each variant is to be shown in each segment, what is paused or off, and why."""
    from orchestration.company import Company  # noqa: PLC0415 - loads every package
    from personalization import read_variants  # noqa: PLC0415 - as above

    experiments = Company(paths).experiments
    _only(experiment, experiments)  # refuses a name that is not there
    with opened_warehouse(paths) as warehouse:
        found = read_variants(warehouse, experiments)
    rows = [asdict(told) for told in found if experiment in {None, told.experiment}]
    print_rows("Variants", rows, as_json=as_json)


@lift_app.command()
@with_paths
def policies(*, paths: Paths, as_json: JsonOption = False) -> None:
    """Show what other ways to choose variants would have earned, from the decisions logged."""
    with opened_warehouse(paths) as warehouse:
        rows = warehouse.read(
            "select experiment_key as experiment, policy, estimator, value, ci_low as low, "
            "ci_high as high, n, converted, coalesce(refusal, '') as refused_because "
            "from personalization.policy_values order by experiment_key, policy, estimator"
        )
    _print_policies(rows, as_json=as_json)


def _print_lift(rows: Sequence[dict[str, object]], lines: Sequence[str], *, as_json: bool) -> None:
    print_rows("Lift", rows, as_json=as_json)
    for line in () if as_json else lines:
        console.print(line)


def _print_policies(rows: pa.Table, *, as_json: bool) -> None:
    print_rows("Policies", rows, as_json=as_json)
    if not (rows.num_rows or as_json):
        console.print(_NOTHING_LOGGED)


def _only(name: str | None, experiments: ExperimentsConfig) -> ExperimentsConfig:
    """The configuration as if it had this experiment alone; all of it where none is named.

    Raises:
        UnknownExperimentError: It is not configured.
    """
    from measurement import UnknownExperimentError  # noqa: PLC0415 - loads every package

    known = experiments.experiments
    if name is None:
        return experiments
    if name not in known:
        raise UnknownExperimentError(name, known)
    return experiments.model_copy(update={"experiments": {name: known[name]}})


def _row(finding: Finding, *, as_json: bool) -> dict[str, object]:
    # Of an arm of fewer than ten no figure is shown: it would tell of each of them.
    effect = finding.effect if finding.is_told else None
    return {
        "segment": finding.segment,
        "arm": finding.arm,
        "against": finding.baseline_arm,
        "effect": effect if as_json or effect is None else _in_words(effect, finding),
        "verdict": finding.verdict,
        "reason": finding.reason,
    }


def _known_row(known: KnownEffect | None, finding: Finding, *, as_json: bool) -> dict[str, object]:
    """The effect among those who were known before they met it, with its interval."""
    if as_json:
        return {
            "known_before": known and known.counts.n + known.baseline.n,
            "known_effect": known and known.effect,
            "known_low": known and known.interval.low,
            "known_high": known and known.interval.high,
        }
    if known is None:
        return {"of the known": ""}
    from measurement import in_words  # noqa: PLC0415 - loads every package

    ends = (known.effect, known.interval.low, known.interval.high)
    told = (in_words(end, is_share=finding.is_share) for end in ends)
    return {"of the known": "{} ({} to {}) points".format(*told)}


def _in_words(effect: float, finding: Finding) -> str:
    from measurement import in_words  # noqa: PLC0415 - loads every package

    unit = " points" if finding.is_share else ""
    return f"{in_words(effect, is_share=finding.is_share)}{unit}"

"""Run a job in this process, recorded in the instance that the UI shows."""

from __future__ import annotations

import gc
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass

import dagster as dg
from dagster_shared.error import SerializableErrorInfo

from orchestration.errors import RunFailedError, UnknownJobError
from orchestration.failed_checks import FailedCheck, Specs, tell_failed
from orchestration.instance import close_orphans, open_instance, owner_only
from orchestration.restore_mark import refuse_unfinished_restore
from orchestration.run_lock import hold_run_lock
from orchestration.unexpected import OUR_PACKAGES
from settings import Paths
from warehouse import WarehouseBusyError

# The terminal shows progress and, at the end, what failed; Dagster's own log is in the UI.
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}

# Jobs of many tables, none of which searches the files of the data home.
MANY_EVENTS = frozenset({"refresh", "publish_audiences", "retrain"})

# What Dagster raises in a step when a person or the system ends the process.
INTERRUPTED = frozenset({"DagsterExecutionInterruptedError", "KeyboardInterrupt"})


@dataclass(frozen=True, slots=True)
class RunOutcome:
    """What a finished run was and did.

    Attributes:
        run_id: Its id in the instance.
        steps: How many steps succeeded.
        checks_passed: How many checks passed.
        checks_failed: Names of those that did not but let the run go on.
        errors: Those of them that somebody must act upon; the others are warnings.
        told: What each of those that did not pass found, expected, and what to do about it.
    """

    run_id: str
    steps: int
    checks_passed: int
    checks_failed: tuple[str, ...]
    errors: tuple[str, ...]
    told: tuple[FailedCheck, ...] = ()


def run_job(
    paths: Paths, name: str, *, run_config: Mapping[str, object] | None = None
) -> RunOutcome:
    """Run one job to its end.

    Raises:
        UnknownJobError: There is no such job.
        RestoreUnfinishedError: The home was restored, and not all who were erased since are gone.
        RunFailedError: A step failed; names each and why.
        WarehouseBusyError: Another run holds the data home.
    """
    paths.make_home()
    with owner_only(), hold_run_lock(paths.home), _instance(paths, name) as instance:
        refuse_unfinished_restore(paths, job=name)
        job = _job(name)
        result = job.execute_in_process(
            instance=instance, raise_on_error=False, run_config={**QUIET, **(run_config or {})}
        )
    specs = _specs(job)
    if not result.success:
        raise RunFailedError(result.run_id, tuple(_failures(result, specs)), _classes(result))
    checks = result.get_asset_check_evaluations()
    failed = [check for check in checks if not check.passed]
    return RunOutcome(
        run_id=result.run_id,
        steps=sum(event.is_step_success for event in result.all_events),
        checks_passed=len(checks) - len(failed),
        checks_failed=tuple(_name(check) for check in failed),
        errors=tuple(
            _name(check) for check in failed if check.severity is dg.AssetCheckSeverity.ERROR
        ),
        told=tuple(tell_failed(check, specs) for check in failed),
    )


def close_dead_runs(paths: Paths) -> int:
    """Mark runs whose process was killed as failed, so that the UI's queue does not wait for them.

    Returns:
        How many were closed; 0 while a run is active.
    """
    try:
        with hold_run_lock(paths.home, wait_s=0), open_instance(paths) as instance:
            return close_orphans(instance)
    except WarehouseBusyError:
        return 0


def _instance(paths: Paths, job: str) -> AbstractContextManager[dg.DagsterInstance]:
    return open_instance(paths, keep_open=job in MANY_EVENTS)


def _job(name: str) -> dg.JobDefinition:
    definitions = _definitions()
    known = sorted(job.name for job in definitions.resolve_all_job_defs())
    if name not in known:
        raise UnknownJobError(name, [job for job in known if not job.startswith("__")])
    return definitions.resolve_job_def(name)


def _definitions() -> dg.Definitions:
    """Load the code location, and keep the garbage collector from walking it ever again.

    dbt and Dagster leave millions of objects that live as long as the process; walking them was
    measured at 13 of the 60 s of processor time of a run with nothing new.
    """
    gc.disable()
    try:
        from orchestration.definitions import defs  # noqa: PLC0415 - loads dbt and every package
    finally:
        gc.freeze()
        gc.enable()
    return defs


def _name(check: dg.AssetCheckEvaluation) -> str:
    return f"{check.asset_key.to_user_string()}: {check.check_name}"


def _specs(job: dg.JobDefinition) -> Specs:
    """What is declared of each check of a job, by its key."""
    graph = job.asset_layer.asset_graph
    return {key: graph.get_check_spec(key) for key in graph.asset_check_keys}


def _failures(result: dg.ExecuteInProcessResult, specs: Specs) -> list[str]:
    """One line per failed step: the innermost cause, which is ours and says what to do.

    Of a step that a check stopped, the checks.
    """
    failures = [event for event in result.all_events if event.is_step_failure]
    return [
        f"{event.step_key}: {cause}"
        for event in failures
        for cause in (_stopping(result, event, specs) or [_cause(event)])
    ]


def _stopping(
    result: dg.ExecuteInProcessResult, failure: dg.DagsterEvent, specs: Specs
) -> list[str]:
    """The checks that stopped a step, and what each found; none where it failed otherwise."""
    error = _innermost(failure)
    if error is None or error.cls_name != "DagsterAssetCheckFailedError":
        return []
    found = [
        event.asset_check_evaluation_data
        for event in result.all_events
        if event.event_type is dg.DagsterEventType.ASSET_CHECK_EVALUATION
        and event.step_key == failure.step_key
    ]
    return [
        str(tell_failed(check, specs))
        for check in found
        if not check.passed and check.severity is dg.AssetCheckSeverity.ERROR
    ]


def _classes(result: dg.ExecuteInProcessResult) -> frozenset[str]:
    """Names of the error classes that made steps fail."""
    errors = [_innermost(event) for event in result.all_events if event.is_step_failure]
    return frozenset(error.cls_name or "" for error in errors if error is not None)


def _cause(event: dg.DagsterEvent) -> str:
    error = _innermost(event)
    if error is None:
        return "no reason recorded"
    if error.cls_name in INTERRUPTED:
        return "it was interrupted"
    # Our own errors say what to do; where their class lives is of no use to the reader.
    module, _, message = error.message.strip().partition(": ")
    return message if module.partition(".")[0] in OUR_PACKAGES else error.message.strip()


def _innermost(event: dg.DagsterEvent) -> SerializableErrorInfo | None:
    error = event.step_failure_data.error
    while error is not None and error.cause is not None:
        error = error.cause
    return error

"""The line of a check that did not pass says what was found, what was expected, and what to do."""

from __future__ import annotations

import dagster as dg
import pytest

from orchestration.cli.run import show_outcome
from orchestration.failed_checks import tell_failed
from orchestration.run import RunOutcome

KEY = dg.AssetKey(["raw", "events"])
COLUMNS = dg.TableSchema([dg.TableColumn("reason"), dg.TableColumn("rows", "int")])
TABLE, NOTHING = (
    dg.MetadataValue.table([dg.TableRecord(row) for row in rows], schema=COLUMNS)
    for rows in ([{"reason": "400", "rows": 16}, {"reason": "no id", "rows": 2}], [])
)


def _evaluation(name: str, metadata: dict[str, object]) -> dg.AssetCheckEvaluation:
    normalised = dg.AssetCheckResult(passed=False, metadata=metadata).metadata  # type: ignore[arg-type]
    return dg.AssetCheckEvaluation(
        asset_key=KEY, check_name=name, passed=False, metadata=normalised,
        severity=dg.AssetCheckSeverity.WARN,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "metadata", "found", "advice"),
    [
        pytest.param(
            "events_keep_the_tracking_plan",
            {"violations": 1200, "is_late": True, "of": "none", "which": ["a", "b"], "nothing": 0, "is_new": False},
            "found violations: 1,200, is late: yes, which: a, b;",
            "`candor contracts` names the fields",
            id="ours",
        ),
        pytest.param("unique_x", {"rows_that_break_it": 3}, "found rows that break it: 3;", "SQL", id="dbt"),
        pytest.param("unique_z", {"row_errors": TABLE, "none": NOTHING}, "found row errors: 400 16, no id 2;", "SQL", id="table"),
        pytest.param("unique_y", {"many": list(range(9))}, "found many: 0, 1, 2, 3, 4 and 4 more", "SQL", id="many"),
    ],
)  # fmt: skip
def test_a_check_that_did_not_pass_says_what_was_found_and_expected_and_what_to_do(
    name: str,
    metadata: dict[str, object],
    found: str,
    advice: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    spec = dg.AssetCheckSpec(name, asset=KEY, description="No id occurs twice.\n\nMore of it.")

    told = tell_failed(_evaluation(name, metadata), {spec.key: spec})
    show_outcome(RunOutcome("r", 1, 1, (told.name,), (), (told,)), refused_rows=0)

    said = " ".join(capsys.readouterr().out.split())
    assert f"raw/events: {name}: {found}" in said
    assert "expected: No id occurs twice; " in said
    assert advice in said

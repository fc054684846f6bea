"""What a dbt build tells Dagster, shown on the small company of the dbt tests."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest
from dagster_dbt import dbt_assets

from orchestration.dbt import Build, LayeredTranslator, build
from orchestration.errors import DbtBuildError
from orchestration.manifest import ParsedProject, parsed_project
from tests.dbt_project import small_company
from tests.dbt_project.project import Company as SmallCompany
from tests.dbt_project.project import Project

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.warehouse

EVENTS = dg.AssetKey(["staging", "stg_raw__events"])
CANARY = "ann.canary@mail.example"
UNIQUE_EVENTS = dg.AssetCheckKey(EVENTS, "unique_stg_raw__events_event_id")


@pytest.fixture(scope="module")
def parsed() -> ParsedProject:
    return parsed_project()


@pytest.fixture(scope="module")
def phases(parsed: ParsedProject) -> dict[str, dg.AssetsDefinition]:
    return {
        tag: dbt_assets(
            manifest=parsed.manifest,
            select=f"tag:{tag}",
            name=tag,
            dagster_dbt_translator=LayeredTranslator(),
        )(lambda context: None)
        for tag in ("before_identity", "after_identity")
    }


@pytest.fixture
def company(tmp_path: Path) -> SmallCompany:
    company = Project(manifest=None).company(tmp_path)  # type: ignore[arg-type]
    small_company.fill(company)
    return company


@pytest.fixture
def first_phase(
    parsed: ParsedProject, phases: dict[str, dg.AssetsDefinition], company: SmallCompany
) -> Build:
    phase = phases["before_identity"]
    target = company.folder / "dbt"
    return Build(parsed, company.path, target, assets=phase.keys, checks=phase.check_keys)


def test_every_data_test_is_an_asset_check(
    parsed: ParsedProject, phases: dict[str, dg.AssetsDefinition]
) -> None:
    nodes = json.loads(parsed.manifest.read_text())["nodes"].values()
    tests = {node["name"] for node in nodes if node["resource_type"] == "test"}

    assert {key.name for phase in phases.values() for key in phase.check_keys} == tests


def test_every_check_blocks_and_says_its_claim(phases: dict[str, dg.AssetsDefinition]) -> None:
    checks = [check for phase in phases.values() for check in phase.check_specs]

    assert [check.name for check in checks if not check.blocking] == []
    assert [check.name for check in checks if not (check.description or "").endswith(".")] == []


def test_every_asset_says_what_it_is_and_whose(phases: dict[str, dg.AssetsDefinition]) -> None:
    for spec in (spec for phase in phases.values() for spec in phase.specs):
        assert "One row per" in (spec.description or "")
        assert spec.owners == ["team:profiles"]
        assert spec.kinds == {"dbt", "duckdb"}
        assert spec.tags["cdp/pii"] in {"none", "pseudonymous", "direct"}


def test_a_build_reports_every_model_and_test(first_phase: Build) -> None:
    outcome = build(first_phase)

    events = list(outcome.events({}))
    built = {e.asset_key for e in events if isinstance(e, dg.MaterializeResult)}
    passed = {e.check_name for e in events if isinstance(e, dg.AssetCheckResult) and e.passed}
    assert built == first_phase.assets
    assert passed == {key.name for key in first_phase.checks}
    outcome.raise_on_failure()


def test_a_failed_test_stops_what_depends_on_it(first_phase: Build, company: SmallCompany) -> None:
    company.add("raw.events", *small_company.events()[:1])

    outcome = build(first_phase)

    events = list(outcome.events({}))
    verdicts = {e.check_name: e.passed for e in events if isinstance(e, dg.AssetCheckResult)}
    built = {e.asset_key for e in events if isinstance(e, dg.MaterializeResult)}
    assert verdicts[UNIQUE_EVENTS.name] is False
    assert dg.AssetKey(["intermediate", "int_events__classified"]) not in built
    with pytest.raises(DbtBuildError, match=UNIQUE_EVENTS.name):
        outcome.raise_on_failure()


@pytest.fixture
def part(first_phase: Build) -> Build:
    """One model and a test of it."""
    return replace(first_phase, assets={EVENTS}, checks={UNIQUE_EVENTS})


def test_a_part_is_built_alone(part: Build) -> None:
    outcome = build(part)

    assert {result.node.name for result in outcome.results} == {EVENTS.path[1], UNIQUE_EVENTS.name}


def test_a_build_leaves_its_files_in_the_data_home_alone_and_prints_nothing(
    part: Build, parsed: ParsedProject, capfd: pytest.CaptureFixture[str]
) -> None:
    before = set(parsed.project.rglob("*"))

    build(part)

    assert set(parsed.project.rglob("*")) == before
    assert f"OK created sql view model staging.{EVENTS.path[1]}" in _log(part)
    assert capfd.readouterr().out == ""


def test_what_is_kept_of_a_failure_names_nobody(
    part: Build, company: SmallCompany, capfd: pytest.CaptureFixture[str]
) -> None:
    """The engine says what it could not convert; no file that dbt leaves repeats it."""
    company.execute("alter table raw.events rename to events_as_sent")
    company.execute(
        "create view raw.events as select * replace (cast(cast("
        f"'{CANARY}' || event_id as timestamp) as varchar) as event_id) from raw.events_as_sent"
    )

    outcome = build(part)

    assert outcome.failed == (UNIQUE_EVENTS.name,)
    assert CANARY in outcome.results[-1].message  # else the claims below would say nothing
    with pytest.raises(DbtBuildError) as refused:
        outcome.raise_on_failure()
    files = [path for path in part.target.rglob("*") if path.is_file()]
    kept = [path.read_text() for path in files]
    told = [str(refused.value), str(list(outcome.events({}))), *capfd.readouterr()]
    assert not any(CANARY in text for text in [*kept, *told])
    assert f"test {UNIQUE_EVENTS.name}" in _log(part)
    assert "Conversion Error: invalid timestamp field format" in _log(part)
    assert (part.target / "dbt.log").stat().st_mode & 0o077 == 0


def _log(part: Build) -> str:
    return (part.target / "dbt.log").read_text()


def test_what_the_configuration_says_reaches_the_models(
    first_phase: Build, company: SmallCompany
) -> None:
    said = {"own_activity_events": {"search": ["Demo Requested"]}}

    build(replace(first_phase, variables=said)).raise_on_failure()

    activities = company.read(
        "select activity from intermediate.int_events__classified where event = 'Demo Requested'"
    )
    assert activities == [{"activity": "search"}]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CANDOR_HOME", str(tmp_path))
    monkeypatch.setenv("CANDOR_CONFIG", str(ROOT / "config"))
    monkeypatch.setenv("CANDOR_LANDING", str(tmp_path / "landing"))
    return tmp_path


def run_both_phases(home: Path) -> dg.ExecuteInProcessResult:
    from orchestration.defs.profiles import prepare_records, unify_profiles  # noqa: PLC0415 - slow
    from orchestration.resources import CandorResource  # noqa: PLC0415 - slow

    return dg.materialize(
        [prepare_records, unify_profiles],
        resources={"candor": CandorResource()},
        instance=dg.DagsterInstance.ephemeral(),
        raise_on_error=False,
    )


def test_a_run_builds_both_phases_and_counts_rows(home: Path, company: SmallCompany) -> None:
    result = run_both_phases(home)

    profiles = result.asset_materializations_for_node("unify_profiles")
    counted = {m.asset_key.path[-1]: m.metadata.get("dagster/row_count") for m in profiles}
    assert result.success
    assert counted["profiles"].value == 5  # type: ignore[union-attr]
    assert all(check.passed for check in result.get_asset_check_evaluations())


def test_a_run_with_a_failed_test_goes_no_further(home: Path, company: SmallCompany) -> None:
    company.add("raw.events", *small_company.events()[:1])

    result = run_both_phases(home)

    assert not result.success
    assert result.asset_materializations_for_node("unify_profiles") == []
    failure = result.failure_data_for_node("prepare_records")
    assert UNIQUE_EVENTS.name in str(failure.error.cause or failure.error)  # type: ignore[union-attr]

"""``candor audience`` and ``candor sync`` on a company that was computed by hand."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from collections import defaultdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest
from filelock import FileLock
from typer.testing import CliRunner

import audiences
import orchestration.run
from audiences import (
    InvalidAudienceError,
    NothingToAcceptError,
    UnsafeAddress,
    UnsafeAddressError,
    compute_memberships,
    load_audiences,
)
from audiences.sync import read_runs
from orchestration import sensitive_traits
from orchestration.cli import audience, sync
from orchestration.cli.app import app
from orchestration.cli.exits import FAILED
from orchestration.company import Company
from orchestration.defs import publish
from orchestration.errors import NoProfilesError
from orchestration.run_lock import hold_if_idle
from settings import ConfigurationError, FaultyConfigurationError, Paths
from tests.audiences.conftest import NOW
from tests.audiences.contract import create_marts
from warehouse import DuckDBWarehouse

ROOT = Path(__file__).parents[2]
RUNNER = CliRunner()
READERS = """\
key: readers
name: Readers
purposes: [personalization]
include: {trait: country, is: US}
"""
DESTINATIONS = """\
destinations:
  files: {kind: file, folder: out, legal_basis: inside the company}
syncs:
  readers_to_files: {audience: readers, destination: files, identifiers: [{type: person_id, form: raw}]}
"""


@pytest.fixture
def folders(tmp_path: Path) -> list[str]:
    """The options that name a small company with two readers, one of whom agreed."""
    assert audience.audience_app
    assert sync.sync_app
    config = tmp_path / "config"
    shutil.copytree(ROOT / "tests" / "fernhill" / "config", config)
    shutil.rmtree(config / "audiences")
    (config / "audiences").mkdir()
    (config / "audiences" / "readers.yml").write_text(READERS)
    (config / "destinations.yml").write_text(DESTINATIONS)
    paths = Paths.resolve({}, config=config, home=tmp_path / "home")
    with Company(paths).open_warehouse() as warehouse:
        _fill(warehouse)  # type: ignore[arg-type]
        compute_memberships(warehouse, load_audiences(config / "audiences"), run_id="r1", now=NOW)
    return ["--config", str(config), "--home", str(paths.home)]


def _fill(warehouse: DuckDBWarehouse) -> None:
    create_marts(warehouse)
    for person, status in (("ann", "granted"), ("bea", "denied")):
        values = {"person": person, "status": status}
        warehouse.execute(
            "insert into marts.profiles (person_id, country) values ($person, 'US')",
            {"person": person},
        )
        warehouse.execute(
            "insert into marts.consent_current (person_id, purpose, status) "
            "values ($person, 'personalization', $status)",
            values,
        )


def _json(*command: str) -> Any:
    result = RUNNER.invoke(app, [*command, "--json"], catch_exceptions=False)
    assert result.exit_code == 0
    return json.loads(result.stdout)


def test_list_shows_every_audience_with_its_size(folders: list[str]) -> None:
    (row,) = _json("audience", "list", *folders)  # type: ignore[misc]

    assert (row["audience"], row["matched"], row["members"]) == ("readers", 2, 1)


def test_list_says_which_traits_and_events_of_a_rule_are_not_there(
    folders: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    ill = {"lost": ("'ill' is sensitive",)}
    monkeypatch.setattr(sensitive_traits, "missing_sensitive_uses", lambda _: ill)
    rules = {"lost": "{trait: contry, is: US}", "quiet": "{event: Demo Requestet, within_days: 30}"}
    for key, rule in rules.items():
        file = Path(folders[1]) / "audiences" / f"{key}.yml"
        file.write_text(f"key: {key}\nname: {key}\npurposes: [personalization]\ninclude: {rule}\n")

    told = {row["audience"]: row["problems"] for row in _json("audience", "list", *folders)}
    shown = RUNNER.invoke(app, ["audience", "list", *folders], catch_exceptions=False).stdout

    assert told["readers"] == []
    lost, sensitive = told["lost"]
    assert "did you mean 'country'" in lost
    assert sensitive == "'ill' is sensitive"
    assert ["nobody has ever done 'Demo Requestet'" in one for one in told["quiet"]] == [True]
    assert "nobody has ever done" in " ".join(shown.split())


@pytest.mark.parametrize("command", ["audience preview readers", "sync plan"])
def test_before_there_are_profiles_one_sentence_says_what_to_run(
    folders: list[str], command: str
) -> None:
    with Company(Paths.resolve({}, home=Path(folders[3]))).open_warehouse() as warehouse:
        warehouse.execute("drop table marts.profiles")

    with pytest.raises(NoProfilesError, match="no profiles yet: `candor run` builds them"):
        RUNNER.invoke(app, [*command.split(), *folders], catch_exceptions=False)


def test_preview_counts_who_is_left_out_for_lack_of_consent(
    folders: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    ill = {"readers": ("'ill' is sensitive",), "others": ("'old' is sensitive",)}
    monkeypatch.setattr(sensitive_traits, "missing_sensitive_uses", lambda _: ill)

    found = _json("audience", "preview", "readers", *folders)

    assert isinstance(found, dict)
    assert found["members"] == 1
    assert found["refused"] == ["'ill' is sensitive"]
    assert found["suppressed"] == {"consent:personalization:denied": 1}


def test_mistakes_in_rules_are_told_by_file_and_line_all_at_once(folders: list[str]) -> None:
    file = Path(folders[1]) / "audiences" / "readers.yml"
    rules = ("any:", "  - {trait: contry, is: US}", "  - {trait: sity, is: X}")
    wrong = "\n".join(f"  {line}" for line in rules)
    file.write_text(READERS.replace(" {trait: country, is: US}", f"\n{wrong}"))

    with pytest.raises(InvalidAudienceError) as refused:
        RUNNER.invoke(app, ["audience", "preview", "readers", *folders], catch_exceptions=False)

    assert [problem.split(":")[0] for problem in refused.value.problems] == [
        f"{file}, line 6, include.any.0",
        f"{file}, line 7, include.any.1",
    ]


def test_audiences_and_models_that_nobody_declares_stop_everything(folders: list[str]) -> None:
    file = Path(folders[1]) / "audiences" / "readers.yml"
    rules = ("any:", "  - {score: {model: trail, at_least: 0.1}}", "  - {audience: nobody}")
    wrong = "\n".join(f"  {line}" for line in rules)
    file.write_text(READERS.replace(" {trait: country, is: US}", f"\n{wrong}"))

    with pytest.raises(InvalidAudienceError) as refused:
        Company(Paths.resolve({}, config=Path(folders[1]))).check_configuration()

    audience, model = refused.value.problems
    assert audience == f"{file}, line 7, include.any.1: 'nobody' is no audience: known: readers"
    assert model.startswith(f"{file}, line 6, include.any.0: 'trail' is no model of predictions")
    assert model.endswith("did you mean 'trial'? known: trial")


def test_a_file_that_cannot_be_read_hides_nothing_of_the_others(folders: list[str]) -> None:
    config = Path(folders[1])
    (config / "audiences" / "broken.yml").write_text("key: broken\nincldue: {}\n")
    (config / "audiences" / "other.yml").write_text(
        READERS.replace("key: readers", "key: other")
        .replace("[personalization]", "[adverts]")
        .replace(" {trait: country, is: US}", "\n  any: [{audience: broken}, {audience: nobody}]")
    )
    (config / "sources.yml").write_text("sorces: {}\n")
    (config / "survivorship.yml").write_text("source_priorty: []\n")
    (config / "destinations.yml").write_text(
        (config / "destinations.yml").read_text().replace("audience: readers", "audience: reader")
    )

    with pytest.raises(FaultyConfigurationError) as refused:
        Company(Paths.resolve({}, config=config)).check_configuration()

    told = str(refused.value)
    for fault in ("incldue", "sorces", "source_priorty", "'adverts'", "'nobody' is no audience",
                  "'reader' is no audience"):  # fmt: skip
        assert told.count(f"{fault}") == 1, fault
    assert "'broken' is no audience" not in told


@pytest.mark.parametrize(
    ("file", "old"),
    [
        ("audiences/readers.yml", "purposes: [personalization]"),
        ("destinations.yml", "legal_basis: inside the company"),
        ("predictions.yml", "purpose: analytics"),
        ("personas.yml", "purpose: personalization"),
    ],
)
def test_a_purpose_that_is_not_declared_stops_everything(
    folders: list[str], file: str, old: str
) -> None:
    path = Path(folders[1]) / file
    wrong = "purpose: adverts" if old.startswith("purpose:") else "purposes: [adverts]"
    path.write_text(path.read_text().replace(old, wrong))

    with pytest.raises(
        ConfigurationError, match=r"line .*found 'adverts'.*consent.yml: "
    ) as refused:
        Company(Paths.resolve({}, config=Path(folders[1]))).check_configuration()

    assert refused.value.path == path


def test_an_unknown_audience_is_told_with_a_suggestion(folders: list[str]) -> None:
    with pytest.raises(InvalidAudienceError, match="did you mean 'readers'"):
        RUNNER.invoke(app, ["audience", "preview", "reader", *folders], catch_exceptions=False)


def test_explain_says_which_clause_is_met_and_what_is_lacking(folders: list[str]) -> None:
    found = _json("audience", "explain", "readers", "bea", *folders)

    assert isinstance(found, dict)
    assert found["rules"] == [{"depth": 0, "clause": "country is US", "holds": True, "found": "US"}]
    assert found["syncs"][0]["lacking"] == "consent:personalization:denied"


def test_what_to_do_about_consents_that_were_not_looked_at_stands_below_the_table(
    capsys: pytest.CaptureFixture[str],
) -> None:
    row = dict.fromkeys(("lacking", "is_member", "entered_at", "arm"))

    audience._print_standing("standing", [{**row, "is_match": False}])
    told = " ".join(capsys.readouterr().out.split())
    audience._print_standing("standing", [{**row, "is_match": True}])

    assert "│ lacks │ not looked at │" in told
    assert told.endswith("`candor profile show` has the consents of anybody")
    assert "candor profile show" not in capsys.readouterr().out


def test_plan_counts_what_is_due_and_sends_nothing(folders: list[str], tmp_path: Path) -> None:
    config = Path(folders[1])
    (config / "audiences" / "later.yml").write_text(READERS.replace("key: readers", "key: later"))
    sync_of_it = DESTINATIONS.splitlines()[-1].replace("readers", "later")
    (config / "destinations.yml").write_text(f"{DESTINATIONS}{sync_of_it}\n")

    row, never = _json("sync", "plan", *folders)  # type: ignore[misc]

    assert (row["added"], row["changed"], row["removed"]) == (1, 0, 0)
    assert (row["is_computed"], never["is_computed"]) == (True, False)
    assert not (tmp_path / "home" / "artifacts" / "out").exists()


def test_status_before_the_first_run_is_empty(folders: list[str]) -> None:
    assert _json("sync", "status", *folders) == []


def test_status_names_whom_a_sync_left_that_is_no_longer_configured(folders: list[str]) -> None:
    with Company(Paths.resolve({}, config=Path(folders[1]), home=Path(folders[3]))).open_warehouse() as warehouse:  # fmt: skip
        read_runs(warehouse)  # makes the tables
        configured = "readers_to_files"
        switched_off = DESTINATIONS.replace("{audience", "{enabled: false, audience")
        (Path(folders[1]) / "destinations.yml").write_text(switched_off)
        for key, present in (("gone", True), ("emptied", False), (configured, True)):
            warehouse.execute(
                "insert into sync.ledger (sync_key, destination_key, person_id, is_present) "
                "values ($key, 'crm', 'p1', $present)",
                {"key": key, "present": present},
            )

        warehouse.execute("insert into sync.runs (run_id, sync_key) values ('r', 'gone')")

    said = " ".join(RUNNER.invoke(app, ["sync", "status", *folders]).output.split())
    (told,) = _json("sync", "status", *folders)

    assert told["left_behind"] == 1
    assert "gone is no longer configured; persons whom it sent and who are still at crm: 1." in said
    assert "emptied" not in said
    assert f"{configured} is no longer" not in said


def test_status_says_in_words_what_a_run_came_to(folders: list[str]) -> None:
    with Company(Paths.resolve({}, config=Path(folders[1]), home=Path(folders[3]))).open_warehouse() as warehouse:  # fmt: skip
        read_runs(warehouse)  # makes the tables
        warehouse.execute(
            "insert into sync.runs (run_id, sync_key, status, code, added, removed, rejected, no_consent, started_at) "
            "values ('now', 'crm', 'partial', 'too_many_removals', 1200, 0, 3, 7, timestamp '2026-03-01 04:05:06')"
        )  # fmt: skip

    said = " ".join(RUNNER.invoke(app, ["sync", "status", *folders]).output.split())

    assert {"partial,", "1,200", "added", "3", "rejected", "7", "consent"} <= {*said.split()}
    assert " removed" not in said


def test_a_run_whose_process_is_gone_is_interrupted_and_another_runs_while_the_home_is_held(
    folders: list[str], tmp_path: Path
) -> None:
    company = Company(Paths.resolve({}, config=Path(folders[1]), home=Path(folders[3])))
    with company.open_warehouse() as warehouse:
        read_runs(warehouse)  # makes the tables
        warehouse.execute(
            "insert into sync.runs (run_id, sync_key, status, started_at) "
            "select 'r' || n, 'crm', 'running', timestamp '2026-03-01' + interval (n) day from range(2) as t (n)"
        )

    said = " ".join(RUNNER.invoke(app, ["sync", "status", *folders]).output.split())
    runs = [{"sync": "crm", "status": "running"}] * 2
    held = sync._tell_interrupted(runs, is_idle=False)

    assert "crm: interrupted, the process of the run ended before the run did; the next run" in said
    assert "running" not in said
    assert [run["status"] for run in held] == ["running", "interrupted"]
    (tmp_path / "other").mkdir()
    with hold_if_idle(tmp_path / "other") as is_idle:
        assert is_idle
    with FileLock(tmp_path / "other" / "run.lock"), hold_if_idle(tmp_path / "other") as is_idle:
        assert not is_idle


def test_status_says_what_to_do_about_an_unsafe_address_until_a_run_got_past_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code = UnsafeAddressError("crm", UnsafeAddress.NOT_PUBLIC).code
    monkeypatch.setattr(sync.console, "width", 200)
    run = {"sync": "crm", "status": "failed", "code": code, "rejected": 3, "started_at": None}

    row = sync._run_in_words(defaultdict(int, run))
    sync._tell_unsafe([{"sync": "mended", "code": None}, run, {**run, "sync": "mended"}])

    assert (row["status"], row["failed"]) == ("failed, unsafe address", "3 not sent")
    said = " ".join(capsys.readouterr().out.split())
    assert said.startswith(
        "crm: Candor found the address of the destination unsafe: its name leads to"
    )
    assert "`allow_private_addresses: true`" in said
    assert "mended" not in said


def test_a_held_run_says_so_also_where_the_destination_refused_a_row(
    folders: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was rejected makes the run partial; a code of the destination is no hold."""
    monkeypatch.setattr(orchestration.run, "run_job", lambda *_args: SimpleNamespace(run_id="now"))
    rows = (
        ("mixed", "partial", "too_many_removals"), ("whole", "held", "empty_source"),
        ("refused", "partial", None), ("sent", "succeeded", None), ("broken", "failed", "http_401"),
    )  # fmt: skip
    with Company(Paths.resolve({}, config=Path(folders[1]), home=Path(folders[3]))).open_warehouse() as warehouse:  # fmt: skip
        for key, status, code in rows:
            warehouse.execute(
                "insert into sync.runs (run_id, sync_key, status, code) "
                "values ('now', $key, $status, $code)",
                {"key": key, "status": status, "code": code},
            )

    result = RUNNER.invoke(app, ["sync", "run", *folders])

    assert result.exit_code == FAILED
    said = [
        line.split(";")[0]
        for line in result.output.splitlines()
        if line.startswith(("held: ", "stopped: "))
    ]
    assert said == [
        "held: mixed (too_many_removals)", "held: whole (empty_source)", "stopped: broken"
    ]  # fmt: skip


def test_a_new_audience_is_valid_as_it_stands(folders: list[str]) -> None:
    result = RUNNER.invoke(
        app, ["audience", "new", "late_readers", *folders], catch_exceptions=False
    )

    assert result.exit_code == 0
    audiences = load_audiences(Path(folders[1]) / "audiences")
    assert [found.key for found in audiences] == ["late_readers", "readers"]


@pytest.mark.parametrize(("key", "said"), [("readers", "choose another"), ("My Key", "is no key")])
def test_a_new_audience_needs_a_key_of_its_own(folders: list[str], key: str, said: str) -> None:
    with pytest.raises(InvalidAudienceError, match=said):
        RUNNER.invoke(app, ["audience", "new", key, *folders], catch_exceptions=False)


def test_a_preview_narrows_everybody_down_step_by_step(folders: list[str]) -> None:
    found = _json("audience", "preview", "readers", *folders)

    assert found["funnel"] == [["everybody", 2], ["country is US", 2]]
    assert found["destinations"] == {"readers_to_files": 1}
    assert [row["person_id"] for row in found["sample"]] == ["ann"]


def test_a_sample_shows_no_address(folders: list[str]) -> None:
    paths = Paths.resolve({}, config=Path(folders[1]), home=Path(folders[3]))
    with Company(paths).open_warehouse() as warehouse:
        for kind, value in (("email", "ann.lee@corp.example"), ("phone", "+14155550134")):
            warehouse.execute(
                "insert into marts.contact_points (person_id, identifier_type, identifier_value) "
                "values ('ann', $kind, $value)",
                {"kind": kind, "value": value},
            )

    found = _json("audience", "preview", "readers", *folders)

    assert found["sample"] == [
        {"person_id": "ann", "arm": "treatment", "email": "a***@c***", "phone": "***34"}
    ]


def test_two_runs_are_compared_by_cause(folders: list[str]) -> None:
    paths = Paths.resolve({}, config=Path(folders[1]), home=Path(folders[3]))
    company = Company(paths)
    with company.open_warehouse() as warehouse:
        warehouse.execute("update marts.consent_current set status = 'granted'")
        later = NOW + dt.timedelta(days=1)
        compute_memberships(warehouse, company.audiences, run_id="r2", now=later)

    found = _json("audience", "diff", "readers", "r1", "r2", *folders)

    assert (found["members_first"], found["members_second"]) == (1, 2)
    assert found["changes"] == [
        {"change": "entered", "cause": "consent", "detail": "consent given", "persons": 1}
    ]
    assert _json("audience", "overlap", *folders) == []


def test_two_audiences_that_tell_few_apart_are_named(
    folders: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    row = {"audience": "readers", "other": "buyers", "only_here": 3, "isolates_below": 100}
    for place in (audiences, publish):
        monkeypatch.setattr(place, "overlaps", lambda _: pa.Table.from_pylist([row]))

    shown = RUNNER.invoke(app, ["audience", "overlap", *folders], catch_exceptions=False)

    told = "buyers is all but inside readers, and 3 of readers are not in it"
    assert told in " ".join(shown.output.split())
    assert _json("audience", "overlap", *folders) == [row]
    noted = publish._isolating(DuckDBWarehouse.in_memory())
    assert noted["pairs_that_isolate_few"] == 1
    assert told in str(noted["readers less buyers"])


def test_why_a_person_was_not_sent(folders: list[str]) -> None:
    (found,) = _json("sync", "why", "bea", *folders)

    assert found["now"] == "consent is missing for personalization (denied)"
    assert (found["sync"], found["is_due"], found["there"]) == (
        "readers_to_files", False, "never sent",
    )  # fmt: skip


def test_removals_that_are_not_held_cannot_be_accepted(folders: list[str]) -> None:
    for sync_key in ("readers_to_files", "nobody"):
        with pytest.raises(NothingToAcceptError, match=sync_key):
            RUNNER.invoke(app, ["sync", "accept", sync_key, *folders], catch_exceptions=False)

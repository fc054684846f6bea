"""The planted effects of the hero are found from the events of companies that nobody looked at.

Who is who is taken from the truth, so that measuring alone is judged here.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from measurement import ExperimentsConfig, LiftReport, measure_experiments
from personalization import write_variant_policies
from sample import make_sample
from settings import load_config
from tests.conftest import ROOT
from tests.measurement.conftest import TABLES
from warehouse import DuckDBWarehouse

# How long the sample company is watched: all windows are closed by then.
LATER = "2030-01-01"
EVENTS = """
    insert into marts.events by name
    with lines as (
        select distinct on (json_extract_string(line, '$.messageId')) line
        from read_csv($files, columns = {'line': 'varchar'}, delim = '\x07', quote = '', escape = '',
                      header = false, ignore_errors = true)
        where json_valid(line)
    )
    select json_extract_string(line, '$.messageId') as event_id, devices.person_id,
        json_extract_string(line, '$.event') as event,
        cast(json_extract_string(line, '$.timestamp') as timestamp) as occurred_at,
        cast(json_extract_string(line, '$.receivedAt') as timestamp) as received_at,
        json_extract(line, '$.properties') as properties, false as is_bot
    from lines
    inner join read_csv($devices, all_varchar = true) as devices
        on devices.anonymous_id = json_extract_string(line, '$.anonymousId')
    where json_extract_string(line, '$.event') in ('Experiment Viewed', 'Demo Requested')
        and devices.person_id is not null and devices.person_id not in ('shared', 'bot')
"""
PROFILES = """
    insert into marts.profiles by name
    with persons as (select distinct person_id from marts.events),
    employers as (
        select person_id, min(domain) as domain from read_csv($employers, all_varchar = true)
        group by person_id
    ),
    companies as (
        select domain, max(try_cast(employee_count as bigint)) as employee_count
        from read_csv($companies, all_varchar = true) group by domain
    )
    select person_id, domain as account_id, domain as company_name, employee_count
    from persons left join employers using (person_id) left join companies using (domain)
"""
RECORDS = """
    insert into identity.members
    select source, source_record_id, person_id from read_csv($records, all_varchar = true)
    where source = 'billing_customers';
    insert into staging.stg_raw__person_records
    select 'billing_customers', customer_id, cast(created as timestamp)
    from read_csv($customers, all_varchar = true);
"""


@dataclass(frozen=True, slots=True)
class Measured:
    """What was planted, what is said of it, and how often the hero is shown."""

    truth: Mapping[str, float]
    report: LiftReport
    shares: Mapping[str, float]


@pytest.fixture(scope="module", params=[20_252])
def measured(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Measured:
    folder = tmp_path_factory.mktemp("hero")
    landing, truth = folder / "landing", folder / "truth"
    make_sample(people=6_000, seed=request.param, out=landing, truth=truth)
    return measure(landing, truth)


def measure(landing: Path, truth: Path) -> Measured:
    """Measure the sample company's experiment as its configuration says."""
    warehouse = DuckDBWarehouse.in_memory()
    warehouse.execute(TABLES)
    warehouse.execute("alter table marts.profiles add column company_name varchar")
    values = {
        "files": str(landing / "events" / "*" / "*.gz"), "devices": str(truth / "devices.csv"),
        "employers": str(truth / "companies.csv"), "records": str(truth / "records.csv"),
        "companies": str(landing / "firmographics" / "companies.csv"),
        "customers": str(landing / "billing" / "customers.csv"),
    }  # fmt: skip
    for statement in (EVENTS, PROFILES, *RECORDS.split(";")[:2]):
        used = {name: value for name, value in values.items() if f"${name}" in statement}
        warehouse.execute(statement, used)
    asked = load_config(ROOT / "config" / "experiments.yml", ExperimentsConfig)
    now = warehouse.scalar(f"select timestamp '{LATER}'")
    reports = measure_experiments(warehouse, asked, now=now, run_id="r1")
    write_variant_policies(warehouse, asked, now=now, run_id="r1")
    shares = warehouse.read(
        "select segment, probability from personalization.variant_policies where arm = 'hero_b'"
    )
    with (truth / "experiment.csv").open(newline="") as stream:
        planted = {row["segment"]: float(row["true_abs_effect"]) for row in csv.DictReader(stream)}
    return Measured(planted, reports[0], dict(zip(*shares.to_pydict().values(), strict=True)))


def test_intervals_hold_the_planted_effects_and_every_verdict_is_right(measured: Measured) -> None:
    (compared,) = (c for c in measured.report.comparisons
                   if (c.findings[0].arm, c.findings[0].baseline_arm) == ("hero_b", "control"))  # fmt: skip
    found = {f.segment: f for f in compared.findings if f.segment != "global"}

    assert found.keys() == measured.truth.keys() - {"global"}
    held = [f.interval is not None and f.interval.low <= measured.truth[name] <= f.interval.high
            for name, f in found.items()]  # fmt: skip
    assert sum(held) >= 3
    for name, finding in found.items():
        assert finding.verdict != "helped" or measured.truth[name] > 0
        assert finding.verdict != "harmed" or measured.truth[name] < 0
    assert found["enterprise"].verdict == "harmed"
    assert found["smb"].verdict == "helped"


def test_the_segment_that_is_harmed_is_switched_off_and_no_other(measured: Measured) -> None:
    assert measured.shares["enterprise"] == 0
    assert min(share for name, share in measured.shares.items() if name != "enterprise") >= 0.05

"""Effects of those who were known before they met an experiment, told beside everybody's."""

from __future__ import annotations

import html
import re

import pytest

from measurement import ExperimentsConfig, lift_page, measure_experiments, read_beside, read_lift
from measurement.beside import Beside
from tests.measurement.conftest import NOW, START, Company
from tests.measurement.test_measure import experiments


@pytest.fixture
def browsers(company: Company) -> Company:
    """The company with the browsers of its events, and what was staged of who signed in."""
    company.warehouse.execute(
        "alter table marts.events add column anonymous_id varchar; "
        "create table staging.stg_raw__events "
        "(anonymous_id varchar, user_id varchar, email varchar, occurred_at timestamp)"
    )
    return company


def measured(company: Company, asked: ExperimentsConfig) -> None:
    """On a browser of each person's own."""
    company.warehouse.execute("update marts.events set anonymous_id = 'of ' || person_id")
    measure_experiments(company.warehouse, asked, now=NOW, run_id="r1")


def signed_in(company: Company, person: str, *, day: float, how: str = "user_id") -> None:
    company.warehouse.execute(
        f"insert into staging.stg_raw__events (anonymous_id, {how}, occurred_at) "
        "values ('of ' || $person, 'x', $start + to_hours(cast(24 * $day as integer)))",
        {"person": person, "start": START, "day": day},
    )


def test_known_is_who_was_named_on_that_browser_by_the_first_exposure(browsers: Company) -> None:
    for person in ("before", "address", "after", "never"):
        browsers.saw(person, "control", day=2)
    signed_in(browsers, "before", day=1)
    signed_in(browsers, "address", day=1, how="email")
    signed_in(browsers, "after", day=3)

    measured(browsers, experiments())

    assert browsers.rows("exposures", "person_id, is_known_before") == [
        ("address", True), ("after", False), ("before", True), ("never", False),
    ]  # fmt: skip


def met(company: Company, *, known: int, unknown: int) -> None:
    """Of each arm so many; of b four in five of the known convert, of everybody else one in five."""
    for arm in ("control", "b"):
        for number in range(known + unknown):
            person = f"{arm}-{number}"
            company.saw(person, arm, day=2)
            if number < known:
                signed_in(company, person, day=1)
            if number % 5 == 0 or (arm == "b" and number < known and number % 5 < 4):
                company.did(person, "Demo Requested", day=3)


def test_the_effect_of_the_known_is_told_beside_and_moves_no_verdict(browsers: Company) -> None:
    met(browsers, known=20, unknown=180)
    measured(browsers, experiments())
    reports = read_lift(browsers.warehouse, experiments())

    (beside,) = read_beside(browsers.warehouse, reports, experiments())

    (finding,) = reports[0].findings
    known = beside.of(finding)
    assert known is not None
    assert (known.counts.n, known.baseline.n) == (20, 20)
    assert known.effect == pytest.approx(0.6)
    assert finding.effect == pytest.approx(0.06)
    assert finding.verdict == "cannot_tell"
    raw = lift_page(
        browsers.warehouse, reports, now=NOW, experiments=experiments(), besides=(beside,)
    )
    page = html.unescape(re.sub(r"\s+", " ", raw))
    assert "90% of those who met it were browsers on which nobody had signed in" in page
    assert "Of those who were known before they met it" in page
    assert "+60.0 of every 100" in page


@pytest.mark.parametrize(("known", "unknown"), [(9, 100), (100, 9)])
def test_nothing_is_told_of_fewer_than_ten_nor_what_leaves_fewer(
    browsers: Company, known: int, unknown: int
) -> None:
    met(browsers, known=known, unknown=unknown)
    measured(browsers, experiments())
    reports = read_lift(browsers.warehouse, experiments())

    (beside,) = read_beside(browsers.warehouse, reports, experiments())

    assert not beside.effects


@pytest.mark.parametrize(
    ("met", "known", "said"),
    [(9, 0, None), (12, 3, "Most of those"), (12, 0, "100%"), (30, 10, "67% of those")],
)
def test_no_share_is_told_of_fewer_than_ten(met: int, known: int, said: str | None) -> None:
    warning = Beside(met, known).warning

    assert (warning and warning[: len(said or "")]) == said


def test_where_no_browser_is_told_nobody_is_said_to_be_unknown(company: Company) -> None:
    company.saw("p", "control", day=2)
    measure_experiments(company.warehouse, experiments(), now=NOW, run_id="r1")

    (beside,) = read_beside(
        company.warehouse, read_lift(company.warehouse, experiments()), experiments()
    )

    assert (beside.met, beside.warning) == (0, None)

from __future__ import annotations

import datetime as dt

import pytest

from prediction.dates import DatedRole, History, Role, missing_history_days, plan_dates
from tests.prediction.conftest import AS_OF, predictions

MODEL = predictions().models["trial"]
DAY = dt.timedelta(days=1)
LONG = History(AS_OF - 200 * DAY, AS_OF - 190 * DAY)


def roles(dates: tuple[DatedRole, ...]) -> list[tuple[int, str]]:
    return [((AS_OF - dated.as_of).days, str(dated.role)) for dated in dates]


def test_a_model_is_judged_on_what_nobody_knew_when_it_was_made() -> None:
    dates = plan_dates(MODEL, LONG, as_of=AS_OF)

    assert roles(dates) == [
        (80, "training"), (70, "training"), (60, "training"), (50, "recent"), (40, "recent"),
        (30, "judging"), (0, "scoring"),
    ]  # fmt: skip


def test_outcomes_of_every_date_are_known_by_now() -> None:
    model = predictions(gap_days=5).models["trial"]

    past = [d for d in plan_dates(model, LONG, as_of=AS_OF) if d.role != Role.SCORING]

    assert all(dated.as_of + 35 * DAY <= AS_OF for dated in past)


@pytest.mark.parametrize(
    ("history", "oldest"),
    [
        pytest.param(History(AS_OF - 200 * DAY, AS_OF - 65 * DAY), 60, id="not offered before"),
        pytest.param(History(AS_OF - 80 * DAY, AS_OF - 80 * DAY), 60, id="too little behind it"),
    ],
)
def test_dates_that_teach_nothing_are_left_out(history: History, oldest: int) -> None:
    dates = plan_dates(MODEL, history, as_of=AS_OF)

    assert roles(dates)[0][0] == oldest


def test_where_nobody_ever_did_it_there_is_only_scoring() -> None:
    dates = plan_dates(MODEL, History(AS_OF - 200 * DAY, None), as_of=AS_OF)

    assert roles(dates) == [(0, "scoring")]


@pytest.mark.parametrize(("days", "missing"), [(10, 35), (44, 1), (45, 0), (400, 0)])
def test_history_must_be_one_and_a_half_horizons_long(days: int, missing: int) -> None:
    history = History(AS_OF - days * DAY, None)

    assert missing_history_days(MODEL, history, as_of=AS_OF) == missing

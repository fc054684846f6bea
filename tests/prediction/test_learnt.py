"""From whom versions learnt is known, or it is known that it is not."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import prediction.personas
import prediction.predict
from prediction import TrainedModels
from prediction.inventory import TABLES
from prediction.predict import Moment
from prediction.registry import Decision, Status, record
from tests.prediction.conftest import predictions
from warehouse import DuckDBWarehouse

NOW = dt.datetime.fromisoformat("2026-11-24T12:00")
DECISION = Decision(
    "trial",
    "v1",
    Status.CHAMPION,
    "ridge_logistic",
    "",
    {},
    NOW,
    "data",
    "config",
    "models/trial/v1",
)


class Killed(BaseException):
    """Stands for SIGKILL: no handler of ours may catch it."""


@pytest.fixture
def warehouse() -> DuckDBWarehouse:
    made = DuckDBWarehouse.in_memory()
    made.create_missing(TABLES)
    return made


def test_of_versions_without_teachers_it_is_told_that_they_are_not_known(
    warehouse: DuckDBWarehouse, tmp_path: Path
) -> None:
    record(warehouse, "trial", [DECISION], as_of=NOW, now=NOW)
    models = TrainedModels(warehouse, tmp_path)
    asked = {"r1": ["p1"], "r2": ["p2"]}
    before = models.learnt_from(asked)
    warehouse.execute("insert into prediction.learnt_from values ('trial', 'data', 'p1')")
    after = models.learnt_from(asked)

    assert [item.has_learnt for name in asked for item in before[name]] == [None, None]
    assert ([item.has_learnt for item in after["r1"]], after["r2"]) == ([True], [])


def test_a_kill_leaves_no_version_whose_teachers_are_not_known(
    warehouse: DuckDBWarehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: Any, **__: Any) -> None:
        raise Killed

    run = prediction.predict._Run
    examples = SimpleNamespace(fingerprint="data")
    monkeypatch.setattr(run, "_question", lambda *_: None)
    monkeypatch.setattr(prediction.predict, "read_examples", lambda *_, **__: examples)
    monkeypatch.setattr(prediction.predict, "decide", lambda *_: [DECISION])
    monkeypatch.setattr(prediction.predict, "remember_teachers", killed)
    personas = prediction.personas._Run
    monkeypatch.setattr(personas, "_decide", lambda *_: DECISION)
    monkeypatch.setattr(personas, "_teaches", [])
    monkeypatch.setattr(prediction.personas, "write_teachers", killed)
    moment = Moment(NOW, NOW, 1)
    config = predictions().models["trial"]
    unread: Any = SimpleNamespace(person_ids=SimpleNamespace(filter=list))
    begun: list[Any] = [
        lambda: run(warehouse, "trial", config, tmp_path, moment).predict(retrain=False),
        lambda: personas(warehouse, unread, tmp_path, moment, unread).group(retrain=False),
    ]
    for act in begun:
        with pytest.raises(Killed):
            act()

    assert warehouse.scalar("select count(*) from prediction.models") == 0

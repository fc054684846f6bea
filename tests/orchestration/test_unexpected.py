"""Whatever goes wrong in a step, nothing that is kept or said of it repeats a value of a row."""

from __future__ import annotations

import json
import os
import traceback
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import numpy as np
import pyarrow as pa
import pytest
import requests

from orchestration.cli import app as command_line
from orchestration.errors import UnexpectedError
from orchestration.instance import open_instance
from orchestration.resources import CandorResource
from orchestration.unexpected import as_told, without_foreign_words
from prediction import BrokenModelError
from settings import Paths
from tests.command_line import call_candor
from tests.conftest import ROOT

CANARY = "ann.canary@maple.example"
SECRET = "sk-canary-4711"


def _as_a_cause() -> None:
    try:
        float(CANARY)
    except ValueError as error:
        raise BrokenModelError(Path("model.skops"), "ValueError") from error


def _in_passing() -> None:
    try:
        float(CANARY)
    except ValueError:
        raise KeyError(SECRET)  # noqa: B904 - what it came from is the point


def _raise(error: Exception) -> None:
    raise error


def _as_its_own_cause() -> None:
    try:
        float(CANARY)
    except ValueError as error:
        raise error from error


def _in_a_ring() -> None:
    ours = BrokenModelError(Path("model.skops"), "ValueError")
    error = ValueError(CANARY)
    error.__cause__ = ours
    raise ours from error


WRONG: dict[str, Callable[[], object]] = {
    "a value that is no number": lambda: float(CANARY),
    "an array of texts": lambda: np.array([CANARY, SECRET]).astype(float),
    "a column of another type": lambda: pa.array([CANARY]).cast(pa.float64()),
    "a column of mixed types": lambda: pa.array([1, CANARY]),
    "a key that is not there": lambda: dict[str, str]()[CANARY],
    "a text that is no JSON": lambda: json.loads(CANARY),
    "a name that is no encoding": lambda: b"x".decode(SECRET),
    "the cause of an error of ours": _as_a_cause,
    "an error while another is handled": _in_passing,
    "an error that causes itself": _as_its_own_cause,
    "errors that cause each other": _in_a_ring,
    "an error of a network library": lambda: _raise(requests.ConnectionError(22, CANARY)),
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_an_error_of_a_library_is_told_by_kind_and_place(wrong: Callable[[], object]) -> None:
    with pytest.raises((UnexpectedError, BrokenModelError)) as raised, without_foreign_words():
        wrong()

    told = "".join(traceback.format_exception(raised.value))
    assert CANARY not in told
    assert SECRET not in told
    assert isinstance(raised.value, BrokenModelError) or "test_unexpected" in told


def test_our_own_errors_and_those_of_the_machine_keep_their_words() -> None:
    ours = BrokenModelError(Path("model.skops"), "it is missing")
    full = OSError(28, "No space left on device", "/home/candor/warehouse.duckdb")

    assert as_told(ours) is ours
    assert as_told(full) is full
    assert as_told(dg.Failure("2 requests are blocked")).__class__ is dg.Failure


def test_dagster_keeps_no_value_of_a_row_of_a_step_that_fails(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    @dg.asset
    def scores(candor: CandorResource) -> None:
        with candor.open_warehouse() as warehouse:
            texts = warehouse.read("select $value as value", {"value": CANARY})["value"]
            texts.cast(pa.float64())

    paths = Paths.resolve({"CANDOR_HOME": str(tmp_path), "CANDOR_CONFIG": str(ROOT / "config")})
    with open_instance(paths) as instance:
        done = dg.materialize(
            [scores], instance=instance, resources={"candor": CandorResource()},
            raise_on_error=False,
        )  # fmt: skip

    kept = b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
    said = "".join(capfd.readouterr())
    assert not done.success
    assert b"UnexpectedError: ArrowInvalid at" in kept
    assert "test_unexpected.py" in said
    assert CANARY.encode() not in kept
    assert CANARY not in said


def test_a_command_that_fails_says_no_value_of_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        float(os.environ["CANARY"])

    monkeypatch.setenv("CANARY", CANARY)
    monkeypatch.setattr(command_line, "COMMANDS", ())
    monkeypatch.setattr(command_line, "app", fail)
    with pytest.raises(UnexpectedError, match="ValueError at") as raised:
        call_candor("status")

    assert CANARY not in "".join(traceback.format_exception(raised.value))

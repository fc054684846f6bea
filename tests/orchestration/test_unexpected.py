"""Whatever goes wrong in a step, nothing that is kept or said of it repeats a value of a row."""

from __future__ import annotations

import ast
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
from sklearn.linear_model import LogisticRegression

from orchestration.cli import app as command_line
from orchestration.defs import choose as defs_choose
from orchestration.defs import decide as defs_decide
from orchestration.defs import predict as defs_predict
from orchestration.defs import privacy_ops as defs_privacy
from orchestration.defs import sensors as defs_sensors
from orchestration.errors import UnexpectedError
from orchestration.instance import open_instance
from orchestration.resources import CandorResource
from orchestration.unexpected import as_told, tell_file, without_foreign_words
from personalization.artefact import Artefact
from prediction import BrokenModelError
from settings import Paths
from tests.command_line import call_candor
from tests.conftest import ROOT
from warehouse import Warehouse

CANARY = "ann.canary@maple.example"
SECRET = "sk-canary-4711"
PATHS = Paths.resolve({"CANDOR_HOME": "/nowhere/home"})


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
    with pytest.raises((UnexpectedError, BrokenModelError)) as raised, without_foreign_words(PATHS):
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


def test_files_of_the_landing_folder_are_told_by_their_places(tmp_path: Path) -> None:
    paths = Paths.resolve({"CANDOR_HOME": str(tmp_path)})
    given = paths.landing / "crm" / CANARY / "b.csv"
    given.parent.mkdir(parents=True)
    for name in ("a.csv", "b.csv", "é.csv"):
        (given.parent / name).touch()
    others = (paths.warehouse, paths.home / "exports" / f"{CANARY}.csv", 7)
    full = OSError(28, f"Failed to open '{given}'", str(given), None, str(paths.home))

    told = as_told(full, paths)

    assert tell_file(given, paths) == f"{paths.landing}/#1/#1/#2"
    assert tell_file(given / "gone" / SECRET, paths) == f"{paths.landing}/#1/#1/#2/?/?"
    assert [tell_file(other, paths) for other in others] == [
        str(paths.warehouse), f"{paths.home}/exports/...", "open file 7",
    ]  # fmt: skip
    assert str(told) == (
        f"[Errno 28] No space left on device: '{paths.landing}/#1/#1/#2' -> '{paths.home}'"
    )


def _fit(*_: object, **__: object) -> None:
    LogisticRegression().fit([[CANARY], [SECRET]], [0, 1])


def _convert(warehouse: Warehouse, *_: object, **__: object) -> None:
    warehouse.execute("create table marts_texts as select $value as value", {"value": CANARY})
    warehouse.read("select value::double as value from marts_texts where value <> ''")


def _open_broken(_: object, path: Path, *__: object, **___: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(CANARY.encode())
    try:
        Artefact.open(path, SECRET.encode())
    finally:
        path.unlink()


def _open_landed(warehouse: Warehouse, *_: object, **__: object) -> None:
    landed = Path(os.environ["CANDOR_LANDING"]) / "crm" / f"{CANARY}.csv"
    assert warehouse.scalar("select 1") == 1
    landed.open()


def _read_outside(_: object) -> None:
    float(CANARY)


# An asset, where it calls what, what happens there, and what is told of it.
FAILURES = (
    (defs_predict.predict, defs_predict, "predict_all", _fit, b"UnexpectedError: ValueError at"),
    (defs_choose.measure, defs_choose, "measure_experiments", _convert, b"(ConversionException)"),
    (
        defs_decide.serving_artefact,
        defs_decide,
        "publish_artefact",
        _open_broken,
        b"MissingArtefactError",
    ),
    (
        defs_decide.load_logged_decisions,
        defs_decide,
        "load_decisions",
        _open_landed,
        b"landing/?/?",
    ),
    # Before it opens the warehouse.
    (defs_privacy.classify, defs_privacy, "declared_tables", _read_outside, b"ValueError at"),
)


def test_dagster_keeps_no_value_of_a_row_of_a_step_that_fails(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a fit, in the engine, at a broken file, at a file that is named after somebody; nor a secret."""
    for name in ("CANDOR_WEBHOOK_SECRET", "HUBSPOT_TOKEN"):
        monkeypatch.setenv(name, SECRET)
    for _, module, name, wrong, _ in FAILURES:
        monkeypatch.setattr(module, name, wrong)
    paths = Paths.resolve({"CANDOR_HOME": str(tmp_path), "CANDOR_CONFIG": str(ROOT / "config")})
    for name, value in paths.as_environment().items():
        monkeypatch.setenv(name, value)
    with open_instance(paths) as instance:
        done = [
            dg.materialize(
                [asset], instance=instance, resources={"candor": CandorResource()},
                raise_on_error=False,
            )
            for asset, *_ in FAILURES
        ]  # fmt: skip

    files = [file for file in tmp_path.rglob("*") if file.is_file() and file != paths.warehouse]
    kept = b"".join(file.read_bytes() for file in files)
    said = "".join(capfd.readouterr())
    assert not any(run.success for run in done)
    for *_, told in FAILURES:
        assert told in kept
    assert "test_unexpected.py" in said
    for canary in (CANARY, SECRET):
        assert canary.encode() not in kept
        assert canary not in said


def test_a_sensor_that_fails_says_no_value_of_a_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A landing file that is named after somebody goes while its size is asked for."""
    paths = Paths.resolve({"CANDOR_HOME": str(tmp_path), "CANDOR_CONFIG": str(ROOT / "config")})
    for name, value in paths.as_environment().items():
        monkeypatch.setenv(name, value)
    gone = paths.landing / f"{CANARY}.csv"
    monkeypatch.setattr(defs_sensors, "landing_files", lambda *_: [gone])
    sensor, context = defs_sensors.new_landing_files, dg.build_sensor_context()

    with pytest.raises(FileNotFoundError) as raised:
        sensor(context)

    told = "".join(traceback.format_exception(raised.value))
    assert "landing/?" in told
    assert CANARY not in told


def test_whatever_dagster_calls_tells_errors_in_our_words() -> None:
    """Right below Dagster's decorator, where it covers all that the function does."""
    bare = [
        f"{file.name}: {function.name}"
        for file in (ROOT / "orchestration/defs").glob("*.py")
        for function in ast.parse(file.read_text(encoding="utf-8")).body
        if isinstance(function, ast.FunctionDef)
        and function.decorator_list
        and not ast.unparse(function.decorator_list[0]).startswith("dg.job")
        and ast.unparse(function.decorator_list[-1]) != "in_own_words"
    ]

    assert bare == []


def test_a_command_that_fails_says_no_value_of_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        float(os.environ["CANARY"])

    monkeypatch.setenv("CANARY", CANARY)
    monkeypatch.setattr(command_line, "COMMANDS", ())
    monkeypatch.setattr(command_line, "app", fail)
    with pytest.raises(UnexpectedError, match="ValueError at") as raised:
        call_candor("status")

    assert CANARY not in "".join(traceback.format_exception(raised.value))

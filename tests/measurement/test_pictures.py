from __future__ import annotations

from measurement import Counts, LiftReport, Metric, draw_lift
from measurement.report import Rules, compare

METRIC = Metric(event="Demo Requested", within_days=14)


def _report(*segments: str) -> LiftReport:
    arms = {"control": Counts(1000, 100), "hero_b": Counts(1000, 150)}
    compared = compare(dict.fromkeys(segments, arms), ("hero_b", "control"), Rules(metric=METRIC))
    return LiftReport("hero", "demo", (compared,), 2000, 0, 0, None)


def _height(png: bytes) -> int:
    assert png.startswith(b"\x89PNG")
    return int.from_bytes(png[20:24], "big")


def test_every_segment_has_its_line() -> None:
    assert _height(draw_lift(_report("global", "smb", "consumer"))) > _height(
        draw_lift(_report("global"))
    )


def test_an_experiment_that_nobody_met_has_an_empty_picture() -> None:
    assert _height(draw_lift(LiftReport("hero", "demo", (), 0, 0, 0, None))) > 0


def test_the_same_report_gives_the_same_picture() -> None:
    assert draw_lift(_report("global")) == draw_lift(_report("global"))

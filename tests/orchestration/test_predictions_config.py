from __future__ import annotations

import json
from pathlib import Path

import pytest

from orchestration.manifest import parsed_project
from orchestration.predictions_config import check_predictions
from prediction import PredictionsConfig
from settings import ConfigurationError, load_config

MODEL = """models:
  trial:
    name: Trial
    target: {events: [Trial Started]}
    horizon_days: 30
    purpose: analytics
    leave_out: [dowloads_30d]
    groups: [contry]
    trusted: [downloads_30d]
    rule:
      base: 0.1
      factors:
        - {feature: sesions_30d, at_least: 1, times: 2}
  staged:
    name: Stays
    unit: account
    target: {state: {trait: lifecycle_stge, any_of: [customer]}}
    horizon_days: 30
    purpose: analytics
    leave_out: [member_count]
    sensitive: {lifecycle_stge: to see who stays}
"""


def check(folder: Path, text: str) -> None:
    path = folder / "predictions.yml"
    path.write_text(text, encoding="utf-8")
    config = load_config(path, PredictionsConfig)
    check_predictions(path, config, manifest=lambda: parsed_project().manifest)


def test_every_column_that_is_not_there_is_told_with_its_line_and_a_near_name(
    tmp_path: Path,
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        check(tmp_path, MODEL)

    told = str(caught.value)
    assert (
        "line 7, key 'models.trial.leave_out': found 'dowloads_30d'; did you mean 'downloads_30d'?"
        in told
    )
    assert "line 8, key 'models.trial.groups': found 'contry'; did you mean 'country'?" in told
    assert (
        "line 13, key 'models.trial.rule.factors.feature': found 'sesions_30d'; did you mean 'sessions_30d'?"
        in told
    )
    assert (
        "found 'lifecycle_stge'; did you mean 'lifecycle_stage'? columns of marts.profiles" in told
    )
    assert told.count("line ") == 4
    # Of many names only those are told that are near.
    assert "downloads_90d" in told
    assert "topic_entropy" not in told


def test_without_a_model_the_project_is_not_even_read(tmp_path: Path) -> None:
    def refuse() -> Path:
        raise AssertionError

    check_predictions(tmp_path / "predictions.yml", PredictionsConfig(), manifest=refuse)


def test_a_column_without_its_kind_of_data_stops_nothing(tmp_path: Path) -> None:
    nodes = {
        name: {
            "resource_type": "model", "schema": "marts", "name": name, "tags": [],
            "columns": {"undescribed": {"name": "undescribed"}},
        }
        for name in ("profiles", "features_as_of")
    }  # fmt: skip
    file, path = tmp_path / "manifest.json", tmp_path / "predictions.yml"
    file.write_text(json.dumps({"nodes": nodes}), encoding="utf-8")
    path.write_text(MODEL[: MODEL.index("    leave_out")], encoding="utf-8")

    check_predictions(path, load_config(path, PredictionsConfig), manifest=lambda: file)

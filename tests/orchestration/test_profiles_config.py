from __future__ import annotations

from pathlib import Path

import pydantic
import pytest
import yaml

from orchestration.profiles_config import ProfilesConfig

ROOT = Path(__file__).resolve().parents[2]


def test_what_is_left_out_stays_as_the_project_has_it() -> None:
    assert ProfilesConfig().as_variables() == {}


def test_what_is_said_reaches_dbt_under_its_names() -> None:
    said = ProfilesConfig(
        session_gap_minutes=20, activity_events={"content_view": ["Recipe Opened"]}
    )

    assert said.as_variables() == {
        "session_gap_minutes": 20,
        "own_activity_events": {"content_view": ["Recipe Opened"]},
    }


def test_every_variable_is_one_of_the_project() -> None:
    known = yaml.safe_load((ROOT / "dbt_project" / "dbt_project.yml").read_text())["vars"]
    said = ProfilesConfig(session_gap_minutes=5, activity_events={}, intent_path_pattern="/buy")

    assert set(said.as_variables()) <= set(known)


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({"session_gap_minutes": 0}, id="no-gap"),
        pytest.param({"activity_events": {"dancing": ["Danced"]}}, id="unknown-activity"),
        pytest.param({"intent_path_pattern": "("}, id="no-pattern"),
        pytest.param({"intent_path_pattern": "it's"}, id="a-quote"),
        pytest.param({"intent_path_pattern": "(?=x)"}, id="looks-ahead"),
        pytest.param({"intent_path_pattern": "/(a)\\1"}, id="refers-back"),
        pytest.param({"intent_path_pattern": "a++"}, id="possessive"),
        pytest.param({"intent_path_pattern": "x{1001}"}, id="too-often"),
        pytest.param({"intent_path_pattern": ""}, id="every-path"),
        pytest.param({"session_gap_minutes": 10**9}, id="no-session-ends"),
        pytest.param(
            {"activity_events": {"search": ["Did"], "download": ["did"]}}, id="two-in-one"
        ),
        pytest.param({"activity_events": {"search": [""]}}, id="no-name"),
    ],
)
def test_what_makes_no_sense_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(pydantic.ValidationError):
        ProfilesConfig.model_validate(wrong)


@pytest.mark.parametrize("pattern", ["/p", r"\p{L}+", r"/x\z", r"/a\\1", "(?P<x>a)"])
def test_every_expression_that_the_engine_takes_is_taken(pattern: str) -> None:
    assert ProfilesConfig(intent_path_pattern=pattern).intent_path_pattern == pattern

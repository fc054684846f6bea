from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from orchestration.survivorship_config import SurvivorshipConfig, load_survivorship
from settings import ConfigurationError
from tests.conftest import ROOT


def load(folder: Path, text: str) -> SurvivorshipConfig:
    (folder / "survivorship.yml").write_text(text)
    return load_survivorship(folder, {"crm", "billing"})


def test_without_a_file_the_project_decides(tmp_path: Path) -> None:
    assert load_survivorship(tmp_path, set()).as_variables() == {}


def test_what_is_said_reaches_dbt_under_its_names(tmp_path: Path) -> None:
    said = load(
        tmp_path,
        "source_priority: [crm]\n"
        "fields:\n"
        "  job_title: {strategy: most_recent}\n"
        "  city: {strategy: verified_first, source_priority: [billing, users]}\n"
        "verified: {sources: [billing], attribute: checks.email}\n",
    )

    assert said.as_variables() == {
        "source_priority": ["crm"],
        "survivorship": {
            "default": "source_priority",
            "fields": {
                "job_title": {"strategy": "most_recent"},
                "city": {"strategy": "verified_first", "source_priority": ["billing", "users"]},
            },
            "verified_sources": ["billing"],
            "verified_attribute": "checks.email",
        },
    }


def test_the_example_says_what_the_project_does_by_itself(tmp_path: Path) -> None:
    example = load(tmp_path, (ROOT / "config" / "survivorship.yml").read_text())
    project = yaml.safe_load((ROOT / "dbt_project" / "dbt_project.yml").read_text())["vars"]

    said = example.as_variables()
    assert said == {name: project[name] for name in said}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param(
            "default: newest\n",
            "line 1, key 'default': found 'newest'; allowed: source_priority, ",
            id="strategy",
        ),
        pytest.param(
            "fields:\n  town: {}\n",
            "line 2, key 'fields.town': found 'town'; allowed: first_name, ",
            id="field",
        ),
        pytest.param(
            "fields:\n  city:\n    source_priority: [crm, biling]\n",
            "line 3, key 'fields.city.source_priority': found 'biling'; "
            "did you mean 'billing'? sources: billing, crm",
            id="source of a field",
        ),
        pytest.param(
            "verified: {sources: [shop]}\n",
            "line 1, key 'verified.sources': found 'shop'",
            id="verified",
        ),
        pytest.param(
            "fields:\n  city: {strategy: verified_first}\n",
            "line 2, key 'fields.city.strategy': found 'verified_first'; "
            "allowed once verified.sources or verified.attribute says",
            id="nobody is verified",
        ),
        pytest.param(
            'verified: {attribute: "it\'s"}\n',
            "line 1, key 'verified.attribute': found",
            id="a quote",
        ),
    ],
)
def test_a_mistake_is_told_with_its_line_and_what_is_allowed(
    tmp_path: Path, text: str, said: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(tmp_path, text)

    assert said in str(caught.value)

"""The configuration files that we ship can be read, and mistakes are refused."""

from __future__ import annotations

from pathlib import Path

import pydantic
import pytest

from privacy import ConsentConfig, RetentionConfig
from settings import ConfigurationError, load_config
from tests.conftest import ROOT


@pytest.mark.parametrize("folder", ["config", "tests/fernhill/config"])
def test_the_shipped_files_are_valid(folder: str) -> None:
    consent = load_config(ROOT / folder / "consent.yml", ConsentConfig)
    retention = load_config(ROOT / folder / "retention.yml", RetentionConfig)

    assert set(consent.purposes) >= {"analytics", "personalization", "advertising"}
    assert "raw.events" in retention.tables


def test_an_exemption_for_an_unknown_purpose_is_refused() -> None:
    exempt = {"crm": {"basis": "contract", "purposes": ["billing"], "reason": "they pay"}}

    with pytest.raises(pydantic.ValidationError, match="yml: analytics"):
        ConsentConfig.model_validate(
            {"purposes": {"analytics": {"description": "x"}}, "exempt_sources": exempt}
        )


@pytest.mark.parametrize("file", ["/etc/passwd", "../../x", "a/../../x"])
def test_a_request_file_outside_the_landing_folder_is_refused(file: str) -> None:
    with pytest.raises(pydantic.ValidationError, match="leaves the landing folder"):
        ConsentConfig.model_validate(
            {"purposes": {"analytics": {"description": "x"}}, "request_files": [file]}
        )


def test_a_misspelt_purpose_of_an_objection_is_told_by_its_line(tmp_path: Path) -> None:
    path = tmp_path / "consent.yml"
    path.write_text(
        "purposes: {ads: {description: x}, analytics: {description: y}}\n"
        "objections:\n  gdpr:\n    objection:\n      - ads\n      - analitycs\n"
    )

    with pytest.raises(ConfigurationError) as caught:
        load_config(path, ConsentConfig)

    (problem,) = caught.value.problems
    assert (problem.line, problem.found) == (6, "'analitycs'")
    assert problem.allowed.startswith("did you mean 'analytics'?")

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pydantic
import pytest

from ingestion import SourcesConfig
from settings import ConfigurationError, load_config
from tests.ingestion.conftest import SOURCES


@pytest.mark.parametrize(
    ("source", "change", "message"),
    [
        pytest.param("crm", {"map": {"colour": "C"}}, "fields of person_records", id="field"),
        pytest.param("crm", {"id": None}, "needs the column that identifies a row", id="id"),
        pytest.param("crm", {"files": "../x.csv"}, "leaves the landing folder", id="parent"),
        pytest.param("crm", {"files": "/etc/x.csv"}, "leaves the landing folder", id="absolute"),
        pytest.param("crm", {"delimiter": "ab"}, "write one sign", id="delimiter"),
        pytest.param("crm", {"delimiter": '"'}, "write one sign", id="quote"),
        pytest.param("crm", {"erase": "never"}, "rewrite", id="erase"),
        pytest.param("shop", {"map": {"amount": "a"}}, "needs ordered_at", id="required"),
        pytest.param("shop", {"user_id": "x"}, "only person records", id="user-id"),
        pytest.param("shop", {"statuses": {"paid": ["x"]}}, "whose status is mapped", id="words"),
        pytest.param(
            "shop", {"person": {"source": "web", "id": "x"}}, "sources of person records", id="ref"
        ),
        pytest.param(
            "shop", {"person": {"source": "crm"}}, "source and id together", id="half-ref"
        ),
        pytest.param(
            "consents", {"person": {"email": "who"}}, "under map, as subject_email", id="consent"
        ),
        pytest.param("web", {"kind": "tweets"}, "kind", id="kind"),
        pytest.param("web", {"colour": 1}, "Extra inputs", id="unknown-key"),
    ],
)
def test_a_source_that_makes_no_sense_is_refused(
    source: str, change: dict[str, Any], message: str
) -> None:
    sources = {**SOURCES, source: {**SOURCES[source], **change}}

    with pytest.raises(pydantic.ValidationError, match=message):
        SourcesConfig.model_validate({"sources": sources})


@pytest.mark.parametrize("region", ["XX", "us", "USA", ""])
def test_a_region_that_is_no_country_is_refused(region: str) -> None:
    with pytest.raises(pydantic.ValidationError, match="two capital letters"):
        SourcesConfig.model_validate({"default_region": region, "sources": SOURCES})


def test_a_configuration_that_could_never_load_anything_is_refused() -> None:
    with pytest.raises(pydantic.ValidationError, match="one source at least"):
        SourcesConfig.model_validate({"sources": {}})


@pytest.mark.parametrize("name", ["users", "devices", "emails", "Web", "1st"])
def test_a_name_that_is_taken_or_no_name_is_refused(name: str) -> None:
    with pytest.raises(pydantic.ValidationError):
        SourcesConfig.model_validate({"sources": {name: SOURCES["web"]}})


def test_all_that_is_wrong_with_a_source_is_told_at_once() -> None:
    wrong = {**SOURCES["shop"], "id": None, "user_id": "x", "map": {"amount": "a"}}

    with pytest.raises(pydantic.ValidationError) as refused:
        SourcesConfig.model_validate({"sources": {**SOURCES, "shop": wrong}})

    for told in ("the column that identifies a row", "needs ordered_at", "only person records"):
        assert told in str(refused.value)


@pytest.mark.parametrize(
    ("said", "allowed"),
    [
        ({"statuses": {"payed": ["x"]}}, "did you mean 'paid'? allowed: denied, ended, failed"),
        ({"decimal": ";"}, "allowed: ',', '.'"),
        ({"timezone": "Europe/Warszawa"}, "did you mean 'Europe/Warsaw'? write a time zone"),
    ],
)
def test_a_slip_is_told_with_what_was_meant(
    tmp_path: Path, said: Mapping[str, Any], allowed: str
) -> None:
    fields = {"amount": "a", "status": "s", "ordered_at": "t"}
    shop = {"kind": "orders", "files": "o.csv", "id": "no", "map": fields, **said}
    path = tmp_path / "sources.yml"
    path.write_text(json.dumps({"sources": {"shop": shop}}))

    with pytest.raises(ConfigurationError) as caught:
        load_config(path, SourcesConfig)

    assert [problem.allowed.startswith(allowed) for problem in caught.value.problems] == [True]

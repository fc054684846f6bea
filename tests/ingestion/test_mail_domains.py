from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pydantic
import pytest

from identity import IdentityConfig
from ingestion import SourcesConfig, load_landing
from orchestration.defs import ingest
from tests.ingestion.conftest import NOW, SOURCES, nobody
from warehouse import DuckDBWarehouse

OWN = "post.example"


def test_a_provider_that_the_company_names_is_known_until_it_is_named_no_more(
    tmp_path: Path,
) -> None:
    config = SourcesConfig.model_validate({"sources": {"web": SOURCES["web"]}})
    kind = f"select max(kind) from raw.mail_domains where domain = '{OWN}'"
    found = []
    warehouse = DuckDBWarehouse.in_memory()
    for named in ((), (OWN, "gmail.com"), ()):
        load_landing(
            warehouse, config, tmp_path, now=NOW, is_suppressed=nobody, mailbox_providers=named
        )
        found.append(warehouse.scalar(kind))

    assert found == [None, "configured", None]


def test_the_providers_of_identity_yml_are_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, Any] = {}
    monkeypatch.setattr(ingest, "load_landing", lambda *_, **named: given.update(named))
    monkeypatch.setattr(ingest, "open_suppressions", lambda *_: SimpleNamespace(suppressed=None))
    company: Any = SimpleNamespace(
        sources=None, paths=SimpleNamespace(landing=None), tracking_plan=None,
        identity=IdentityConfig.model_validate({"mailbox_providers": [OWN]}),
    )  # fmt: skip

    ingest._load(company, company, NOW)

    assert given["mailbox_providers"] == (OWN,)


@pytest.mark.parametrize(
    "wrong", ["ann@post.example", "Post.example", "https://post.example", "post"]
)
def test_a_provider_is_a_domain_in_lower_case(wrong: str) -> None:
    with pytest.raises(pydantic.ValidationError, match="mailbox_providers"):
        IdentityConfig.model_validate({"mailbox_providers": [wrong]})

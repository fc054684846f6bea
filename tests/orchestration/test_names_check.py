"""What files name is looked for before a run begins, in every file at once."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from orchestration.company import Company
from orchestration.names_check import NamesCheck
from personalization import ContentConfig
from settings import ConfigurationError, FaultyConfigurationError, Paths, SettingsError
from tests.conftest import ROOT

PAGED = """  paged:
    exposure: {slot: hme}
    baseline: holdout
    metrics: {asked: {event: Demo Requested, within_days: 3}}
"""
# By file: what is replaced, by what, and what is said of it. All are wrong together, as one check is slow.
WRONG = {
    "audiences/engaged_trial_prospects.yml": [
        ("trait: lifecycle_stage, is", "trait: lifecycle_stge, is", "line 36, exclude.any.1: .*lifecycle_stage"),
    ],
    "audiences/enterprise_researchers.yml": [
        ("{trait: employee_count, at_least: 500}", "{trait: industry, at_least: 5}", "does not fit .* text"),
        ("{account: employee_count", "{account: employe_count", "'employe_count' is not a column of marts.acc"),
    ],
    "audiences/persona_readers.yml": [
        ("trait: last_seen_at, within_days: 90", "audience: persona_readers", "refers to itself"),
    ],
    "destinations.yml": [
        ("traits: [persona_name,", "traits: [persona_nam,", "did you mean 'persona_name'"),
        ("email_block:weekly:1 ", "email_block:weekly:7 ", "weekly of content.yml has size 3"),
        ("recommendation:email:1", "recommendation:emial:1", "did you mean 'email'. blocks of content.yml"),
        ("persona: persona:name", "persona: score:trail", "did you mean 'trial'. models of predictions"),
    ],
    "experiments.yml": [
        ("record: billing_customers", "record: billing_custmers", "line 94, .*did you mean 'billing_customers'"),
        ("trait: company_name", "trait: compny_name", "line 97, .*did you mean 'company_name'"),
        ("trait: account_id", "trait: order_count", "order_count is moved by what people do"),
        ("\nexperiments:\n", "\nexperiments:\n" + PAGED, "did you mean 'home'. blocks of content.yml"),
    ],
    "content.yml": [
        ("trait: lifecycle_stage\n            is", "trait: lifecycle_stge\n            is", "did you mean 'lifecycle_st"),
        ("at_least: 30", "at_least: 30\n          - trait: country\n            at_most: 3", "country is not a number"),
    ],
    "retention.yml": [
        ("  raw.events:", "  raw.event:", "line 9, .*did you mean 'raw.events'"),
        ("aged_by: occurred_at", "aged_by: ocurred_at", "did you mean 'occurred_at'"),
        ("  sources: {}", "  sources: {web_event: 3}", "did you mean 'web_events'"),
    ],
    "consent.yml": [
        ("[billing_customers, hubspot", "[billing_customer, hubspot", "did you mean 'billing_customers'"),
    ],
    "predictions.yml": [("feature: sessions_30d", "feature: sesions_30d", "did you mean 'sessions_30d'")],
}  # fmt: skip


# Files that nothing reads: meant to be read, and somebody's own.
MISNAMED = ("experiment.yml", "personas.yaml", "identities.yml", "audiences/more.yaml")
OWN = ("mine.yml", "dbt_profiles.yml", "content_de.yml", "sources_eu.yml", "personas_old.yml")

READ: list[str] = []


class Counted(Company):
    """Notes when content.yml is read."""

    @property
    def content(self) -> ContentConfig:
        READ.append("content")
        return super().content


def test_every_name_that_is_not_there_stops_a_run_before_it_begins(tmp_path: Path) -> None:
    config = tmp_path / "config"
    shutil.copytree(ROOT / "config", config)
    for file, faults in WRONG.items():
        text = (config / file).read_text(encoding="utf-8")
        for good, bad, _ in faults:
            assert good in text, good
            text = text.replace(good, bad, 1)
        (config / file).write_text(text, encoding="utf-8")
    for name in (*MISNAMED, *OWN):
        (config / name).write_text("a: 1\n", encoding="utf-8")

    with pytest.raises(SettingsError) as caught:
        Counted(Paths.resolve({}, config=config, home=tmp_path / "home")).check_configuration()

    said = str(caught.value)
    assert isinstance(caught.value, FaultyConfigurationError)
    assert [
        told for faults in WRONG.values() for _, _, told in faults if not re.search(told, said)
    ] == []
    for name in MISNAMED:
        assert re.search(rf"{name} cannot be used:\n.*a file that nothing reads; call it", said)
    assert [name for name in OWN if name in said] == []
    assert len(READ) == 2, "by itself, and once for all that others name of it"


def test_what_is_not_there_to_be_sent_is_told_and_stops_no_run(tmp_path: Path) -> None:
    config = tmp_path / "config"
    shutil.copytree(ROOT / "config", config)
    text = (config / "destinations.yml").read_text(encoding="utf-8")
    for good, bad, _ in WRONG["destinations.yml"]:
        text = text.replace(good, bad, 1)
    (config / "destinations.yml").write_text(text, encoding="utf-8")
    company = Company(Paths.resolve({}, config=config, home=tmp_path / "home"))
    said: list[str] = []

    company.check_configuration(tell=said.append)

    (told,) = said
    assert all(re.search(one, told) for _, _, one in WRONG["destinations.yml"])
    with pytest.raises(ConfigurationError, match="did you mean 'email'"):
        NamesCheck(company).refuse_chosen()

"""The page about destinations says what the vendors' modules declare."""

from __future__ import annotations

import re
from typing import Any

import yaml

from audiences.sync import DestinationsConfig, resolve_syncs
from audiences.sync.destinations.vendors import VENDORS
from tests.conftest import ROOT

PAGE = ROOT / "docs" / "how-to" / "destinations.md"


def lines() -> list[str]:
    """The rows of the page's tables, one and one more for each vendor, by kind."""
    kinds: dict[str, tuple[Any, Any]] = {
        str(settings.model_fields["kind"].annotation.__args__[0]): (settings, vendor)
        for settings, vendor in VENDORS.items()
    }
    shapes, rules = [], []
    for kind, (settings, vendor) in sorted(kinds.items()):
        facts = vendor.facts
        taken = ", ".join(
            name if forms[0] == "raw" else f"{name} ({forms[0]})"
            for name, forms in settings.accepts.items()
        )
        rates = ", ".join(f"{rate.calls} in {rate.seconds:g} s" for rate in facts.rates)
        shapes.append(
            f"| `{kind}` | {facts.title} {facts.api} | {settings.needs_target} | {taken} "
            f"| {facts.semantics} | {facts.max_rows} | {rates} |"
        )
        none = f"none for a person: removed from every {facts.group} that they were sent to"
        rules.append(f"| `{kind}` | {facts.erasure or none} | {facts.traps} |")
    return [*shapes, *rules]


def test_the_page_tells_the_facts_of_every_vendor() -> None:
    page = PAGE.read_text()

    assert [line for line in lines() if line not in page] == []


def test_the_examples_of_the_page_are_valid() -> None:
    blocks = re.findall(r"^```yaml\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    for block in blocks:
        config = DestinationsConfig.model_validate(yaml.safe_load(block))
        assert resolve_syncs(config, audiences=[s.audience for s in config.syncs.values()])
    assert blocks

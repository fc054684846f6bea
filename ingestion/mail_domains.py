"""Which domains name no company, as a table that the engine can join."""

from __future__ import annotations

from collections.abc import Collection

import pyarrow as pa

from identifiers import DISPOSABLE_DOMAINS, FREE_MAIL_DOMAINS
from ingestion.inventory import MAIL_DOMAINS
from warehouse import Warehouse


def write_mail_domains(warehouse: Warehouse, configured: Collection[str] = ()) -> None:
    """Write ``raw.mail_domains``, unless it holds the same already.

    Args:
        warehouse: The engine.
        configured: Providers that the company names itself, in lower case.
    """
    kinds = {
        **dict.fromkeys(configured, "configured"),
        **dict.fromkeys(DISPOSABLE_DOMAINS, "disposable"),
        **dict.fromkeys(FREE_MAIL_DOMAINS, "free"),
    }
    domains = sorted(kinds)
    known = pa.table({"domain": domains, "kind": [kinds[domain] for domain in domains]})
    with warehouse.view("candor_mail_domains", known):
        differing = warehouse.scalar(
            f"select count(*) from candor_mail_domains full join {MAIL_DOMAINS.name.sql} as stored "
            "using (domain, kind) where candor_mail_domains.domain is null or stored.domain is null"
        )
        if differing:
            warehouse.replace(MAIL_DOMAINS.name, "select domain, kind from candor_mail_domains")

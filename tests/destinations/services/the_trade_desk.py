"""The Trade Desk: an answer of status 200 counts the lines that failed."""

from __future__ import annotations

import httpx

from audiences.sync.destinations.the_trade_desk import TheTradeDesk
from tests.destinations.description import Description
from tests.destinations.world import Asked, Case, Service


class TheTradeDeskService(Service):
    description = Description("the_trade_desk/out.openapi.yaml")
    rates = TheTradeDesk.facts.rates

    def answer(self, asked: Asked) -> httpx.Response:
        failed = []
        for number, item in enumerate(asked.json()["Items"]):
            if asked.path.startswith("/data/deletion-optout"):
                self.erased.append(item["UID2"])
            elif item["Data"][0]["TtlInMinutes"] == 0:
                self.take(item["Data"][0]["Name"], item["UID2"])
            elif item["UID2"] in self.broken:
                failed.append({"ErrorCode": "InvalidUserId", "ItemNumber": str(number)})
            else:
                self.put(item["Data"][0]["Name"], item["UID2"], {})
        return httpx.Response(200, json={"FailedLines": failed} if failed else {})


CASE = Case(
    kind="the_trade_desk",
    settings={"token_env": "TTD_TOKEN", "advertiser_id": "adv1"},
    identifiers=({"type": "uid2", "trait": "job_title"},),
    target="everyone",
    service=TheTradeDeskService,
    seen=lambda person: f"id-{person}",
    carries_fields=False,
)

"""The Trade Desk: first-party data by UID2, TDID or advertising id, with a time to live.

A hashed address is no UID2: the ids come from a column of the profile, as your UID2 operator gave
them. Membership ends by itself, so that members are sent again when half of the time is over.

An answer lists failed lines, but whether lines count from 0 or 1 is not written anywhere: a
request with failures is halved until the rows at fault stand alone.

Source: The Trade Desk's OpenAPI description of the data API.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any, ClassVar, Literal

from pydantic import Field

from audiences.sync.destinations.exchange import Answer, Rate
from audiences.sync.destinations.vendor import (
    Call,
    Facts,
    Idempotency,
    Reading,
    Row,
    Rows,
    Semantics,
    Shipment,
    Vendor,
    encoded,
    in_doubt,
)
from audiences.sync.settings import AdvertiserSettings, VariableName

_NAMES = {"uid2": "UID2", "tdid": "TDID", "maid": "DAID"}
_MINUTES_A_DAY = 1440


class TheTradeDeskSettings(AdvertiserSettings):
    """First-party data of an advertiser at The Trade Desk."""

    accepts: ClassVar = {"uid2": ("raw",), "tdid": ("raw",), "maid": ("raw",)}
    account_fields: ClassVar = ("advertiser_id", "data_provider_id")
    needs_target: ClassVar = "the name of the data element"

    kind: Literal["the_trade_desk"] = Field(description="the_trade_desk")
    advertiser_id: str = Field(min_length=1, description="The advertiser.")
    token_env: VariableName = Field(description="Variable with the token of the data API.")
    data_provider_id: str | None = Field(None, description="The data provider, if you are one.")
    ttl_days: int = Field(30, ge=2, le=180, description="How long a membership lasts, in days.")
    host: str = Field(
        "usw-data.adsrvr.org", pattern=r"^[a-z0-9.-]+$", description="The region's server."
    )

    @property
    def refresh_days(self) -> int | None:
        """Half of the time to live: what is not sent again ends by itself."""
        return self.ttl_days // 2


class TheTradeDesk(Vendor[TheTradeDeskSettings]):
    """The Trade Desk's first-party data."""

    __slots__ = ()

    facts = Facts(
        title="The Trade Desk",
        api="data API",
        semantics=Semantics.COUNTS,
        idempotency=Idempotency.NATURAL,
        max_rows=5000,
        max_bytes=2_500_000,
        rates=(Rate(20, 1),),  # no number is published
        erasure="data/deletion-optout/advertiser",
        traps="none: it sends no messages",
    )

    @property
    def host(self) -> str:
        """The region's address."""
        return f"https://{self.settings.host}"

    def headers(self, token: str) -> Mapping[str, str]:  # noqa: ARG002 - the key is the token
        """The token of the data API."""
        return {"TTD-Auth": self.secrets["token_env"]}

    def plan(self, shipment: Shipment) -> Iterable[Call]:
        """Who is to go gets no more time, who is to be there gets all of it."""
        if shipment.taken:
            yield self._data(shipment.target, 0, shipment.taken)
        if shipment.put:
            minutes = self.settings.ttl_days * _MINUTES_A_DAY
            yield self._data(shipment.target, minutes, shipment.put)

    def erase(self, shipment: Shipment) -> Iterable[Call]:
        """A request to delete what the advertiser shared."""
        yield self._deletion(shipment.rows)

    def _data(self, target: str, minutes: int, rows: Rows) -> Call:
        data = [{"Name": target, "TtlInMinutes": minutes}]
        body = {**self._whose(), "Items": [{**_named(row), "Data": data} for row in rows]}
        split = partial(self._data, target, minutes)
        return _call("/data/advertiser", rows, body, split)

    def _deletion(self, rows: Rows) -> Call:
        items = {"Items": [_named(row) for row in rows], "RequestType": "Deletion"}
        path = "/data/deletion-optout/advertiser"
        return _call(path, rows, {**self._whose(), **items}, self._deletion)

    def _whose(self) -> dict[str, str]:
        provider = self.settings.data_provider_id
        return {
            "AdvertiserId": self.settings.advertiser_id,
            **({"DataProviderId": provider} if provider else {}),
        }


def _call(path: str, rows: Rows, body: Mapping[str, Any], split: Any) -> Call:
    return Call("POST", path, rows, encoded(body), read=partial(_read, rows), split=split)


def _named(row: Row) -> dict[str, str]:
    return {_NAMES[kind]: value for kind, value in row.identifiers.items()}


def _read(rows: Rows, answer: Answer) -> Reading:
    found = answer.json()
    lines = found.get("FailedLines") if isinstance(found, dict) else None
    return in_doubt(rows, "failed_line") if lines else Reading()

"""Google Ads Customer Match through the Data Manager API.

The Google Ads API takes no new users of Customer Match since 2026-04-01; this one does. An upload is
a job: its status counts what failed, without saying which, so that such an upload is halved.

Source: Google, Data Manager API v1 (protocol buffers of ``google.ads.datamanager.v1``); RFC 7523
for the signed request of a token.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import partial
from typing import Any, ClassVar, Literal, Self
from urllib.parse import quote, urlencode

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from pydantic import Field, model_validator

from audiences.errors import DestinationRefusedError
from audiences.sync.destinations.exchange import Answer, Rate
from audiences.sync.destinations.vendor import (
    FORM,
    Call,
    Facts,
    Idempotency,
    Reading,
    Row,
    Rows,
    Semantics,
    Shipment,
    Vendor,
    bearer,
    encoded,
    in_doubt,
)
from audiences.sync.settings import AdvertiserSettings, VariableName

_TOKENS = "https://oauth2.googleapis.com/token"
_SCOPE = "https://www.googleapis.com/auth/datamanager"
_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_LIFE_S = 3600  # the longest that Google allows
_POLL_S = 30.0
_NAMES = {"email": "emailAddress", "phone": "phoneNumber"}


class GoogleSettings(AdvertiserSettings):
    """A Customer Match list in Google Ads."""

    accepts: ClassVar = {"email": ("google",), "phone": ("google",)}
    account_fields: ClassVar = ("account_id",)
    needs_target: ClassVar = "the number of the user list"
    target_pattern: ClassVar = r"[0-9]+"

    kind: Literal["google"] = Field(description="google")
    credentials_env: VariableName = Field(
        description="Variable with the JSON key of a service account."
    )
    account_id: str = Field(pattern=r"^[0-9]+$", description="The Google Ads account, digits only.")
    login_account_id: str | None = Field(
        None, pattern=r"^[0-9]+$", description="The manager account, where access is through one."
    )

    @model_validator(mode="after")
    def _has_consent(self) -> Self:
        """Each upload states that consent was granted: it must have been asked for."""
        if not self.purposes:
            raise ValueError("write the purpose of advertising under purposes: uploads state it")
        return self


class Google(Vendor[GoogleSettings]):
    """Google's Customer Match lists."""

    __slots__ = ()

    facts = Facts(
        title="Google Ads (Data Manager API)",
        api="v1",
        semantics=Semantics.ASYNC_JOB,
        idempotency=Idempotency.NATURAL,
        max_rows=10_000,
        rates=(Rate(300, 60),),
        erasure=None,
        group="list",
        traps="uploads state that consent is granted, so that a purpose must be named",
    )
    host = "https://datamanager.googleapis.com"

    def headers(self, token: str) -> Mapping[str, str]:
        """The token."""
        return bearer(token)

    def login(self, now: datetime) -> Call | None:
        """A request for a token, signed with the service account's key."""
        form = {"grant_type": _GRANT, "assertion": self._assertion(int(now.timestamp()))}
        return Call("POST", _TOKENS, (), urlencode(form).encode(), FORM)

    def plan(self, shipment: Shipment) -> Iterable[Call]:
        """Remove who is to go, ingest who is to be there."""
        if shipment.taken:
            yield self._members("remove", shipment.target, shipment.taken)
        if shipment.put:
            yield self._members("ingest", shipment.target, shipment.put)

    def erase(self, shipment: Shipment) -> Iterable[Call]:
        """Remove from the list: nothing else is known there."""
        yield self._members("remove", shipment.target, shipment.rows)

    def _members(self, verb: str, target: str, rows: Rows) -> Call:
        body: dict[str, Any] = {
            "destinations": [self._destination(target)],
            "audienceMembers": [_member(row) for row in rows],
            "encoding": "HEX",
        }
        if verb == "ingest":
            granted = "CONSENT_GRANTED"
            body["consent"] = {"adUserData": granted, "adPersonalization": granted}
            body["termsOfService"] = {"customerMatchTermsOfServiceStatus": "ACCEPTED"}
        split = partial(self._members, verb, target)
        path = f"/v1/audienceMembers:{verb}"
        resume = partial(_job, rows, split)
        read = partial(_started, resume)
        return Call("POST", path, rows, encoded(body), read=read, split=split, resume=resume)

    def _destination(self, target: str) -> dict[str, Any]:
        account = {"accountType": "GOOGLE_ADS", "accountId": self.settings.account_id}
        manager = self.settings.login_account_id
        login = {"accountType": "GOOGLE_ADS", "accountId": manager}
        return {
            **({"loginAccount": login} if manager else {}),
            "operatingAccount": account,
            "productDestinationId": target,
        }

    def _assertion(self, now: int) -> str:
        try:
            account = json.loads(self.secrets["credentials_env"])
            key = serialization.load_pem_private_key(account["private_key"].encode(), None)
            email = account["client_email"]
        except (ValueError, KeyError, TypeError):
            # Not chained: the error may quote the key.
            raise DestinationRefusedError(self.key, "no_service_account", is_final=True) from None
        if not isinstance(key, RSAPrivateKey):
            raise DestinationRefusedError(self.key, "no_rsa_key", is_final=True)
        claims = {"iss": email, "scope": _SCOPE, "aud": _TOKENS, "iat": now, "exp": now + _LIFE_S}
        head = encoded({"alg": "RS256", "typ": "JWT"})
        signed = b".".join(map(_base64url, (head, encoded(claims))))
        signature = key.sign(signed, PKCS1v15(), hashes.SHA256())
        return (signed + b"." + _base64url(signature)).decode()


def _member(row: Row) -> dict[str, Any]:
    found = [{_NAMES[kind]: value} for kind, value in row.identifiers.items()]
    return {"userData": {"userIdentifiers": found}}


def _started(resume: Callable[[str], Reading], answer: Answer) -> Reading:
    return resume(answer.json()["requestId"])


def _job(rows: Rows, split: Any, request_id: str) -> Reading:
    """A job that may take a day: what is not finished in one run is asked about by the next."""
    return Reading(then=(_poll(rows, split, request_id),), job=request_id)


def _poll(rows: Rows, split: Any, request_id: str) -> Call:
    path = f"/v1/requestStatus:retrieve?requestId={quote(request_id, safe='')}"
    read = partial(_polled, rows, split, request_id)
    return Call("GET", path, rows, read=read, split=split, wait_s=_POLL_S, is_poll=True)


def _polled(rows: Rows, split: Any, request_id: str, answer: Answer) -> Reading:
    (found,) = answer.json()["requestStatusPerDestination"]
    status = found["requestStatus"]
    if status == "PROCESSING":
        return Reading(then=(_poll(rows, split, request_id),))
    if status == "PARTIAL_SUCCESS":
        return in_doubt(rows, "partial_success")
    return Reading() if status == "SUCCESS" else Reading({r.row_id: "request_failed" for r in rows})


def _base64url(value: bytes) -> bytes:
    return base64.urlsafe_b64encode(value).rstrip(b"=")

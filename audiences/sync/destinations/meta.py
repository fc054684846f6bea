"""Meta custom audiences: hashed identifiers, and a count of those that were invalid.

Source: Meta, Marketing API v25.0 (custom audience users) and facebook-business
``customaudiencemixin.py``; the codes of errors from Meta's documentation of the Graph API.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import partial
from typing import Any, ClassVar, Literal
from urllib.parse import quote

from pydantic import Field

from audiences.sync.destinations.exchange import Answer, Meaning, Rate, Verdict, judge_status
from audiences.sync.destinations.vendor import (
    Call,
    Facts,
    Idempotency,
    Reading,
    Rows,
    Semantics,
    Shipment,
    Vendor,
    encoded,
    in_doubt,
)
from audiences.sync.settings import AdvertiserSettings, VariableName

_KEYS = {"email": "EMAIL", "phone": "PHONE", "person_id": "EXTERN_ID", "maid": "MADID"}
_BUSY = frozenset({1, 2, 4, 17, 32, 613, 80003})
_FINAL = frozenset({10, 190, 200, 294, 2635})  # 2635: the version has ended
# The audience is not there or not the token's, or it was flagged: all that follows is refused too.
_FINAL_SUBCODES = frozenset({33, 1713230})
_WAIT_S = 60.0


class MetaSettings(AdvertiserSettings):
    """A custom audience at Meta."""

    accepts: ClassVar = {
        "email": ("meta",),
        "phone": ("meta",),
        "person_id": ("raw",),
        "maid": ("raw",),
    }
    needs_target: ClassVar = "the number of the custom audience"
    target_pattern: ClassVar = r"[0-9]+"

    kind: Literal["meta"] = Field(description="meta")
    token_env: VariableName = Field(description="Variable with the token of a system user.")
    app_secret_env: VariableName | None = Field(
        None, description="Variable with the app's secret, where the app asks for a proof of it."
    )
    api_version: str = Field("v25.0", pattern=r"^v[0-9]+\.[0-9]+$", description="Of the Graph API.")


class Meta(Vendor[MetaSettings]):
    """Meta's custom audiences."""

    __slots__ = ()

    facts = Facts(
        title="Meta",
        api="v25.0",
        semantics=Semantics.COUNTS,
        idempotency=Idempotency.NATURAL,
        max_rows=10_000,
        rates=(Rate(10, 1),),  # the real limit depends on the audience's size
        erasure=None,
        traps="let the sync need a purpose for advertising",
    )
    host = "https://graph.facebook.com"

    def headers(self, token: str) -> Mapping[str, str]:  # noqa: ARG002 - the secret is the token
        """The system user's token."""
        return {"Authorization": f"Bearer {self.secrets['token_env']}"}

    def judge(self, answer: Answer, now: datetime) -> Verdict:
        """By the code of the error in its body."""
        verdict, found = judge_status(answer, now), answer.json()
        error = found.get("error") if isinstance(found, dict) else None
        if not isinstance(error, dict):
            return verdict
        code, words = error.get("code"), f"code_{error.get('code')}"
        if code in _BUSY:
            return Verdict(Meaning.BUSY, words, verdict.wait_s or _WAIT_S)
        is_final = code in _FINAL or error.get("error_subcode") in _FINAL_SUBCODES
        return Verdict(Meaning.FINAL if is_final else Meaning.REFUSED, words)

    def plan(self, shipment: Shipment) -> Iterable[Call]:
        """Delete who is to go, post who is to be there."""
        if shipment.taken:
            yield self._users("DELETE", shipment.target, shipment.taken)
        if shipment.put:
            yield self._users("POST", shipment.target, shipment.put)

    def erase(self, shipment: Shipment) -> Iterable[Call]:
        """Delete from the audience: nothing else is known there."""
        yield self._users("DELETE", shipment.target, shipment.rows)

    def _users(self, verb: str, target: str, rows: Rows) -> Call:
        kinds = [kind for kind in _KEYS if any(kind in row.identifiers for row in rows)]
        payload = {
            "schema": [_KEYS[kind] for kind in kinds],
            "is_raw": True,
            "data": [[row.identifiers.get(kind, "") for kind in kinds] for row in rows],
        }
        body = encoded({"payload": payload, **self._proof()})
        path = f"/{self.settings.api_version}/{quote(target, safe='')}/users"
        split = partial(self._users, verb, target)
        return Call(verb, path, rows, body, read=partial(_read, rows), split=split)

    def _proof(self) -> dict[str, str]:
        """Proof that the app's secret is known (HMAC of the token)."""
        if "app_secret_env" not in self.secrets:
            return {}
        secret, token = self.secrets["app_secret_env"], self.secrets["token_env"]
        digest = hmac.new(secret.encode(), token.encode(), hashlib.sha256).hexdigest()
        return {"appsecret_proof": digest}


def _read(rows: Rows, answer: Answer) -> Reading:
    found: Any = answer.json()
    received, invalid = found.get("num_received", 0), found.get("num_invalid_entries", 0)
    is_whole = received >= len(rows) and not invalid
    return Reading() if is_whole else in_doubt(rows, "invalid_entries")

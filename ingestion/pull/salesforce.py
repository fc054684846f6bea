"""Salesforce's REST API: SOQL over everything that changed, deleted records too.

Source: https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest (queryAll,
nextRecordsUrl; SystemModstamp changes with every change, IsDeleted marks deleted records).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from ingestion.errors import PullRefusedError
from ingestion.pull.engine import changes, load_dlt
from ingestion.pull.feed import Feed, PullRequest, documents, wanted_columns
from ingestion.pull.rest import open_client, open_session, pages
from ingestion.pull_config import SalesforcePull
from settings import read_secret

# The rule keeps anything but names out of the query.
_FIELD = re.compile("[A-Za-z][A-Za-z0-9_.]*")
_ALWAYS = ("Id", "IsDeleted", "SystemModstamp")


def open_salesforce(request: PullRequest, pull: SalesforcePull) -> Feed:
    """The records that changed since the last pull, deleted ones too.

    Raises:
        MissingSecretError: A secret's variable is not set.
    """
    load_dlt()
    client = open_client(pull.base_url, _auth(request, pull))
    changed = changes(
        "rows", lambda since: _changed(client, request, pull, since), overlap_s=pull.overlap_s
    )
    return Feed([changed])


def _changed(
    client: Any, request: PullRequest, pull: SalesforcePull, since: datetime | None
) -> Iterator[pa.Table]:
    from dlt.sources.helpers.rest_client.paginators import (  # noqa: PLC0415 - as dlt
        JSONLinkPaginator,
    )

    found = pages(
        client,
        f"/services/data/{pull.api_version}/queryAll",
        params={"q": soql(request, pull, since)},
        paginator=JSONLinkPaginator("nextRecordsUrl"),
        data_selector="records",
    )
    for page in found:
        yield documents((datetime.fromisoformat(row["SystemModstamp"]), _text(row)) for row in page)


def soql(request: PullRequest, pull: SalesforcePull, since: datetime | None) -> str:
    """The query.

    Raises:
        PullRefusedError: A mapped name is no name of a field.
    """
    mapped = wanted_columns(request.source)
    for name in sorted(mapped):
        if not _FIELD.fullmatch(name):
            raise PullRefusedError(request.name, f"{name!r} is no name of a field: correct `map`")
    fields = ", ".join(sorted({*_ALWAYS, *mapped, *pull.fields}))
    where = ""
    if since is not None:
        moment = since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3]
        where = f" WHERE SystemModstamp >= {moment}Z"
    return f"SELECT {fields} FROM {pull.object}{where} ORDER BY SystemModstamp ASC, Id ASC"


def _auth(request: PullRequest, pull: SalesforcePull) -> Any:
    from dlt.sources.helpers.rest_client import auth  # noqa: PLC0415 - as dlt

    purpose = f"pulling source {request.name!r} from Salesforce"

    def secret(variable: str) -> str:
        return read_secret(request.environ, variable, purpose=purpose).get_secret_value()

    if pull.token_env is not None:
        return auth.BearerTokenAuth(secret(pull.token_env))
    return auth.OAuth2ClientCredentials(
        access_token_url=f"{pull.base_url}/services/oauth2/token",
        client_id=secret(pull.client_id_env or ""),
        client_secret=secret(pull.client_secret_env or ""),
        session=open_session(),
    )


def _text(row: dict[str, Any]) -> str:
    """The record without what the API says of itself: a new version of it is no change."""
    return json.dumps(_bare(row), ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _bare(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _bare(inner) for name, inner in value.items() if name != "attributes"}
    if isinstance(value, list):
        return [_bare(inner) for inner in value]
    return value

"""HubSpot's CRM API v3: changed objects by search, archived ones by listing.

Search gives at most 10,000 results to a query, and its pages are counted from the first result: an
object that changes meanwhile moves, and another one slips through the gap. So each page asks anew
from the last change that was seen; the page's own token is used only where a whole page changed in
the same millisecond.

Source: https://developers.hubspot.com/docs/guides/api/crm/search (limits, paging, sorting).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from ingestion.errors import PullRefusedError
from ingestion.pull.engine import changes, load_dlt
from ingestion.pull.feed import Feed, PullRequest, documents, wanted_columns
from ingestion.pull.rest import open_client, pages
from ingestion.pull_config import HubspotPull
from settings import read_secret

# Of one request; the API allows 100 in a listing.
PAGE_ROWS = 100
# Results of one query that can be reached by paging.
REACHABLE = 10_000

_PREFIX = "properties."


def open_hubspot(request: PullRequest, pull: HubspotPull) -> Feed:
    """The objects that changed, and those that were archived, since the last pull.

    Raises:
        MissingSecretError: The token's variable is not set.
    """
    load_dlt()
    from dlt.sources.helpers.rest_client.auth import BearerTokenAuth  # noqa: PLC0415 - as dlt

    purpose = f"pulling source {request.name!r} from HubSpot"
    token = read_secret(request.environ, pull.token_env, purpose=purpose)
    client = open_client(pull.base_url, BearerTokenAuth(token.get_secret_value()))
    changed = changes(
        "rows", lambda since: _changed(client, request, pull, since), overlap_s=pull.overlap_s
    )
    # The API lists all archived objects; dlt leaves out those that are known.
    archived = changes(
        "archived", lambda _: _archived(client, request, pull), overlap_s=pull.overlap_s
    )
    return Feed([changed, archived] if pull.archived else [changed])


def _changed(
    client: Any, request: PullRequest, pull: HubspotPull, since: datetime | None
) -> Iterator[pa.Table]:
    modified = _modified(pull)
    paginator = _search_paginator(request.name, modified)
    begin = since or datetime.fromtimestamp(0, UTC)
    body = {
        "filterGroups": [{"filters": [_not_before(modified, begin)]}],
        "sorts": [{"propertyName": modified, "direction": "ASCENDING"}],
        "properties": _properties(request, pull),
        "limit": PAGE_ROWS,
    }
    path = f"/crm/v3/objects/{pull.object}/search"
    found = pages(
        client, path, method="POST", json=body, paginator=paginator, data_selector="results"
    )
    before: set[str] = set()  # the last page's rows: those of its last moment come again
    for page in found:
        rows = {_text(row): _changed_at(row, modified) for row in page}
        yield documents((at, text) for text, at in rows.items() if text not in before)
        before = set(rows)


def _archived(client: Any, request: PullRequest, pull: HubspotPull) -> Iterator[pa.Table]:
    from dlt.sources.helpers.rest_client.paginators import (  # noqa: PLC0415 - as dlt
        JSONResponseCursorPaginator,
    )

    asked = {
        "archived": "true", "limit": PAGE_ROWS, "properties": ",".join(_properties(request, pull)),
    }  # fmt: skip
    following = JSONResponseCursorPaginator("paging.next.after", cursor_param="after")
    path = f"/crm/v3/objects/{pull.object}"
    for page in pages(client, path, params=asked, paginator=following, data_selector="results"):
        yield documents((_time(row.get("archivedAt")), _text(row)) for row in page)


def _search_paginator(source: str, modified: str) -> Any:
    """A paginator that moves the query instead of counting through it; see the module."""
    from dlt.sources.helpers.rest_client.paginators import (  # noqa: PLC0415 - as dlt
        BasePaginator,
    )

    class _Moving(BasePaginator):
        """Asks from the last change seen; by token only through changes of one moment."""

        def __init__(self) -> None:
            super().__init__()
            self._begin: datetime | None = None
            self._after: str | None = None

        def update_state(self, response: Any, data: list[Any] | None = None) -> None:
            """Decide where the next page begins."""
            after = response.json().get("paging", {}).get("next", {}).get("after")
            self._has_next_page = bool(data) and after is not None
            if not data or after is None:
                return
            first, last = _changed_at(data[0], modified), _changed_at(data[-1], modified)
            is_one_moment = first is None or last is None or last <= first
            self._begin = None if is_one_moment else last
            self._after = str(after) if is_one_moment else None
            if is_one_moment and str(after).isdigit() and int(after) >= REACHABLE:
                raise PullRefusedError(
                    source,
                    f"more than {REACHABLE:,} objects changed in the same millisecond, and HubSpot "
                    "gives no more to a query: export them once into the landing folder",
                )

        def update_request(self, request: Any) -> None:
            """Ask for the next page."""
            request.json = {name: told for name, told in request.json.items() if name != "after"}
            if self._begin is not None:
                request.json["filterGroups"] = [{"filters": [_not_before(modified, self._begin)]}]
            if self._after is not None:
                request.json["after"] = self._after

    return _Moving()


def _modified(pull: HubspotPull) -> str:
    """The property with the time of the last change; of contacts it has another name."""
    return "lastmodifieddate" if pull.object == "contacts" else "hs_lastmodifieddate"


def _properties(request: PullRequest, pull: HubspotPull) -> list[str]:
    mapped = {
        name.removeprefix(_PREFIX)
        for name in wanted_columns(request.source)
        if name.startswith(_PREFIX)
    }
    return sorted({*mapped, *pull.properties, _modified(pull)})


def _not_before(modified: str, at: datetime) -> dict[str, str]:
    milliseconds = int(at.timestamp() * 1000)
    return {"propertyName": modified, "operator": "GTE", "value": str(milliseconds)}


def _changed_at(row: dict[str, Any], modified: str) -> datetime | None:
    return _time((row.get("properties") or {}).get(modified) or row.get("updatedAt"))


def _time(text: Any) -> datetime | None:
    """A time as the API writes it; an integer is milliseconds."""
    if not isinstance(text, str):
        return None
    if text.isdigit():
        return datetime.fromtimestamp(int(text) / 1000, UTC)
    return datetime.fromisoformat(text)


def _text(row: dict[str, Any]) -> str:
    return json.dumps(row, ensure_ascii=False, sort_keys=True, separators=(",", ":"))

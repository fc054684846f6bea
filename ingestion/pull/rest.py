"""Ask an API over HTTP: bounded patience, and for every refusal what to do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ingestion.errors import PullError, PullRefusedError, PullUnavailableError

# Per request. With pauses of 0.5, 1, 2, 4 s and so on, or as long as the other side asks for, a
# restart or a limit by the minute is ridden out, and nobody waits for hours.
ATTEMPTS = 7
_BACKOFF_S = 0.5
_MAX_PAUSE_S = 300
_TIMEOUT_S = (10, 120)  # to connect, to read

_UNAVAILABLE = frozenset({408, 429, *range(500, 600)})
_CODE = re.compile(r"[A-Z][A-Z_]{2,60}")


def open_client(base_url: str, auth: Any) -> Any:
    """A REST client of dlt with our patience."""
    from dlt.sources.helpers.rest_client.client import RESTClient  # noqa: PLC0415 - see engine.load_dlt

    return RESTClient(base_url, auth=auth, session=open_session())


def open_session() -> Any:
    """A session that asks again where time may help."""
    from dlt.sources.helpers.requests.retry import Client  # noqa: PLC0415 - see engine.load_dlt

    return Client(
        request_timeout=_TIMEOUT_S,
        raise_for_status=False,
        status_codes=tuple(_UNAVAILABLE),
        request_max_attempts=ATTEMPTS,
        request_backoff_factor=_BACKOFF_S,
        request_max_retry_delay=_MAX_PAUSE_S,
        retry_condition=_is_cut_off,
    ).session


def pages(client: Any, path: str, **how: Any) -> Iterator[list[dict[str, Any]]]:
    """The rows of every page.

    Args:
        client: From :func:`open_client`.
        path: Below its base URL.
        **how: As ``RESTClient.paginate`` takes it.
    """
    yield from client.paginate(path, hooks={"response": [_raise_for_status]}, **how)


def _raise_for_status(response: Any, *_: Any, **__: Any) -> None:
    import requests  # noqa: PLC0415 - comes with dlt

    if response.status_code >= 300:  # a redirect that was not followed holds no rows
        # Without text: what the other side says may quote a row.
        raise requests.HTTPError(response=response)


def _is_cut_off(response: Any, _: BaseException | None) -> bool:
    """Whether a good answer is not the JSON that it should be."""
    if response is None or not response.ok:
        return False
    try:
        response.json()
    except ValueError:
        return True
    return False


def told(source: str, error: BaseException, secret: str) -> PullError | None:
    """An error of HTTP in our words; None where it is another kind of error.

    Args:
        source: Name of the source.
        error: What ended the pull.
        secret: The environment variables that the secrets come from, as a phrase.
    """
    import requests  # noqa: PLC0415 - comes with dlt

    if isinstance(error, requests.HTTPError) and error.response is not None:
        return _refusal(source, error.response, secret)
    if isinstance(error, ValueError) and isinstance(error, requests.JSONDecodeError):
        return PullUnavailableError(source, f"{ATTEMPTS} answers were cut off or are no JSON")
    if isinstance(error, requests.RequestException):
        kind = type(error).__name__
        return PullUnavailableError(source, f"no whole answer in {ATTEMPTS} tries ({kind})")
    return None


def _refusal(source: str, response: Any, secret: str) -> PullError:
    status = response.status_code
    code = _code_of(response)
    if status in _UNAVAILABLE:
        return PullUnavailableError(source, f"HTTP {status}{code} in {ATTEMPTS} tries")
    help_ = _WHAT_TO_DO.get(
        status, "correct object, properties or fields, and base_url in sources.yml"
    )
    return PullRefusedError(source, f"HTTP {status}{code}: {help_.format(secret=secret)}")


_WHAT_TO_DO = {
    401: "the secret in {secret} is not accepted: make a new one there, set it, pull again",
    403: "the secret in {secret} may not read this object: give it the right to, pull again",
    404: "there is no such object or version of the API: correct sources.yml",
}


def _code_of(response: Any) -> str:
    """The other side's own word for the mistake, where it is plainly one."""
    try:
        answer = response.json()
    except ValueError:
        return ""
    first = answer[0] if isinstance(answer, list) and answer else answer
    found = first.get("errorCode") or first.get("category") if isinstance(first, dict) else None
    return f" ({found})" if isinstance(found, str) and _CODE.fullmatch(found) else ""

"""Eighty forms of addresses that would reach inside: every one is refused before anything is sent."""

from __future__ import annotations

import datetime as dt
import socket
from typing import Any

import httpx
import pydantic
import pytest

from audiences import DestinationError
from audiences.sync import DestinationsConfig
from audiences.sync.destinations.address import resolve_by_system
from audiences.sync.destinations.exchange import Exchange, Outgoing

# What resolves to where: names of an attacker, whose answers say what the attacker likes.
NAMES = {
    "localhost": ["127.0.0.1"], "ip6-localhost": ["::1"], "metadata.google.internal": ["169.254.169.254"],
    "evil.example": ["10.0.0.5"], "two.example": ["93.184.215.14", "10.0.0.5"],
    "mapped.example": ["::ffff:10.0.0.5"], "six.example": ["2002:0a00:0005::"],
    "nat.example": ["64:ff9b::a00:5"], "zone.example": ["fe80::1%eth0"], "unique.example": ["fd00::1"],
    "xn--80ak6aa92e.example": ["192.168.1.1"],
}  # fmt: skip
HOSTS = (
    *NAMES, "LOCALHOST", "localhost.", "evil.example.", "127.0.0.1", "127.0.0.1.", "127.1", "127.0.1",
    "2130706433", "0x7f000001", "0x7f.0x0.0x0.0x1", "0177.0.0.1", "017700000001", "0", "0.0.0.0",
    "127.127.127.127", "127.0.0.2", "10.0.0.1", "10.1", "167772161", "172.16.0.1", "172.31.255.255",
    "192.168.0.1", "192.168.257", "3232235521", "169.254.169.254", "2852039166", "0xa9fea9fe",
    "169.254.43518", "100.64.0.1", "100.100.100.200", "192.0.0.192", "192.0.2.1", "198.18.0.1", "198.51.100.1",
    "203.0.113.1", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255", "[::]", "[::1]",
    "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::ffff:169.254.169.254]",
    "[::127.0.0.1]", "[64:ff9b::7f00:1]", "[64:ff9b::a9fe:a9fe]", "[2002:7f00:1::]", "[2002:a9fe:a9fe::]",
    "[fe80::1]", "[fe80::1%25eth0]", "[fc00::1]", "[fd00:ec2::254]", "[ff02::1]", "[2001:db8::1]",
    "[100::1]", "[fec0::1]",
    # Full-width digits and circled letters, which become plain ones.
    "\uff11\uff12\uff17.0.0.1", "\u24db\u24de\u24d2\u24d0\u24db\u24d7\u24de\u24e2\u24e3",
    "127\u30020\u30020\u30021",
)  # fmt: skip
FORMS = (
    *(f"https://{host}/x" for host in HOSTS),
    "http://example.com/x", "ftp://example.com/x", "file:///etc/passwd", "gopher://127.0.0.1:70/x",
    "https://user:word@example.com/x", "https://example.com@127.0.0.1/x", "https://127.0.0.1#@example.com/",
    "https://127.0.0.1:22/x", "https://[::1]:5432/x", "javascript:alert(1)", "//127.0.0.1/x", "unix:/run/x.sock",
)  # fmt: skip


def _resolve(host: str, port: int) -> list[str]:
    """Names by the table; what is an address in any notation by the system, which never asks a server."""
    plain = host.rstrip(".").lower()
    if plain in NAMES:
        return NAMES[plain]
    return list(resolve_by_system(host, port))


@pytest.fixture(autouse=True)
def _no_name_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """The system's resolver answers for addresses alone, as it would without a network."""
    found = socket.getaddrinfo

    def numeric(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
        return found(host, port, *args, **{**kwargs, "flags": socket.AI_NUMERICHOST})

    monkeypatch.setattr(socket, "getaddrinfo", numeric)


def _exchange(kind: str, url: str, sent: list[httpx.Request]) -> Exchange | None:
    """What sends for a destination of this address; None where the configuration refuses it."""
    address = {"webhook": {"url": url, "secret_env": "S"},
               "klaviyo": {"base_url": url, "api_key_env": "S"}}[kind]  # fmt: skip
    given = {"kind": kind, "legal_basis": "a test", "max_attempts": 1, **address}
    try:
        config = DestinationsConfig.model_validate({"destinations": {"it": given}})
    except pydantic.ValidationError:
        return None

    def record(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(200)

    transport = httpx.MockTransport(record)
    return Exchange("it", config.destinations["it"], _now, _resolve, transport)


def _now() -> dt.datetime:
    return dt.datetime.now(tz=dt.UTC)


def _call(exchange: Exchange) -> None:
    url = str(getattr(exchange.settings, "url", None) or exchange.settings.base_url)
    with exchange.clients() as clients:
        exchange.send(
            Outgoing("POST", url, b"{}", dict),
            judge=exchange.judge,
            clients=clients,
            sleep=lambda _seconds: None,
        )


def test_there_are_eighty_forms_or_more() -> None:
    assert len(set(FORMS)) >= 80


@pytest.mark.parametrize("url", FORMS)
@pytest.mark.parametrize("kind", ["webhook", "klaviyo"])
def test_no_form_of_an_inner_address_reaches_anything(url: str, kind: str) -> None:
    sent: list[httpx.Request] = []
    exchange = _exchange(kind, url, sent)
    if exchange is not None:
        with pytest.raises(DestinationError):
            _call(exchange)

    assert sent == []


@pytest.mark.parametrize("kind", ["webhook", "klaviyo"])
def test_an_address_of_the_open_internet_is_reached(kind: str) -> None:
    """Without this, nothing above would say anything."""
    sent: list[httpx.Request] = []
    exchange = _exchange(kind, "https://93.184.215.14/x", sent)
    assert exchange is not None

    _call(exchange)

    assert [request.url.host for request in sent] == ["93.184.215.14"]

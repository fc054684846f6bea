"""What it means that Candor itself refused the address of a destination, so that a batch stayed here."""

from __future__ import annotations

from collections.abc import Mapping

from audiences.errors import UNSAFE_ADDRESS, UnsafeAddress

_WAYS_OUT: Mapping[UnsafeAddress, str] = {
    UnsafeAddress.NOT_HTTPS: "it is not https. In destinations.yml give it one that is, or "
    "`allow_insecure_loopback: true` if it is on this machine",
    UnsafeAddress.HTTP_ELSEWHERE: "it is http on another machine. In destinations.yml give it one of "
    "https",
    UnsafeAddress.NOT_PUBLIC: "its name leads to an address that is not public. In destinations.yml "
    "give it a public one, or `allow_private_addresses: true` if it is in your own network "
    "(`allow_insecure_loopback: true` if on this machine)",
}
# Of a row that was recorded before codes said why.
_ANY_WAY_OUT = "it is not https or not public. In destinations.yml give it one that is both"


def is_unsafe(code: str | None) -> bool:
    """Whether a code of a batch, row or run says that its address was refused as unsafe."""
    return code is not None and code.startswith(UNSAFE_ADDRESS)


def tell_unsafe(code: str) -> str:
    """Why the address was refused and what to do, of a code that ``is_unsafe``."""
    reason = code.removeprefix(UNSAFE_ADDRESS).strip(" ()")
    way_out = next((way for why, way in _WAYS_OUT.items() if why == reason), _ANY_WAY_OUT)
    return f"Candor found the address of the destination unsafe: {way_out}. Every run tries again"

"""What it means that Candor itself refused the address of a destination, so that nothing left."""

from __future__ import annotations

from audiences.errors import UNSAFE_ADDRESS

_WAYS_OUT = {
    "not https": "its address is not https; give it one that is, or `allow_insecure_loopback: true` "
    "if it is on this machine",
    "http to another machine": "its address is http on another machine; give it one of https",
    "an address that is not public": "its name leads to an address that is not public; give it a "
    "public one, or `allow_private_addresses: true` if it is in your own network "
    "(`allow_insecure_loopback: true` if on this machine)",
}


def is_unsafe(code: str | None) -> bool:
    """Whether a code of a batch, row or run says that its address was refused as unsafe."""
    return code is not None and code.startswith(UNSAFE_ADDRESS)


def tell_unsafe(code: str) -> str:
    """What happened and what to do, of a code that ``is_unsafe``."""
    why = code.removeprefix(UNSAFE_ADDRESS).strip(" ()")
    return (
        "nothing was sent, the destination was never asked: Candor found its address unsafe, for "
        f"{_WAYS_OUT.get(why, why)}, in destinations.yml; every run tries again"
    )

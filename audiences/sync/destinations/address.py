"""Which addresses personal data may be sent to.

A name is resolved here, every address behind it is judged, and the connection is made to the
address that was judged, so that a name that changes its answer in between gains nothing.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Sequence

from audiences.errors import DestinationUnavailableError, UnsafeAddress, UnsafeAddressError
from audiences.sync.settings import ServerSettings

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], Sequence[str]]

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052: the last 32 bits are an IPv4 address

# Inside all the same, though some versions of Python call them global: RFC 6890 (a cloud keeps
# its machines' secrets at 192.0.0.192), and the site-local addresses of RFC 3879.
_INSIDE = (ipaddress.IPv4Network("192.0.0.0/24"), ipaddress.IPv6Network("fec0::/10"))


def resolve_by_system(host: str, port: int) -> Sequence[str]:
    """Ask the operating system for a name's addresses."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def safe_address(
    destination: str,
    host: str,
    port: int,
    *,
    resolve: Resolve,
    allows: Callable[[Address], bool],
) -> str:
    """One address of a name, after all of its addresses were found to be allowed.

    Args:
        destination: The destination's key, for the error.
        host: A name or an address.
        port: The port to connect to.
        resolve: Gives the addresses of a name.
        allows: Whether an address that is not public is allowed all the same.

    Raises:
        UnsafeAddressError: An address is not public and not allowed.
        DestinationUnavailableError: The name has no address now.
    """
    try:
        found = [ipaddress.ip_address(address.partition("%")[0]) for address in resolve(host, port)]
    except OSError as error:
        raise DestinationUnavailableError(destination, "name_not_resolved") from error
    if not found:
        raise DestinationUnavailableError(destination, "name_not_resolved")
    if not all(is_public(address) or allows(_embedded(address)) for address in found):
        raise UnsafeAddressError(destination, UnsafeAddress.NOT_PUBLIC)
    return str(found[0])


def allowed_by(settings: ServerSettings) -> Callable[[Address], bool]:
    """Whether settings allow an address that is not public."""

    def allows(address: Address) -> bool:
        if address.is_loopback:
            return settings.allow_insecure_loopback
        return settings.allow_private_addresses and is_private_network(address)

    return allows


def is_public(address: Address) -> bool:
    """Whether an address, or the IPv4 address inside it, is one of the open internet."""
    inner = _embedded(address)
    is_inside = any(inner in network for network in _INSIDE)
    return inner.is_global and not (is_inside or inner.is_multicast or inner.is_reserved)


def is_private_network(address: Address) -> bool:
    """Whether an address is inside a private network; never a machine's metadata service."""
    return address.is_private and not (
        address.is_loopback or address.is_link_local or address.is_unspecified
    )


def _embedded(address: Address) -> Address:
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address

"""Which addresses a receiver may have: public ones, and those of networks that are declared. A name is looked up once and
connected to as it was found, so that it can not lead elsewhere between the check and the call."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Sequence

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

#: IPv6 addresses that carry an IPv4 address of the other side in their last 32 bits (RFC 6052).
_TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")
#: Not public, whatever they embed and whatever the library says of them: site-local addresses (RFC 3879), translation within one
#: network (RFC 8215), IPv4-compatible addresses (RFC 4291, 2.5.5.1), and IPv4-translated ones (RFC 2765).
_NEVER_PUBLIC = tuple(map(ipaddress.IPv6Network, ("fec0::/10", "64:ff9b:1::/48", "::/96", "::ffff:0:0:0/96")))


class NotReachable(Exception):
    """A receiver's name leads nowhere, or where nothing may be sent."""


async def addresses_of(host: str, port: int, networks: Sequence[str], *, timeout_s: float) -> list[str]:
    """Where `host` is, in the order in which to try: every address is public or within `networks` (CIDR), or NotReachable."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(timeout_s):
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except TimeoutError:
        raise NotReachable("the receiver's name could not be looked up in time") from None
    except (OSError, UnicodeError):
        raise NotReachable("the receiver's name leads nowhere") from None
    addresses = list(dict.fromkeys(str(each[4][0]) for each in found))
    allowed = [ipaddress.ip_network(each) for each in networks]
    for each in addresses:
        if not may_reach(each, allowed):
            raise NotReachable("the receiver's address is not public: declare its network under `networks` if it may be reached")
    return addresses


def may_reach(text: str, networks: Sequence[ipaddress.IPv4Network | ipaddress.IPv6Network]) -> bool:
    """Whether an address is public or declared. What is embedded in an IPv6 address counts as what it leads to."""
    try:
        address = _led_to(ipaddress.ip_address(text.partition("%")[0]))
    except ValueError:
        return False
    if any(address.version == each.version and address in each for each in networks):
        return True
    if any(address in each for each in _NEVER_PUBLIC):
        return False
    return address.is_global and not address.is_multicast


def is_loopback(text: str) -> bool:
    """Whether an address is this machine's own."""
    return _led_to(ipaddress.ip_address(text.partition("%")[0])).is_loopback


def _led_to(address: Address) -> Address:
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address.sixtofour is not None:
            return address.sixtofour
        if address in _TRANSLATED:
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address

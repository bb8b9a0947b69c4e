"""Names and addresses of hosts: one spelling for each, and which are on the public internet."""

import ipaddress
import re
import socket
from collections.abc import Sequence
from typing import TypeAlias

from yarl import URL

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

_NAME = re.compile(r"[a-z0-9_](?:[a-z0-9_.-]{0,251}[a-z0-9_])?")
_GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


def canonical_host(host: str) -> str:
    """Lower case, punycode, dotted decimals; "" where it is no host.

    `0x7f.1`, `2130706433` and full-width digits all mean 127.0.0.1 to some resolver.
    """
    try:
        name = URL.build(scheme="http", host=host).raw_host or ""
    except ValueError:
        return ""
    name = name.rstrip(".").lower()
    if ":" in name:
        address = address_of(name)
        return str(address) if address else ""
    if not _NAME.fullmatch(name):
        return ""
    try:
        return socket.inet_ntoa(socket.inet_aton(name))
    except OSError:
        return name


def address_of(host: str) -> Address | None:
    """The address that is written there; None for a name."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def is_public(text: str) -> bool:
    """Is this the address of a machine on the public internet? IPv4 within IPv6 counts as what it
    is translated to."""
    address = address_of(text)
    if isinstance(address, ipaddress.IPv6Address):
        if address in _NAT64:
            address = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        elif inner := address.ipv4_mapped or address.sixtofour:
            address = inner
        elif address not in _GLOBAL_UNICAST:
            return False
    return address is not None and address.is_global and not _special(address)


def _special(address: Address) -> bool:
    local = address.is_private or address.is_loopback or address.is_link_local
    return local or address.is_multicast or address.is_reserved or address.is_unspecified


def belongs_to(host: str, domains: Sequence[str]) -> int | None:
    """The place in the list of the first domain that a host is, or lies below; None for none."""
    return next((i for i, domain in enumerate(domains) if f".{host}".endswith(f".{domain}")), None)

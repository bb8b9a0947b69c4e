"""Which addresses stay on this machine, which belong together, and which need a proxy?"""

import ipaddress
from functools import lru_cache
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass


@lru_cache(maxsize=1024)
def is_loopback(host: str) -> bool:
    """True for a host name or address that only this machine can reach."""
    name = host.rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


@lru_cache(maxsize=1024)
def network_of(address: str) -> str:
    """The address of who should count as one: of IPv6 the network, of which anybody has a whole
    one; "unknown" for what is no address."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return "unknown"
    if isinstance(found, ipaddress.IPv6Address):
        mapped = found.ipv4_mapped
        return str(mapped or ipaddress.ip_network((found, 64), strict=False))
    return str(found)


def proxy_for(url: str) -> str | None:
    """The proxy by which an address is reached, as HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY
    say; None for none, as for this machine itself. A WebSocket takes the same as a request. Raises
    ValueError where that is no HTTP proxy: what it says holds no password."""
    place, named = urlsplit(url), getproxies()
    if is_loopback(place.hostname or "") or proxy_bypass(place.netloc):
        return None
    scheme = {"ws": "http", "wss": "https"}.get(place.scheme, place.scheme)
    kind = scheme if scheme in named else "all"
    written = named.get(kind, "")
    proxy = written if "://" in written or not written else f"http://{written}"
    try:
        found = urlsplit(proxy)
        usable = found.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise ValueError(
            f"{kind.upper()}_PROXY is no address; write http://host:port there, or unset it"
        )
    if proxy and (found.scheme not in ("http", "https") or not found.hostname):
        raise ValueError(
            f"{kind.upper()}_PROXY names a proxy of the kind {found.scheme}, and only http:// ones "
            f"are used; name one in {scheme.upper()}_PROXY, or unset it"
        )
    return proxy or None

"""Which addresses stay on this machine?"""

import ipaddress


def is_loopback(host: str) -> bool:
    """True for a host name or address that only this machine can reach."""
    name = host.rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False

"""Which pages may be visited: http and https on the public internet, and what the configuration
allows besides.

A name is judged by the addresses that it resolves to, and exactly these are connected to: a name
that means something else a moment later (DNS rebinding) wins nothing.
"""

import asyncio
import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from knowledge.web.hosts import address_of, belongs_to, canonical_host, is_public
from knowledge.web.types import NotAllowed, PageError

MAX_URL_CHARS = 2000
PORTS = {"http": 80, "https": 443}
LOOKUPS = 8
"""Names that are resolved at a time, in threads of their own: a slow name server holds up no other
work of the bot."""


class Guard:
    """Says which addresses may be visited. `allow` holds "host:port", `blocked` domains, both in
    canonical spelling."""

    def __init__(self, allow: Sequence[str] = (), blocked: Sequence[str] = ()) -> None:
        self._allow, self._blocked = frozenset(allow), tuple(blocked)

    def allows(self, host: str, port: int) -> bool:
        """Does the configuration list this place?"""
        return f"{host}:{port}" in self._allow

    def checked(self, text: str | URL) -> URL:
        """The address in canonical spelling, without a fragment. Raises PageError."""
        try:
            url = URL(text)
            host, port = canonical_host(url.raw_host or ""), url.port
        except ValueError:
            raise PageError("the address makes no sense") from None
        if not host or not port or len(str(url)) > MAX_URL_CHARS:
            raise PageError("the address makes no sense")
        self._judge(url, host, port)
        return url.with_host(host).with_fragment(None)

    def _judge(self, url: URL, host: str, port: int) -> None:
        if url.scheme not in PORTS or url.raw_user is not None or url.raw_password is not None:
            raise NotAllowed("only http and https are visited, without a password")
        if belongs_to(host, self._blocked) is not None:
            raise NotAllowed("a blocked domain")
        if self.allows(host, port):
            return
        if port != PORTS[url.scheme]:
            raise NotAllowed(f"port {port} is not visited")
        if address_of(host) and not is_public(host):
            raise NotAllowed("a private address")


class GuardedResolver(AbstractResolver):
    """Resolves names to public addresses only. Raises NotAllowed."""

    def __init__(self, guard: Guard, names: AbstractResolver) -> None:
        self._guard, self._names = guard, names

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The addresses of a name; all of them must be public."""
        found = await self._names.resolve(host, port, family)
        if not self._guard.allows(host, port) and not all(is_public(a["host"]) for a in found):
            raise NotAllowed("its name leads to a private address")
        return found

    async def close(self) -> None:
        """Ends the lookups."""
        await self._names.close()


class SystemNames(AbstractResolver):
    """The system's own resolver, in a few threads of its own."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(LOOKUPS, thread_name_prefix="names")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The addresses of a name. Raises OSError."""
        loop = asyncio.get_running_loop()
        try:
            found = await loop.run_in_executor(
                self._threads, socket.getaddrinfo, host, port, family, socket.SOCK_STREAM
            )
        except UnicodeError as error:
            raise OSError(f"no name of a host: {error}") from error
        flags = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
        return [
            ResolveResult(
                hostname=host, host=str(at[0]), port=port, family=kind, proto=proto, flags=flags
            )
            for kind, _, proto, _, at in found
            if kind in (socket.AF_INET, socket.AF_INET6)
        ]

    async def close(self) -> None:
        """Forgets what waits; a lookup under way ends by itself."""
        self._threads.shutdown(wait=False, cancel_futures=True)

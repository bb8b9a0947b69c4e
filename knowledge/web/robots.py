"""robots.txt: what a site lets the bot visit, asked once an hour and host."""

import asyncio
import logging
from dataclasses import dataclass, field

from protego import Protego
from yarl import URL

from common.clock import Clock
from knowledge.web.client import PRODUCT, Client
from knowledge.web.types import BadStatus, NotAllowed, PageError

log = logging.getLogger(__name__)

KEPT_S, REFUSED_S = 3600.0, 300.0
"""How long its rules hold, and how long a site is left alone whose rules can't be had."""

MAX_SITES = 500
MAX_PARSING = 200_000
"""Agents times rules: with more of them parsing takes seconds, and no honest file has them."""


@dataclass(eq=False, slots=True)
class _Site:
    """What is known of a site. `rules` is None where it may not be visited now."""

    asking: asyncio.Lock = field(default_factory=asyncio.Lock)
    rules: Protego | None = None
    until: float = 0.0


class Robots:
    """Remembers the rules of the sites that were visited last."""

    def __init__(self, client: Client, clock: Clock) -> None:
        self._client, self._clock = client, clock
        self._sites: dict[URL, _Site] = {}

    async def permit(self, url: URL) -> None:
        """Returns where the site lets the bot in. Raises NotAllowed."""
        site = self._site(url.origin())
        async with site.asking:
            if self._clock.now() >= site.until:
                site.rules = await self._rules(url.origin())
                kept = REFUSED_S if site.rules is None else KEPT_S
                site.until = self._clock.now() + kept
        if site.rules is None:
            raise NotAllowed("its robots.txt can't be had")
        if not site.rules.can_fetch(str(url), PRODUCT):
            raise NotAllowed("its robots.txt forbids it")

    async def _rules(self, origin: URL) -> Protego | None:
        try:
            found = await self._client.get(origin / "robots.txt")
        except BadStatus as error:
            # There is none, or it is nobody's business: all is allowed (RFC 9309, 2.3.1.3).
            absent = 400 <= error.status < 500 and error.status != 429
            return Protego.parse("") if absent else None
        except PageError as error:
            log.debug("no robots.txt of %s: %s", origin.host, error)
            return Protego.parse("") if str(error) == "empty" else None
        text = found.data.decode("utf-8-sig", "replace")
        if text.lower().count("agent") * text.lower().count("allow") > MAX_PARSING:
            return None
        return await asyncio.to_thread(Protego.parse, text)

    def _site(self, origin: URL) -> _Site:
        site = self._sites.pop(origin, None) or _Site()
        self._sites[origin] = site  # the newest stands last
        while len(self._sites) > MAX_SITES:
            del self._sites[next(iter(self._sites))]
        return site

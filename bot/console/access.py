"""Whose request is it? A token's in a header, a session's in a cookie, or somebody's whom the
proxy names.

Where nobody has a login, the server answers to this machine only: whoever uses it is nobody in
particular, who may chat, until the choice of the first start; see `bot.console.login`.
"""

import math
import secrets

from aiohttp import hdrs, web

from adapters.http_guard import (
    NEEDS_LOGIN,
    SAFE_METHODS,
    bearer_of,
    demand_own_machine,
    token_matches,
    unauthorized,
)
from adapters.http_guard import Role as Role
from adapters.http_guard import User as User
from adapters.http_guard import needs as needs
from adapters.http_guard import user_of as user_of
from adapters.web.http import storage_at_work
from bot.config.http import HttpSettings
from bot.console.audit import Audit
from bot.console.sessions import COOKIE, Failures, Sessions, csrf_token
from bot.console.users import LOCAL, Login, Users, digest
from common.clock import Clock
from common.hosts import network_of
from common.rate_limit import Pace

PROTECTED = "/api/"
"""Paths below this demand a login where anybody has one; /metrics does too."""

BEGINNING = frozenset({"/api/login", "/api/setup"})
"""Where a login begins: nobody is somebody yet."""

PUBLIC = BEGINNING | {"/api/session", "/api/logout"}
"""What nobody may ask too."""

CSRF = "X-CSRF-Token"

PACES = {"admin": (1000, 2000), "program": (50, 200), "page": (10, 60)}
"""How often something may be changed from one address, in a second and at once: by a program with
an admin's token, which is more than the bot takes in; with another's; by a person on the page."""


class Access:
    """Knows whose request it is, and slows down who asks too often or guesses."""

    def __init__(
        self, settings: HttpSettings, users: Users, sessions: Sessions, audit: Audit, clock: Clock
    ) -> None:
        self._proxy = settings.proxy
        self.users, self.sessions, self._audit = users, sessions, audit
        self.failures = Failures(clock)
        self._proven: set[tuple[str, str]] = set()
        self._secret = secrets.token_hex()
        self._paces = {
            kind: Pace(clock, in_a_second, 1.0, at_once)
            for kind, (in_a_second, at_once) in PACES.items()
        }

    async def identify(self, request: web.Request) -> User | None:
        """See `adapters.http_guard.Identify`."""
        with storage_at_work():
            for name in await self.users.refresh():
                await self._audit.record("run_bot.py user", "user", name)
            user = await self._user(request)
        self._demand_pace(request, user)
        return user

    def address(self, request: web.Request) -> str:
        """Who sent it, as far as that is known; see `common.hosts.network_of`."""
        given = request.remote or ""
        if self.is_proxy(request):
            # A proxy may add a line of its own below those that its client sent.
            told = ",".join(request.headers.getall("X-Forwarded-For", ()))
            given = told.rpartition(",")[2].strip() or given
        return network_of(given)

    def is_proxy(self, request: web.Request) -> bool:
        """Did the proxy that is believed hand it on?"""
        came_from = (request.remote or "").removeprefix("::ffff:")
        return bool(self._proxy.address) and came_from == self._proxy.address

    def is_encrypted(self, request: web.Request) -> bool:
        """Does the browser speak TLS, to us or to a proxy?"""
        by_proxy = self.is_proxy(request) and request.headers.get("X-Forwarded-Proto") == "https"
        return (
            request.secure
            or by_proxy
            or request.headers.get(hdrs.ORIGIN, "").startswith("https://")
        )

    def csrf(self, request: web.Request, user: User) -> str:
        """What requests of this user that change something have to carry."""
        value = request.cookies.get(COOKIE)
        return csrf_token(value if value else f"{self._secret} {user.name}")

    def demand_patience(self, request: web.Request) -> None:
        """Raises HTTPTooManyRequests where there were failures from there."""
        if wait := self.failures.wait_s(self.address(request)):
            raise too_many("too many failed logins from here", wait)

    async def _user(self, request: web.Request) -> User | None:
        if not self.users.guarded:
            demand_own_machine(request)
            return LOCAL if self.users.is_open else None
        user = None if request.path in BEGINNING else await self._logged_in(request)
        asked = request.path.startswith(PROTECTED) and request.path not in PUBLIC
        if user is None and (asked or request.path == "/metrics"):
            raise unauthorized(NEEDS_LOGIN)
        return user

    async def _logged_in(self, request: web.Request) -> User | None:
        token = bearer_of(request)
        if token is not None:
            return self._by_token(request, token).user
        named = self._named_by_proxy(request)
        if named is None:
            value = request.cookies.get(COOKIE, "")
            login = await self.sessions.login(value) if value else None
            named = login.user if login else None
        if named and request.method not in SAFE_METHODS:
            given = request.headers.get(CSRF, "")
            if not token_matches(self.csrf(request, named), given):
                raise web.HTTPForbidden(text=f"{CSRF}: is missing or old; see GET /api/session")
        return named

    def _by_token(self, request: web.Request, token: str) -> Login:
        """Whose token it is. Who fails waits, but not those who share his address and were right
        before. Raises HTTPUnauthorized or HTTPTooManyRequests."""
        address = self.address(request)
        known = (address, digest(token))
        if known not in self._proven:
            self.demand_patience(request)
        login = self.users.by_token(token)
        if login is None:
            self._proven.discard(known)
            self.failures.failed(address)
            raise unauthorized("the token is wrong; see http.token and http.users")
        if len(self._proven) < 10_000:
            self._proven.add(known)
        return login

    def _named_by_proxy(self, request: web.Request) -> User | None:
        header = self._proxy.user_header
        if not header or not self.is_proxy(request) or header not in request.headers:
            return None
        named = request.headers.getall(header)
        if len(named) > 1:
            raise web.HTTPForbidden(
                text=f"{header} is there twice; have the proxy overwrite what its clients send"
            )
        login = self.users.get(named[0])
        if login is None:
            raise web.HTTPForbidden(
                text="whom the proxy names is not in http.users; an admin can add him there"
            )
        return login.user

    def _demand_pace(self, request: web.Request, user: User | None) -> None:
        if request.method in SAFE_METHODS:
            return
        kind = "admin" if user is None or user.role is Role.ADMIN else "program"
        if COOKIE in request.cookies and hdrs.AUTHORIZATION not in request.headers:
            kind = "page"
        wait = self._paces[kind].take(f"{user.name if user else ''} {self.address(request)}")
        if wait:
            raise too_many("too many requests from here", math.ceil(wait))


def too_many(what: str, wait_s: int) -> web.HTTPTooManyRequests:
    """429 with the time to wait."""
    return web.HTTPTooManyRequests(
        text=f"{what}; try again in {wait_s} s", headers={hdrs.RETRY_AFTER: str(wait_s)}
    )

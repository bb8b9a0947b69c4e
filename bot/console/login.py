"""Logging in and out, and the choice of the first start: the first admin, or no logins at all."""

import asyncio
import logging
import secrets
from collections.abc import Iterable
from typing import Annotated, Any, Literal

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from adapters.http_guard import USER, User, json_response, user_of
from adapters.web.http import read_json_body, storage_at_work
from adapters.web.types import parse_body
from bot.console.access import Access, too_many
from bot.console.audit import Audit
from bot.console.sessions import (
    COOKIE,
    LASTS_S,
    MIN_PASSWORD,
    Passwords,
    csrf_token,
    hash_password,
)
from bot.console.users import LOCAL, Login, StoredUser, UsersError

log = logging.getLogger(__name__)

FIRST_ADMIN = "admin"

_STRICT = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)


class PostedLogin(BaseModel):
    """Body of POST /api/login: a name with its password, or a token alone."""

    model_config = _STRICT

    name: Annotated[str, Field(max_length=64)] = ""
    password: Annotated[str, Field(max_length=500)] = ""
    token: Annotated[str, Field(max_length=500)] = ""


class PostedChoice(BaseModel):
    """Body of POST /api/setup."""

    model_config = _STRICT

    choice: Literal["admin", "open"]


class PostedPassword(BaseModel):
    """Body of POST /api/password."""

    model_config = _STRICT

    old: Annotated[str, Field(max_length=500)]
    new: Annotated[str, Field(min_length=MIN_PASSWORD, max_length=500)]


class Logins:
    """The routes."""

    def __init__(self, access: Access, audit: Audit) -> None:
        self._access, self._audit = access, audit
        self._passwords = Passwords()

    def routes(self) -> Iterable[web.RouteDef]:
        """Below /api/."""
        return (
            web.get("/api/session", self._session),
            web.post("/api/login", self._login),
            web.post("/api/logout", self._logout),
            web.post("/api/setup", self._setup),
            web.post("/api/password", self._password),
        )

    async def _session(self, request: web.Request) -> web.Response:
        """Who is logged in, and whether that is needed: "access" is "login", "open" where logins
        were declined, and "new" until there was a choice."""
        user: User | None = request.get(USER)
        return json_response(self._state(user, self._access.csrf(request, user) if user else ""))

    async def _login(self, request: web.Request) -> web.Response:
        posted = parse_body(PostedLogin, await read_json_body(request))
        address, failures = self._access.address(request), self._access.failures
        self._access.demand_patience(request)
        if not posted.token and self._passwords.are_busy:
            raise too_many("too many people log in", 5)
        failures.failed(address)  # before it is known: many tries at once don't slip through
        login = await self._proven(posted)
        if login is None:
            log.warning("a failed login from %s", address)
            raise web.HTTPUnauthorized(text="name and password, or the token, are wrong")
        failures.was_none(address)
        with storage_at_work():
            return await self._begin(request, login, "login")

    async def _proven(self, posted: PostedLogin) -> Login | None:
        users = self._access.users
        if posted.token:
            return users.by_token(posted.token)
        login = users.get(posted.name)
        return login if await self._passwords.fits(login, posted.password) else None

    async def _logout(self, request: web.Request) -> web.Response:
        if value := request.cookies.get(COOKIE):
            with storage_at_work():
                await self._access.sessions.end(value)
        response = json_response(self._state(None, ""))
        response.del_cookie(COOKIE, path="/", samesite="Strict", httponly=True)
        return response

    async def _setup(self, request: web.Request) -> web.Response:
        """The first admin, whose password is told this once; or to go on without logins."""
        choice = parse_body(PostedChoice, await read_json_body(request)).choice
        users, password, first = self._access.users, secrets.token_urlsafe(12), None
        if choice == "admin":
            hashed = await asyncio.to_thread(hash_password, password)
            first = StoredUser(name=FIRST_ADMIN, role="admin", password_hash=hashed)
        try:
            taken = await users.decide(first)
        except UsersError as error:
            raise web.HTTPServiceUnavailable(text=str(error)) from error
        if not taken:
            raise web.HTTPConflict(text="there are logins already; log in, or ask an admin")
        with storage_at_work():
            await self._audit.record(LOCAL, "setup", "logins", after=choice)
            if login := users.get(FIRST_ADMIN) if first else None:
                return await self._begin(request, login, "login", password=password)
        return json_response(self._state(LOCAL, self._access.csrf(request, LOCAL)))

    async def _password(self, request: web.Request) -> web.Response:
        """Another password for who is logged in; his other sessions end."""
        posted = parse_body(PostedPassword, await read_json_body(request))
        user, users = user_of(request), self._access.users
        address, failures = self._access.address(request), self._access.failures
        self._access.demand_patience(request)
        failures.failed(address)
        if not await self._passwords.fits(users.get(user.name), posted.old):
            raise web.HTTPForbidden(text="the password until now is another")
        failures.was_none(address)
        hashed = await asyncio.to_thread(hash_password, posted.new)
        try:
            taken = await users.change_password(user.name, hashed)
        except UsersError as error:
            raise web.HTTPServiceUnavailable(text=str(error)) from error
        login = users.get(user.name)
        if not taken or login is None:
            raise web.HTTPConflict(text=f"{user.name} stands in http.users; change it there")
        with storage_at_work():
            return await self._begin(request, login, "password")

    async def _begin(
        self, request: web.Request, login: Login, action: str, **more: str
    ) -> web.Response:
        value = await self._access.sessions.begin(login)
        await self._audit.record(login.user, action, self._access.address(request))
        response = json_response({**self._state(login.user, csrf_token(value)), **more})
        response.set_cookie(
            COOKIE,
            value,
            max_age=int(LASTS_S),
            path="/",
            httponly=True,
            samesite="Strict",
            secure=self._access.is_encrypted(request),
        )
        return response

    def _state(self, user: User | None, csrf: str) -> dict[str, Any]:
        users = self._access.users
        return {
            "user": user.name if user else None,
            "role": user.role if user else None,
            "csrf": csrf,
            "access": "login" if users.guarded else "open" if users.is_open else "new",
        }

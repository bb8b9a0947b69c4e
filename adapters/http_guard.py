"""What stands before every HTTP route: safe headers, JSON errors, the origin, and who asks; and how
bodies are read."""

import asyncio
import hmac
import json
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from enum import StrEnum
from functools import wraps
from typing import Any, ParamSpec, TypeAlias
from urllib.parse import urlsplit

from aiohttp import HttpVersion11, hdrs, web
from aiohttp.typedefs import Handler, Middleware

from common.hosts import is_loopback

BODY_TIMEOUT_S = 10.0

P = ParamSpec("P")

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'; object-src 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Server": "HuixiangDou",  # which versions there are behind is nobody's business
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}

SAFE_METHODS = frozenset({hdrs.METH_GET, hdrs.METH_HEAD, hdrs.METH_OPTIONS})
"""They change nothing."""

_FORWARDED = frozenset({"forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via"})


class Role(StrEnum):
    """What a person with a login may do; each may do what those before it may."""

    VIEWER = "viewer"
    LABELLER = "labeller"
    ADMIN = "admin"

    def covers(self, needed: "Role") -> bool:
        """May who has this role do what the other one is needed for?"""
        order = tuple(Role)
        return order.index(self) >= order.index(needed)


@dataclass(frozen=True, slots=True)
class User:
    """Who sent a request, as his login says: not as he calls himself in it."""

    name: str
    role: Role


USER = web.RequestKey("user", User)
"""Set by the middlewares where a login is known."""

NEEDS_LOGIN = "this needs a login: on the page, or by 'Authorization: Bearer <token>'"


@dataclass(frozen=True, slots=True)
class Place:
    """A request's place among the server's connections. While `waiting` is open the request waits
    for its client, whose connection may go where others need its place."""

    waiting: Callable[[], AbstractContextManager[None]]


PLACE = web.RequestKey("place", Place)
"""Set by the server."""

Identify: TypeAlias = Callable[[web.Request], Awaitable[User | None]]
"""Whose request is it? None where nobody is logged in and the path may be read without. Raises
HTTPUnauthorized, HTTPForbidden or HTTPTooManyRequests."""


def user_of(request: web.Request) -> User:
    """Who sent the request. Raises HTTPUnauthorized where nobody is logged in."""
    user: User | None = request.get(USER)
    if user is None:
        raise unauthorized(NEEDS_LOGIN)
    return user


def needs(
    role: Role,
) -> Callable[
    [Callable[P, Awaitable[web.StreamResponse]]], Callable[P, Awaitable[web.StreamResponse]]
]:
    """Only who has the role gets to the handler, a function or a method; 401 and 403 otherwise."""

    def decorate(
        handler: Callable[P, Awaitable[web.StreamResponse]],
    ) -> Callable[P, Awaitable[web.StreamResponse]]:
        @wraps(handler)
        async def guarded(*args: P.args, **kwargs: P.kwargs) -> web.StreamResponse:
            request = next(arg for arg in args if isinstance(arg, web.Request))
            user = user_of(request)
            if not user.role.covers(role):
                raise web.HTTPForbidden(
                    text=f"this needs the role {role}, and {user.name} is {user.role}; ask an admin"
                )
            return await handler(*args, **kwargs)

        guarded.__dict__["role"] = role
        return guarded

    return decorate


def unauthorized(text: str) -> web.HTTPUnauthorized:
    """401 with what to do, and the header that belongs to it."""
    return web.HTTPUnauthorized(text=text, headers={hdrs.WWW_AUTHENTICATE: "Bearer"})


def security_middlewares(identify: Identify) -> tuple[Middleware, ...]:
    """Middlewares for `web.Application(middlewares=...)`, outermost first."""
    return (_add_headers, _errors_as_json, _demand_same_origin, _know_user(identify))


async def read_body(request: web.Request, max_bytes: int) -> bytes:
    """The body of a request, which has to arrive in time. Raises HTTPRequestEntityTooLarge,
    HTTPRequestTimeout or HTTPBadRequest."""
    place = request.get(PLACE)
    try:
        with place.waiting() if place else nullcontext():
            async with asyncio.timeout(BODY_TIMEOUT_S):
                return await request.clone(client_max_size=max_bytes).read()
    except web.HTTPRequestEntityTooLarge as error:
        error.text = f"body: must have at most {max_bytes} bytes"
        raise
    except TimeoutError:
        raise web.HTTPRequestTimeout(text="body: did not arrive in time") from None
    except ConnectionError:
        raise web.HTTPBadRequest(text="body: broke off") from None


def json_response(data: Any, status: int = 200) -> web.Response:
    """JSON that no cache keeps."""
    body = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return web.Response(
        text=body,
        status=status,
        content_type="application/json",
        headers={hdrs.CACHE_CONTROL: "no-store"},
    )


def bearer_of(request: web.Request) -> str | None:
    """The token of `Authorization: Bearer <token>`; None where there is none."""
    scheme, _, given = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
    return given.strip() or None if scheme.lower() == "bearer" else None


def token_matches(expected: str, given: str) -> bool:
    """Compares in constant time."""
    return hmac.compare_digest(expected.encode(), given.encode(errors="replace"))


def demand_own_machine(request: web.Request) -> None:
    """For a server without logins: only this machine's own names reach it (DNS rebinding), and no
    proxy brings others here. Raises HTTPForbidden."""
    if not _is_loopback(request.host):
        raise web.HTTPForbidden(
            text="without http.token or http.users this server answers to localhost only; "
            "open it as http://127.0.0.1 or set one of them"
        )
    # No browser speaks HTTP/1.0; nginx does, and says nothing of itself, where nobody told it to.
    forwarded = not _FORWARDED.isdisjoint(name.lower() for name in request.headers)
    if forwarded or request.version < HttpVersion11:
        raise web.HTTPForbidden(
            text="a proxy stands before this server, which has no logins; set http.users or "
            "http.token, or make the first admin on its page, opened without the proxy"
        )


@web.middleware
async def _add_headers(request: web.Request, handler: Handler) -> web.StreamResponse:
    response = await handler(request)
    if not response.prepared:
        response.headers.update(HEADERS)
    return response


@web.middleware
async def _errors_as_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        response = json_response({"error": error.text or error.reason}, error.status)
        for name in (hdrs.ALLOW, hdrs.RETRY_AFTER, hdrs.WWW_AUTHENTICATE):
            if name in error.headers:
                response.headers[name] = error.headers[name]
        return response


def _know_user(identify: Identify) -> Middleware:
    @web.middleware
    async def know(request: web.Request, handler: Handler) -> web.StreamResponse:
        user = await identify(request)
        if user is not None:
            request[USER] = user
        return await handler(request)

    return know


@web.middleware
async def _demand_same_origin(request: web.Request, handler: Handler) -> web.StreamResponse:
    changes = request.method not in SAFE_METHODS or hdrs.UPGRADE in request.headers
    origin = request.headers.get(hdrs.ORIGIN)
    if changes and origin is not None and not _same_host(origin, request.host):
        raise web.HTTPForbidden(text="Origin: requests from other sites are refused")
    return await handler(request)


def _same_host(origin: str, host: str) -> bool:
    scheme, separator, authority = origin.partition("://")
    return bool(separator) and scheme in {"http", "https"} and authority.lower() == host.lower()


def _is_loopback(authority: str) -> bool:
    try:
        return is_loopback(urlsplit(f"//{authority}").hostname or "")
    except ValueError:
        return False

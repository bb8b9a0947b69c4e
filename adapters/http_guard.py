"""What stands before every HTTP route: safe headers, JSON errors, host, origin and token checks."""

import hmac
import json
from typing import Any
from urllib.parse import urlsplit

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

from common.hosts import is_loopback

PROTECTED = "/api/"
"""Paths below this demand the token."""

STREAM_PATH = "/api/stream"
"""The WebSocket: a browser can't send headers with it, so its handler asks for the token."""

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'; object-src 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}

_SAFE_METHODS = frozenset({hdrs.METH_GET, hdrs.METH_HEAD, hdrs.METH_OPTIONS})


def security_middlewares(token: str) -> tuple[Middleware, ...]:
    """Middlewares for `web.Application(middlewares=...)`, outermost first.

    `token` is the bearer token that everything below /api/ demands; without one the server
    is taken to listen on loopback only, and other Host names are refused (DNS rebinding).
    """
    guard = _demand_token(token) if token else _demand_loopback_host
    return (_add_headers, _errors_as_json, guard, _demand_same_origin)


def json_response(data: Any, status: int = 200) -> web.Response:
    """JSON that no cache keeps."""
    body = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return web.Response(
        text=body,
        status=status,
        content_type="application/json",
        headers={hdrs.CACHE_CONTROL: "no-store"},
    )


def token_matches(expected: str, given: str) -> bool:
    """Compares in constant time."""
    return hmac.compare_digest(expected.encode(), given.encode(errors="replace"))


def has_bearer(request: web.Request, token: str) -> bool:
    """Does the request carry `Authorization: Bearer <token>`?"""
    scheme, _, given = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
    return scheme.lower() == "bearer" and token_matches(token, given.strip())


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
        for name in (hdrs.ALLOW, hdrs.WWW_AUTHENTICATE):
            if name in error.headers:
                response.headers[name] = error.headers[name]
        return response


def _demand_token(token: str) -> Middleware:
    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        guarded = request.path.startswith(PROTECTED) and request.path != STREAM_PATH
        if guarded and not has_bearer(request, token):
            raise web.HTTPUnauthorized(
                text="this needs the header 'Authorization: Bearer <http.token>'",
                headers={hdrs.WWW_AUTHENTICATE: "Bearer"},
            )
        return await handler(request)

    return check


@web.middleware
async def _demand_loopback_host(request: web.Request, handler: Handler) -> web.StreamResponse:
    if not _is_loopback(request.host):
        raise web.HTTPForbidden(
            text="without http.token this server answers to localhost only; "
            "open it as http://127.0.0.1 or set http.token"
        )
    return await handler(request)


@web.middleware
async def _demand_same_origin(request: web.Request, handler: Handler) -> web.StreamResponse:
    changes = request.method not in _SAFE_METHODS or hdrs.UPGRADE in request.headers
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

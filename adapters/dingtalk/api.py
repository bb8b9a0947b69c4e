"""Calls of DingTalk's API: the access token, errors, and the books of what was called."""

import asyncio
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import SecretStr

from adapters.base import AdapterError, NetworkError
from adapters.dingtalk.errors import (
    QuotaGone,
    TokenRefused,
    api_problem,
    code_of,
    login_problem,
    session_problem,
)
from adapters.dingtalk.settings import Settings
from adapters.link import Link
from adapters.rest import Response, Rest
from common.clock import Clock

log = logging.getLogger(__name__)

HEADER = "x-acs-dingtalk-access-token"
TOKEN_SPARE_S = 300.0
"""A token is renewed this long before it runs out."""

QUOTA_PAUSE_S = 3600.0
"""Once the month's calls are used up, this long passes before it is tried again."""

FRESH = {"Connection": "close"}
"""No connection is used twice: where DingTalk had just closed an idle one, nobody would know
whether a message that was sent over it arrived."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """Admits one connection for events."""

    endpoint: str
    ticket: str = field(repr=False)


class Api:
    """One app's calls. Open `rest` first."""

    def __init__(self, settings: Settings, rest: Rest, link: Link, clock: Clock) -> None:
        self._settings, self._rest = settings, rest
        self._link, self._clock = link, clock
        self._renewing = asyncio.Lock()
        self._token, self._good_until = SecretStr(""), 0.0
        self._no_calls_until = 0.0

    async def call(
        self, method: str, path: str, body: Mapping[str, Any], *, repeatable: bool
    ) -> Mapping[str, Any]:
        """Calls the API with the app's token and returns what it answers. Raises AdapterError."""
        if self._clock.now() < self._no_calls_until:
            raise QuotaGone("the organisation's API calls of this month are used up")
        try:
            return await self._call(method, path, body, repeatable=repeatable)
        except TokenRefused:
            self._good_until = 0.0  # it was not obeyed: once more, with a new token
        except QuotaGone as error:
            self._alert(error)
            self._no_calls_until = self._clock.now() + QUOTA_PAUSE_S
            raise
        return await self._call(method, path, body, repeatable=repeatable)

    async def token(self) -> str:
        """An access token that is still valid for a while. Raises LoginRefused for wrong
        credentials."""
        async with self._renewing:
            if self._clock.now() >= self._good_until:
                await self._renew_token()
        return self._token.get_secret_value()

    async def post_to_session(self, webhook: SecretStr, body: Mapping[str, Any]) -> None:
        """Posts a message to a session webhook, which needs no token. Raises AdapterError, and
        SessionGone where the webhook is not valid any more."""
        response = await self._request(
            "POST", webhook.get_secret_value(), body, "sessionWebhook", repeatable=False
        )
        problem = session_problem(response)
        if isinstance(problem, QuotaGone):
            self._alert(problem)
        if problem:
            raise problem

    async def register(
        self, topics: Iterable[str], local_ip: str = "", agent: str = "huixiangdou"
    ) -> Ticket:
        """Asks for a connection for events. Raises LoginRefused for wrong credentials."""
        body = {
            "clientId": self._settings.client_id,
            "clientSecret": self._settings.client_secret.get_secret_value(),
            "subscriptions": [{"type": "CALLBACK", "topic": topic} for topic in topics],
            "ua": agent,
            "localIp": local_ip,
        }
        data = await self._log_in("/v1.0/gateway/connections/open", body)
        endpoint, ticket = data.get("endpoint"), data.get("ticket")
        if not (isinstance(endpoint, str) and isinstance(ticket, str)):
            raise NetworkError("DingTalk gave no address to connect to")
        return Ticket(endpoint, ticket)

    async def try_call(self, method: str, path: str, body: Mapping[str, Any]) -> Response:
        """A call of which the answer itself is wanted, whatever it is; for the check."""
        headers = {HEADER: await self.token(), **FRESH}
        url = self._settings.openapi_endpoint + path
        return await self._rest.request(method, url, repeatable=True, body=body, headers=headers)

    async def _call(
        self, method: str, path: str, body: Mapping[str, Any], *, repeatable: bool
    ) -> Mapping[str, Any]:
        headers = {HEADER: await self.token()}
        url, name = self._settings.openapi_endpoint + path, path.removeprefix("/v1.0/")
        response = await self._request(method, url, body, name, headers, repeatable=repeatable)
        if problem := api_problem(response, repeatable=repeatable):
            raise problem
        return response.data

    async def _renew_token(self) -> None:
        body = {
            "appKey": self._settings.client_id,
            "appSecret": self._settings.client_secret.get_secret_value(),
        }
        data = await self._log_in("/v1.0/oauth2/accessToken", body)
        token, lasts = data.get("accessToken"), data.get("expireIn")
        if not (isinstance(token, str) and isinstance(lasts, int)):
            raise NetworkError("DingTalk gave no access token")
        self._token = SecretStr(token)
        self._good_until = self._clock.now() + max(lasts - TOKEN_SPARE_S, lasts / 2)

    async def _log_in(self, path: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        url, name = self._settings.openapi_endpoint + path, path.removeprefix("/v1.0/")
        response = await self._request("POST", url, body, name, repeatable=True)
        if problem := login_problem(response):
            raise problem
        return response.data

    async def _request(
        self,
        method: str,
        url: str,
        body: Mapping[str, Any],
        name: str,
        headers: Mapping[str, str] | None = None,
        *,
        repeatable: bool,
    ) -> Response:
        try:
            response = await self._rest.request(
                method, url, repeatable=repeatable, body=body, headers={**(headers or {}), **FRESH}
            )
        except AdapterError as error:
            self._link.called(name, type(error).__name__)
            raise
        self._link.called(name, code_of(response))
        return response

    def _alert(self, error: QuotaGone) -> None:
        log.error("%s: %s; nothing can be posted that way", self._settings.name, error)
        self._link.failed(str(error))

"""Lark's REST API: a token that is kept fresh, the platform's limits kept ahead of time."""

import asyncio
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

from adapters.base import AdapterError, LoginRefused, NetworkError, RateLimited, SendRefused
from adapters.lark.codes import OK, TokenRefused, code_of, login_problem, problem
from adapters.lark.content import Me
from adapters.lark.settings import Settings
from adapters.link import Link
from adapters.payload import Json, inside, text
from adapters.rest import Response, Rest
from common.clock import Clock
from common.rate_limit import Pace

TIMEOUT_S = 10.0

NO_BOT = (
    "the app has no bot: add the feature Bot in the developer console and publish a version of it"
)


class Budget:
    """What the app may ask for: 50 calls a second and 1000 a minute, and 5 messages a second to
    one group, which all bots in it share. A bucket's burst and refill together stay within."""

    def __init__(self, clock: Clock) -> None:
        self._second, self._minute = Pace(clock, 40, 1.0, 10), Pace(clock, 900, 60.0, 100)
        self._group = Pace(clock, 3, 1.0, 2)

    def take(self, group: str = "") -> None:
        """One call, with `group` one that posts there. Raises RateLimited when there is none."""
        pause = self._group.take(group) if group else 0.0
        pause = pause or self._second.take() or self._minute.take()
        if pause:
            raise RateLimited("the app's own budget is used up", pause)

    async def wait(self, group: str = "") -> None:
        """One call, as soon as there is one."""
        if group:
            await self._group.wait(group)
        await self._second.wait()
        await self._minute.wait()


class Api:
    """Open it with `async with`. All requests may be repeated: they read, or set a state, or
    carry a key."""

    def __init__(self, settings: Settings, clock: Clock, link: Link) -> None:
        self._settings, self._clock, self._link = settings, clock, link
        self._rest = Rest(TIMEOUT_S)
        self._token, self._renew_at = "", 0.0
        self._renewing = asyncio.Lock()
        self.posts, self.reads = Budget(clock), Budget(clock)

    async def __aenter__(self) -> Self:
        await self._rest.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._rest.__aexit__(kind, error, trace)

    async def call(
        self,
        name: str,
        method: str,
        path: str,
        *,
        body: Any = None,
        params: dict[str, str] | None = None,
    ) -> Response:
        """One request below /open-apis/; `name` stands for it in figures and errors. A token that
        is refused is renewed once. Raises AdapterError."""
        token = await self._fresh_token()
        try:
            return await self._ask(name, method, path, token, body, params)
        except TokenRefused:
            if token == self._token:
                self._token = ""
            return await self._ask(name, method, path, await self._fresh_token(), body, params)

    async def me(self) -> Me:
        """Who the bot is. Raises LoginRefused where the app has no bot."""
        open_id = text(await self.bot(), "open_id")
        if not open_id:
            raise LoginRefused(NO_BOT)
        return Me(self._settings.name, self._settings.app_id, open_id)

    async def bot(self) -> Json:
        """What the platform says about the bot. Raises LoginRefused where the app has none."""
        try:
            return inside((await self.call("bot_info", "GET", "bot/v3/info")).data, "bot")
        except SendRefused as error:
            raise LoginRefused(f"{NO_BOT} ({error})") from error

    async def message(self, message_id: str) -> Response:
        """A message as it stands in its chat now; of a bundle all that it holds."""
        return await self.call("get_message", "GET", f"im/v1/messages/{quote(message_id, safe='')}")

    async def stream_address(self) -> None:
        """Asks where the long connection would be opened, and does not open it: a second one
        would take events away from a running bot. Raises AdapterError."""
        body = {
            "AppID": self._settings.app_id,
            "AppSecret": self._settings.app_secret.get_secret_value(),
        }
        url = f"{self._settings.domain}/callback/ws/endpoint"
        response = await self._rest.request("POST", url, repeatable=True, body=body)
        found = problem("stream_address", response)
        if found is not None:
            raise found
        if not text(response.data, "data", "URL"):
            raise NetworkError("stream_address: the platform named no address")

    async def _ask(
        self,
        name: str,
        method: str,
        path: str,
        token: str,
        body: Any,
        params: dict[str, str] | None,
    ) -> Response:
        response = await self._request(
            name, method, path, body, params, {"Authorization": f"Bearer {token}"}
        )
        found = problem(name, response)
        if found is not None:
            raise found
        return response

    async def _request(
        self,
        name: str,
        method: str,
        path: str,
        body: Any,
        params: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
    ) -> Response:
        url = f"{self._settings.domain}/open-apis/{path}"
        try:
            response = await self._rest.request(
                method, url, repeatable=True, body=body, params=params, headers=headers
            )
        except AdapterError:
            self._link.called(name, "unreachable")
            raise
        code = code_of(response)
        self._link.called(name, "ok" if code == OK else str(code or response.status))
        return response

    async def _fresh_token(self) -> str:
        async with self._renewing:
            if not self._token or self._clock.now() >= self._renew_at:
                await self._renew()
            return self._token

    async def _renew(self) -> None:
        body = {
            "app_id": self._settings.app_id,
            "app_secret": self._settings.app_secret.get_secret_value(),
        }
        asked_at = self._clock.now()
        response = await self._request(
            "token", "POST", "auth/v3/tenant_access_token/internal", body
        )
        found = login_problem(response)
        if found is not None:
            raise found
        self._token = text(response.data, "tenant_access_token")
        if not self._token:
            raise NetworkError("token: the platform's answer holds none")
        lifetime = response.data.get("expire")
        lifetime = float(lifetime) if isinstance(lifetime, int | float) else 0.0
        # The platform gives the same token until 30 minutes before its end.
        self._renew_at = asked_at + lifetime - min(600.0, lifetime / 2)

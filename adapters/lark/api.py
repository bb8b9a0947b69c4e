"""Lark's REST API: a token that is kept fresh, the platform's limits kept ahead of time."""

from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from adapters.base import LoginRefused, NetworkError, SendRefused
from adapters.budget import Budget
from adapters.lark.codes import login_problem, problem
from adapters.lark.content import Me
from adapters.lark.settings import Settings
from adapters.link import Link
from adapters.payload import Json, inside, number, text
from adapters.rest import Response, Rest, Token
from common.clock import Clock
from common.rate_limit import Pace

NO_BOT = (
    "the app has no bot: add the feature Bot in the developer console and publish a version of it"
)


def app_budget(clock: Clock) -> Budget:
    """What the app may ask for: 50 calls a second and 1000 a minute, and 5 messages a second to
    one group, which all bots in it share."""
    return Budget(
        clock,
        whole=(Pace(clock, 40, 1.0, 10), Pace(clock, 900, 60.0, 100)),
        group=(Pace(clock, 3, 1.0, 2),),
    )


class Api:
    """Open `rest` first. All requests may be repeated: they read, or set a state, or carry a
    key."""

    def __init__(self, settings: Settings, rest: Rest, link: Link, clock: Clock) -> None:
        self._settings, self._rest, self._link = settings, rest, link
        self._token = Token(clock, self._log_in)
        self.posts, self.reads = app_budget(clock), app_budget(clock)

    async def call(
        self,
        name: str,
        method: str,
        path: str,
        *,
        body: Any = None,
        params: dict[str, str] | None = None,
        is_file: bool = False,
    ) -> Response:
        """One request below /open-apis/; `name` stands for it in figures and errors, `is_file`
        tells that a good answer is no JSON. A token that is refused is renewed once. Raises
        AdapterError."""

        async def ask(token: str) -> Response:
            headers = {"Authorization": f"Bearer {token}"}
            url = f"{self._settings.domain}/open-apis/{path}"
            response = await self._rest.request(
                name, method, url, repeatable=True, body=body, params=params, headers=headers
            )
            whole = is_file and response.status == HTTPStatus.OK and not response.data
            if not whole and (found := problem(name, response)):
                raise found
            return response

        with self._link.noting(name):
            return await self._token.use(ask)

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

    async def picture(self, message_id: str, key: str) -> bytes:
        """A picture of a message; the platform gives none that belongs to another one."""
        place = f"{quote(message_id, safe='')}/resources/{quote(key, safe='')}"
        response = await self.call(
            "get_picture", "GET", f"im/v1/messages/{place}", params={"type": "image"}, is_file=True
        )
        return response.body

    async def stream_address(self) -> None:
        """Asks where the long connection would be opened, and does not open it: a second one
        would take events away from a running bot. Raises AdapterError."""
        response = await self._sign_in(
            "stream_address", "callback/ws/endpoint", "AppID", "AppSecret"
        )
        if found := problem("stream_address", response):
            raise found
        if not text(response.data, "data", "URL"):
            raise NetworkError("stream_address: the platform named no address")

    async def _log_in(self) -> tuple[str, float]:
        path = "open-apis/auth/v3/tenant_access_token/internal"
        response = await self._sign_in("token", path, "app_id", "app_secret")
        if found := login_problem(response):
            raise found
        token = text(response.data, "tenant_access_token")
        if not token:
            raise NetworkError("token: the platform's answer holds none")
        return token, number(response.data, "expire")

    async def _sign_in(self, name: str, path: str, app_id: str, app_secret: str) -> Response:
        body = {
            app_id: self._settings.app_id,
            app_secret: self._settings.app_secret.get_secret_value(),
        }
        url = f"{self._settings.domain}/{path}"
        return await self._rest.request(name, "POST", url, repeatable=True, body=body)

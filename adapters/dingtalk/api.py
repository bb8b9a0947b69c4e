"""Calls of DingTalk's API: the access token, errors, and the month's quota."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field

from pydantic import SecretStr

from adapters.base import NetworkError, QuotaGone
from adapters.budget import Budget
from adapters.dingtalk.codes import QUOTA, api_problem, session_problem
from adapters.dingtalk.settings import Settings
from adapters.link import Link
from adapters.payload import Json, number, text
from adapters.rest import Response, Rest, Token
from common.clock import Clock
from common.rate_limit import Pace

log = logging.getLogger(__name__)

PREFIX = "/v1.0/"
"""Of all paths; left out where calls are counted."""

HEADER = "x-acs-dingtalk-access-token"

QUOTA_PAUSE_S = 3600.0
"""Once the month's calls are used up, this long passes before it is tried again."""

FRESH = {"Connection": "close"}
"""No connection is used twice: where DingTalk had just closed an idle one, nobody would know
whether a message that was sent over it arrived."""


def post_budget(clock: Clock) -> Budget:
    """DingTalk allows 20 messages in a minute and group, and silences the robot for ten minutes
    after more."""
    return Budget(clock, group=(Pace(clock, 15, 60.0, burst=5),))


def call_budget(clock: Clock) -> Budget:
    """So many calls of the API a second, for all groups together."""
    return Budget(clock, whole=(Pace(clock, 10, 1.0),))


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
        self._token = Token(clock, self._new_token)
        self._no_calls_until = 0.0

    async def call(self, method: str, path: str, body: Json, *, repeatable: bool) -> Json:
        """Calls the API with the app's token and returns what it answers. Raises AdapterError."""
        if self._clock.now() < self._no_calls_until:
            raise QuotaGone(QUOTA.words)

        async def ask(token: str) -> Response:
            response = await self._request(method, path, body, token, repeatable=repeatable)
            if problem := api_problem(response, repeatable=repeatable):
                raise problem
            return response

        try:
            with self._link.noting(path.removeprefix(PREFIX), quota="API calls"):
                return (await self._token.use(ask)).data
        except QuotaGone as error:
            self._alert(error)
            self._no_calls_until = self._clock.now() + QUOTA_PAUSE_S
            raise

    async def picture(self, code: str) -> bytes:
        """A picture of a message, by the code that came with it. Raises AdapterError."""
        asked = {"robotCode": self._settings.robot, "downloadCode": code}
        path = "/v1.0/robot/messageFiles/download"
        named = text(await self.call("POST", path, asked, repeatable=True), "downloadUrl")
        url = self._settings.picture_address(named)
        if not url:
            raise NetworkError("DingTalk keeps the picture at a place that is not known as its own")
        return await self._rest.picture(url, FRESH)

    async def log_in(self) -> None:
        """Raises LoginRefused for wrong credentials."""
        await self._token.fresh()

    async def post_to_session(self, webhook: SecretStr, body: Json) -> None:
        """Posts a message to a session webhook, which needs no token. Raises AdapterError, and
        SessionGone where the webhook is not valid any more."""
        url = webhook.get_secret_value()
        response = await self._rest.request(
            "sessionWebhook", "POST", url, repeatable=False, body=body, headers=FRESH
        )
        problem = session_problem(response)
        if isinstance(problem, QuotaGone):
            self._alert(problem)
        with self._link.noting("sessionWebhook"):
            if problem:
                raise problem

    async def register(
        self, topics: Iterable[str], local_ip: str = "", agent: str = "huixiangdou"
    ) -> Ticket:
        """Asks for a connection for events. Raises LoginRefused for wrong credentials."""
        more = {
            "subscriptions": [{"type": "CALLBACK", "topic": topic} for topic in topics],
            "ua": agent,
            "localIp": local_ip,
        }
        path = "/v1.0/gateway/connections/open"
        data = await self._sign_in(path, "clientId", "clientSecret", more)
        endpoint, ticket = text(data, "endpoint"), text(data, "ticket")
        if not (endpoint and ticket):
            raise NetworkError("DingTalk gave no address to connect to")
        return Ticket(endpoint, ticket)

    async def try_call(self, method: str, path: str, body: Json) -> Response:
        """A call of which the answer itself is wanted, whatever it is; for the check."""
        token = await self._token.fresh()
        return await self._request(method, path, body, token, repeatable=True)

    async def _new_token(self) -> tuple[str, float]:
        data = await self._sign_in("/v1.0/oauth2/accessToken", "appKey", "appSecret", {})
        token, good_s = text(data, "accessToken"), number(data, "expireIn")
        if not (token and good_s):
            raise NetworkError("DingTalk gave no access token")
        return token, good_s

    async def _sign_in(self, path: str, key: str, secret: str, more: Json) -> Json:
        body = {
            key: self._settings.client_id,
            secret: self._settings.client_secret.get_secret_value(),
            **more,
        }
        response = await self._request("POST", path, body, repeatable=True)
        if problem := api_problem(response, repeatable=True, login=True):
            raise problem
        return response.data

    async def _request(
        self, method: str, path: str, body: Json, token: str = "", *, repeatable: bool
    ) -> Response:
        return await self._rest.request(
            path.removeprefix(PREFIX),
            method,
            self._settings.openapi_endpoint + path,
            repeatable=repeatable,
            body=body,
            headers={**FRESH, HEADER: token} if token else FRESH,
        )

    def _alert(self, error: QuotaGone) -> None:
        log.error("%s: %s; nothing can be posted that way", self._settings.name, error)

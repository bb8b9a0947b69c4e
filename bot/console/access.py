"""Whose request is it? A token's, or, on a server that only this machine reaches, anybody's."""

from aiohttp import web

from adapters.http_guard import STREAM_PATH, has_bearer, unauthorized
from adapters.http_guard import Role as Role
from adapters.http_guard import User as User
from adapters.http_guard import needs as needs
from adapters.http_guard import user_of as user_of
from bot.config.schema import HttpSettings

PROTECTED = "/api/"
"""Paths below this demand a login."""


class Access:
    """Knows the logins."""

    def __init__(self, settings: HttpSettings) -> None:
        self._token = settings.token.get_secret_value()

    async def identify(self, request: web.Request) -> User | None:
        """See `adapters.http_guard.Identify`."""
        if not self._token:
            return User("local", Role.ADMIN)
        if has_bearer(request, self._token):
            return User("http.token", Role.ADMIN)
        if request.path.startswith(PROTECTED) and request.path != STREAM_PATH:
            raise unauthorized("this needs the header 'Authorization: Bearer <http.token>'")
        return None

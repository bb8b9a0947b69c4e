"""Settings of a WeCom AI bot."""

import re
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, StringConstraints, field_validator

from adapters.settings import AdapterSettings, Name, secure_address
from common.hosts import is_loopback

WS_URL = "wss://openws.work.weixin.qq.com"
_PICTURE_HOST = re.compile(
    r"(?:[a-z0-9-]+\.)*work\.weixin\.qq\.com|ww-aibot-img-1258476243\.cos\.[a-z0-9-]+\.myqcloud\.com"
)
"""WeCom's own hosts, and its bucket of object storage, wherever that stands."""


def _websocket(url: str) -> str:
    secure_address(url, "wss", WS_URL)
    return url


class Settings(AdapterSettings):
    """Settings of one AI bot; BotID and Secret are those of its long connection."""

    kind: Literal["wecom"]
    name: Name = "wecom"
    bot_id: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=128)]
    secret: SecretStr
    ws_url: Annotated[str, AfterValidator(_websocket)] = WS_URL
    bot_name: Annotated[str, StringConstraints(strip_whitespace=True, max_length=64)] = ""
    streaming: bool = False
    welcome: str = Field(default="", max_length=1000)
    ping_s: float = Field(default=30.0, ge=5, le=60)
    proxy: SecretStr = SecretStr("")

    @field_validator("secret")
    @classmethod
    def _not_blank(cls, secret: SecretStr) -> SecretStr:
        bare = secret.get_secret_value().strip()
        if not bare:
            raise ValueError("must not be empty: copy the Secret of the bot's long connection")
        return SecretStr(bare)

    @field_validator("proxy")
    @classmethod
    def _http_proxy(cls, proxy: SecretStr) -> SecretStr:
        address = proxy.get_secret_value()
        if address and not address.startswith(("http://", "https://")):
            raise ValueError("must begin with http:// or https://")
        return proxy

    def trusts_picture(self, url: str) -> bool:
        """Is this a place where WeCom keeps the pictures of messages?"""
        try:
            parts = urlsplit(url)
        except ValueError:
            return False
        own = urlsplit(self.ws_url).hostname or ""
        if is_loopback(own):
            return parts.hostname == own
        return parts.scheme == "https" and _PICTURE_HOST.fullmatch(parts.netloc) is not None

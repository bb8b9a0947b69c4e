"""Settings of a WeCom AI bot."""

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    field_validator,
)

from common.hosts import is_loopback

WS_URL = "wss://openws.work.weixin.qq.com"


def _websocket(url: str) -> str:
    """The secret travels over this connection: in clear it must not leave the machine."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        host = ""
    if not host or parts.scheme not in ("ws", "wss"):
        raise ValueError(f"must be a WebSocket's address, such as {WS_URL}")
    if parts.scheme == "ws" and not is_loopback(host):
        raise ValueError("must begin with wss://, since the secret is sent over it")
    return url


class Settings(BaseModel):
    """Settings of one AI bot; BotID and Secret are those of its long connection."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    kind: Literal["wecom"]
    name: str = Field(default="wecom", pattern=r"^[A-Za-z0-9_-]{1,32}$")
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

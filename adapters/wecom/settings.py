"""Settings of a WeCom AI bot."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr, StringConstraints, field_validator

from adapters.settings import AdapterSettings, Name, secure_address

WS_URL = "wss://openws.work.weixin.qq.com"


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

"""What can be set for a Lark bot."""

from typing import Literal

from pydantic import Field, SecretStr, ValidationInfo, field_validator

from adapters.settings import AdapterSettings, Name, secure_address

DOMAINS = {"feishu": "https://open.feishu.cn", "lark": "https://open.larksuite.com"}
"""The platform in China and abroad: two sites with accounts and apps of their own."""


class Settings(AdapterSettings):
    """Settings of one app (bot) on Lark."""

    kind: Literal["lark"]
    name: Name = "lark"
    app_id: str = Field(pattern=r"^[A-Za-z0-9_-]{1,100}$")
    app_secret: SecretStr = Field(min_length=1, max_length=500)
    domain: str = Field(default=DOMAINS["feishu"], max_length=300)
    mode: Literal["stream", "callback"] = "stream"
    # Judged after `mode`. Text, because a default that is validated goes through the same strict
    # check as the file's.
    encrypt_key: SecretStr = Field(default="", max_length=500, validate_default=True)
    verification_token: SecretStr = Field(default="", max_length=500, validate_default=True)
    poll_history_s: float = Field(default=0, ge=0, le=3600)
    recover: bool = True
    streaming: bool = False
    thinking_reaction: str = Field(default="", pattern=r"^[A-Za-z0-9_]{0,64}$")
    buttons: bool = True

    @field_validator("domain")
    @classmethod
    def _origin(cls, text: str) -> str:
        origin = DOMAINS.get(text.lower(), text.rstrip("/"))
        parts = secure_address(origin, "https", "https://open.feishu.cn, or feishu or lark")
        if parts.path or parts.query or parts.fragment:
            raise ValueError("must be an address without a path, such as https://open.feishu.cn")
        return origin

    @field_validator("encrypt_key", "verification_token")
    @classmethod
    def _given_for_callbacks(cls, secret: SecretStr, info: ValidationInfo) -> SecretStr:
        if info.data.get("mode") == "callback" and not secret.get_secret_value():
            raise ValueError(
                "must be given with mode: callback; it stands in the developer console under "
                "Events and callbacks > Encryption strategy"
            )
        return secret

    @field_validator("poll_history_s")
    @classmethod
    def _not_too_often(cls, seconds: float) -> float:
        if 0 < seconds < 2:
            raise ValueError("must be 0 (off) or at least 2 seconds")
        return seconds

"""Settings of a one-way webhook."""

import re
from typing import Any, Literal, TypeAlias
from urllib.parse import parse_qs

from pydantic import Field, SecretStr, ValidationInfo, field_validator

from adapters.settings import AdapterSettings, Name, secure_address
from common.hosts import is_loopback

Platform: TypeAlias = Literal["lark", "dingtalk", "wecom"]

HOSTS: dict[Platform, tuple[str, ...]] = {
    "lark": ("open.feishu.cn", "open.larksuite.com"),
    "dingtalk": ("oapi.dingtalk.com",),
    "wecom": ("qyapi.weixin.qq.com",),
}
EXAMPLES: dict[Platform, str] = {
    "lark": "https://open.feishu.cn/open-apis/bot/v2/hook/…",
    "dingtalk": "https://oapi.dingtalk.com/robot/send?access_token=…",
    "wecom": "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=…",
}
_PLACES: dict[Platform, tuple[str, set[str]]] = {
    "lark": (r"/open-apis/bot/v2/hook/[\w-]+/?", set()),
    "dingtalk": (r"/robot/send", {"access_token"}),
    "wecom": (r"/cgi-bin/webhook/send", {"key"}),
}
"""Path, and what must be asked for there."""
_GROUP = re.compile(r"[A-Za-z0-9_-]{1,32}:\S(?:.*\S)?")


class Settings(AdapterSettings):
    """Settings of one webhook. `groups` is the key `from`: whose answers are posted here too."""

    kind: Literal["webhook"]
    name: Name = "webhook"
    platform: Platform
    url: SecretStr
    secret: SecretStr = SecretStr("")
    groups: tuple[str, ...] = Field(default=(), alias="from")

    @field_validator("url")
    @classmethod
    def _of_the_platform(cls, url: SecretStr, info: ValidationInfo) -> SecretStr:
        platform: Platform | None = info.data.get("platform")
        address = url.get_secret_value().strip()
        if platform and not _fits(address, platform):
            # The address is a credential: it is not repeated.
            raise ValueError(f"must be the webhook's whole address, like {EXAMPLES[platform]}")
        return SecretStr(address)

    @field_validator("secret")
    @classmethod
    def _where_there_is_one(cls, secret: SecretStr, info: ValidationInfo) -> SecretStr:
        bare = secret.get_secret_value().strip()
        if bare and info.data.get("platform") == "wecom":
            raise ValueError("must stay empty: WeCom's webhooks know no secret but their address")
        return SecretStr(bare)

    @field_validator("groups", mode="before")
    @classmethod
    def _one_or_several(cls, groups: Any) -> Any:
        if isinstance(groups, str):
            return (groups,)
        return tuple(groups) if isinstance(groups, list) else groups

    @field_validator("groups")
    @classmethod
    def _adapter_and_group(cls, groups: tuple[str, ...]) -> tuple[str, ...]:
        for group in groups:
            if not _GROUP.fullmatch(group):
                raise ValueError("must be an adapter's name and a group of it, such as web:lobby")
        return groups


def _fits(address: str, platform: Platform) -> bool:
    try:
        parts = secure_address(address, "https", EXAMPLES[platform])
        port = parts.port
    except ValueError:
        return False
    path, needed = _PLACES[platform]
    if not re.fullmatch(path, parts.path) or not needed <= parse_qs(parts.query).keys():
        return False
    host = parts.hostname or ""
    return is_loopback(host) or (host in HOSTS[platform] and port in (None, 443))

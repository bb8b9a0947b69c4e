"""The settings of a DingTalk bot, and what follows from them."""

import re
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from adapters.settings import AdapterSettings, Name, secure_address
from common.hosts import is_loopback

ENDPOINT = "https://api.dingtalk.com"
WEBHOOK_HOST = "oapi.dingtalk.com"
_PICTURE_HOST = re.compile(
    r"(?:[a-z0-9-]+\.)*dingtalk\.com|wukong-file-im-[a-z0-9]+\.oss-[a-z0-9-]+\.aliyuncs\.com"
)
"""Its own hosts, and its buckets of object storage, as its API names them."""


class Settings(AdapterSettings):
    """One app of DingTalk's developer console with the robot capability in stream mode. With
    `one_connection` one of several receivers connects; what DingTalk does with more is not
    documented alike everywhere."""

    kind: Literal["dingtalk"]
    name: Name = "dingtalk"
    client_id: str = Field(min_length=1)
    client_secret: SecretStr = Field(min_length=1)
    robot_code: str = ""
    openapi_endpoint: str = ENDPOINT
    recallable: bool = False
    mention_asker: bool = True
    card_template_id: str = ""
    streaming: bool = False
    one_connection: bool = True

    @field_validator("openapi_endpoint")
    @classmethod
    def _secure(cls, url: str) -> str:
        secure_address(url, "https", ENDPOINT)
        return url.rstrip("/")

    @model_validator(mode="after")
    def _check_streaming(self) -> Self:
        if self.streaming and not self.card_template_id:
            raise ValueError("streaming needs card_template_id: only cards can grow")
        return self

    @property
    def robot(self) -> str:
        """The robot's code; for an internal app it is the client id."""
        return self.robot_code or self.client_id

    @property
    def is_test(self) -> bool:
        """Does the API stay on this machine?"""
        return is_loopback(urlsplit(self.openapi_endpoint).hostname or "")

    def trusts_webhook(self, url: str) -> bool:
        """Is this where DingTalk's session webhooks point to? An answer goes nowhere else."""
        try:
            parts = urlsplit(url)
        except ValueError:
            return False
        if self.is_test:
            return parts.hostname == urlsplit(self.openapi_endpoint).hostname
        return parts.scheme == "https" and parts.netloc == WEBHOOK_HOST

    def picture_address(self, url: str) -> str:
        """Where a picture is fetched from: by TLS, whatever DingTalk wrote; "" for a place that is
        not DingTalk's own."""
        try:
            parts = urlsplit(url)
        except ValueError:
            return ""
        if self.is_test:
            return url if parts.hostname == urlsplit(self.openapi_endpoint).hostname else ""
        own = parts.scheme in ("http", "https") and _PICTURE_HOST.fullmatch(parts.netloc)
        return parts._replace(scheme="https").geturl() if own else ""

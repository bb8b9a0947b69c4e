"""The settings of a DingTalk bot, and what follows from them."""

from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from adapters.settings import AdapterSettings, Name, secure_address
from common.hosts import is_loopback

ENDPOINT = "https://api.dingtalk.com"
WEBHOOK_HOST = "oapi.dingtalk.com"


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

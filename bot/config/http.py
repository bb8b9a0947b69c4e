"""Where the page and the API are served, and who may use them."""

import ipaddress
import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr, field_validator
from pydantic import ValidationInfo as Info

from common.hosts import is_loopback
from common.settings import HeaderSecret, Section

LOGIN_NAME = r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}"
MIN_TOKEN = 16
"""Characters of a person's token: a shorter one can be guessed."""


def login_name(name: str) -> str:
    """The name of a login, as it is. Raises ValueError."""
    if not re.fullmatch(LOGIN_NAME, name):
        raise ValueError("must be 1 to 64 characters of A-Z a-z 0-9 . _ @ -, such as alice")
    return name


def _password_hash(secret: SecretStr) -> SecretStr:
    if not re.fullmatch(r"(\$argon2id\$[!-~]+)?", secret.get_secret_value()):
        raise ValueError(
            "must begin with $argon2id$; make it with: run_bot.py user add NAME --print"
        )
    return secret


def _long_token(secret: HeaderSecret) -> HeaderSecret:
    if 0 < len(secret.get_secret_value()) < MIN_TOKEN:
        raise ValueError(f"must have at least {MIN_TOKEN} characters; openssl rand -hex 24 is good")
    return secret


def _ip_address(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text)) if text else ""
    except ValueError:
        raise ValueError("must be the proxy's IP address, such as 127.0.0.1") from None


class UserSettings(Section):
    """Somebody with a login: by password, by bearer token, or as the proxy names him."""

    name: Annotated[str, AfterValidator(login_name)]
    role: Literal["viewer", "labeller", "admin"]
    password_hash: Annotated[SecretStr, AfterValidator(_password_hash)] = SecretStr("")
    token: Annotated[HeaderSecret, AfterValidator(_long_token)] = SecretStr("")


class ProxySettings(Section):
    """A reverse proxy that is believed: who its clients are, and with `user_header` who logged in
    there. Only what comes from `address` counts as the proxy's."""

    address: Annotated[str, AfterValidator(_ip_address)] = ""
    # Judged after the address: without one, anybody could send the header.
    user_header: str = Field(default="", pattern=r"^[A-Za-z0-9-]{0,64}$", validate_default=True)

    @field_validator("user_header")
    @classmethod
    def _pinned(cls, header: str, info: Info) -> str:
        if header and not info.data.get("address"):
            raise ValueError(
                "anybody could send this header; write `http.proxy.address` too, such as 127.0.0.1"
            )
        return header


class HttpSettings(Section):
    """Where the page and the API are served; without a token and users all may use them, which is
    for this machine only."""

    token: HeaderSecret = SecretStr("")
    users: tuple[UserSettings, ...] = Field(default=(), max_length=1000)
    proxy: ProxySettings = ProxySettings()
    port: int = Field(default=8765, ge=0, le=65535)
    # Judged after the logins: an address that others can reach demands one.
    host: str = Field(
        default="127.0.0.1", pattern=r"^[A-Za-z0-9._:%-]{1,253}$", validate_default=True
    )

    @field_validator("users")
    @classmethod
    def _differ(cls, users: tuple[UserSettings, ...]) -> tuple[UserSettings, ...]:
        names = [user.name for user in users]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"{name} is there twice; write another name")
        return users

    @field_validator("host")
    @classmethod
    def _guarded(cls, host: str, info: Info) -> str:
        token: SecretStr | None = info.data.get("token")
        has_login = token is None or token.get_secret_value() or info.data.get("users", True)
        if not has_login and not is_loopback(host):
            raise ValueError(
                f"{host} can be reached from other machines, which demands `http.token` or "
                "`http.users`; write token: ${HTTP_TOKEN}, or host: 127.0.0.1"
            )
        return host

"""The web search's part of the configuration."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr, field_validator
from pydantic import ValidationInfo as Info

from common.settings import HeaderSecret, Section, WebAddress
from knowledge.web.hosts import canonical_host

SERPER = "https://google.serper.dev/search"

_PLACE = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\[\]:/@\s]+):(\d{1,5})")


def _domain(text: str) -> str:
    host = canonical_host(text.strip(".")) if re.fullmatch(r"[^\s/:@*?#\[\]]+", text) else ""
    if not host:
        raise ValueError(
            "must be a domain such as pytorch.org, which stands for docs.pytorch.org too"
        )
    return host


def _place(text: str) -> str:
    match = _PLACE.fullmatch(text)
    host = canonical_host(match[1].strip("[]")) if match else ""
    if not match or not host or not 0 < int(match[2]) < 65536:
        raise ValueError("must be a host and a port, such as wiki.intranet:443 or 10.0.0.7:8080")
    return f"{host}:{int(match[2])}"


Domain = Annotated[str, Field(max_length=253), AfterValidator(_domain)]
Place = Annotated[str, Field(max_length=300), AfterValidator(_place)]


class WebSettings(Section):
    """Search on the web; off without an engine. `cache_ttl` is in seconds, 0 keeps nothing.

    `allow` lists "host:port" that may be visited although private or on an unusual port;
    `contact` is what the owners of visited pages are told.
    """

    engine: Literal["none", "serper", "ddgs"] = "none"
    # Text, because a default that is validated goes through the same strict check as the file's.
    api_key: HeaderSecret = Field(default="", validate_default=True)
    endpoint: WebAddress = Field(default=SERPER, min_length=1)
    preferred_domains: tuple[Domain, ...] = Field(default=(), max_length=200)
    blocked_domains: tuple[Domain, ...] = Field(default=(), max_length=2000)
    max_articles: int = Field(default=3, ge=1, le=10)
    cache_ttl: float = Field(default=86400, ge=0, le=30 * 86400)
    allow: tuple[Place, ...] = Field(default=(), max_length=200)
    contact: str = Field(default="", max_length=200)

    @field_validator("api_key")
    @classmethod
    def _serper_needs_it(cls, key: SecretStr, info: Info) -> SecretStr:
        if info.data.get("engine") == "serper" and not key.get_secret_value():
            raise ValueError("must be set for the engine serper, such as ${SERPER_API_KEY}")
        return key

    @field_validator("contact")
    @classmethod
    def _fits_a_header(cls, contact: str) -> str:
        if not re.fullmatch(r"[ !'*-\[\]-~]*", contact):
            raise ValueError(
                "must be an address such as bot@example.org or https://example.org/bot, in ASCII"
            )
        return contact

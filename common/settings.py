"""What the sections of the configuration share, whichever part they belong to."""

import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr


class Section(BaseModel):
    """Frozen values that are checked on construction; unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


def _web_address(text: str) -> str:
    if not text:
        return text
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.netloc or re.search(r"\s", text):
        raise ValueError("must be an address that starts with http:// or https://")
    return text


def _header(secret: SecretStr) -> SecretStr:
    if not re.fullmatch(r"[!-~]*", secret.get_secret_value()):
        raise ValueError("must be letters, digits and signs of ASCII, without spaces")
    return secret


WebAddress = Annotated[str, Field(max_length=2000), AfterValidator(_web_address)]
HeaderSecret = Annotated[SecretStr, Field(max_length=500), AfterValidator(_header)]
"""A secret that travels in a header."""

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


def _cron(line: str) -> str:
    from apscheduler.triggers.cron import CronTrigger  # 0.1 s that `ask` and others need not wait

    try:
        if line:
            CronTrigger.from_crontab(line, timezone="UTC")
    except ValueError:
        raise ValueError(
            "must be a cron line (minute hour day month weekday), such as "
            '"17 4 * * *", or "" for never'
        ) from None
    return line


WebAddress = Annotated[str, Field(max_length=2000), AfterValidator(_web_address)]
HeaderSecret = Annotated[SecretStr, Field(max_length=500), AfterValidator(_header)]
"""A secret that travels in a header."""
Cron = Annotated[str, Field(max_length=100), AfterValidator(_cron)]
"""A cron line, or "" for never."""

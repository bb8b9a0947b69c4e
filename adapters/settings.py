"""What the settings of all adapters have in common."""

from typing import Annotated, TypeAlias
from urllib.parse import SplitResult, urlsplit

from pydantic import BaseModel, ConfigDict, Field

from common.hosts import is_loopback

Name: TypeAlias = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,32}$")]
"""What the adapter is called, in the bot's config and in its groups' names."""


class AdapterSettings(BaseModel):
    """Settings of one bot on a platform; `kind` names the platform, `name` the bot there."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, allow_inf_nan=False
    )

    kind: str
    name: Name


def secure_address(url: str, scheme: str, example: str) -> SplitResult:
    """The parts of an address over which secrets travel: in clear text only on this machine.
    Raises ValueError."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        host = ""
    if not host or parts.username is not None or parts.scheme not in (scheme, scheme[:-1]):
        raise ValueError(f"must be an address such as {example}")
    if parts.scheme != scheme and not is_loopback(host):
        raise ValueError(f"must begin with {scheme}://, since secrets travel there")
    return parts

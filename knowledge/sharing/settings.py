"""Where the scheduler hands the index to the workers, as it is configured."""

import re
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field, SecretStr, field_validator
from pydantic import ValidationInfo as Info

from common.settings import HeaderSecret, Section, WebAddress

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_PREFIX = re.compile(r"[\w!*'().-]+(/[\w!*'().-]+)*", re.ASCII)


@dataclass(frozen=True, slots=True)
class S3Place:
    """A bucket, and what the names in it begin with; "" for nothing."""

    bucket: str
    prefix: str

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}".rstrip("/")


def parse_share(text: str) -> Path | S3Place:
    """A folder, or a bucket of S3. Raises ValueError."""
    if not text.startswith("s3:"):
        return Path(text)
    bucket, _, prefix = text.removeprefix("s3://").rstrip("/").partition("/")
    if not _BUCKET.fullmatch(bucket) or (prefix and not _PREFIX.fullmatch(prefix)):
        raise ValueError(
            "must be s3://bucket or s3://bucket/prefix, in small letters, digits and - for the "
            "bucket; the address of the server goes into `s3.endpoint`"
        )
    return S3Place(bucket, prefix)


class S3Settings(Section):
    """How a bucket is reached. Without `endpoint` it is Amazon's; without keys those that the
    environment or the machine's role gives. With `virtual_host` the bucket's name stands in the
    host's. A request that brings nothing for `timeout_s` is tried again, for as long."""

    endpoint: WebAddress = ""
    region: str = Field(default="us-east-1", pattern=r"^[A-Za-z0-9-]{1,64}$")
    access_key_id: HeaderSecret = SecretStr("")
    secret_access_key: HeaderSecret = Field(default=SecretStr(""), validate_default=True)
    virtual_host: bool = False
    timeout_s: float = Field(default=20, ge=1, le=600)

    @field_validator("secret_access_key")
    @classmethod
    def _both_or_none(cls, secret: SecretStr, info: Info) -> SecretStr:
        key = info.data.get("access_key_id")
        if key is not None and bool(key.get_secret_value()) != bool(secret.get_secret_value()):
            raise ValueError("write both `access_key_id` and `secret_access_key`, or neither")
        return secret

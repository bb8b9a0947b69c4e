"""A bucket of S3, or of what speaks its protocol, as the place where snapshots are published. Needs
the extra `s3`.

Each request is signed together with the hash of what it brings; what a server refuses for the
moment is asked again, what breaks off is taken up where it broke. Files of more than some megabytes
go up in parts, and are there once the last one is.
"""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from knowledge.sharing.places import Stored
from knowledge.sharing.settings import S3Place, S3Settings
from knowledge.types import KnowledgeError

if TYPE_CHECKING:
    from obstore.store import S3Config, S3Store

RETRIES = 5
LONGEST_PAUSE_S = 5
LONGEST_FILE = timedelta(hours=1)
PIECE = 1 << 20
"""Bytes that are written at a time."""

_WORDS = {
    "NoSuchBucket": "there is no such bucket; create it first",
    "NoSuchKey": "it is not there",
    "AccessDenied": "not allowed; the key must list the bucket, and get, put and delete below the "
    "prefix",
    "InvalidAccessKeyId": "the server does not know knowledge.s3.access_key_id",
    "SignatureDoesNotMatch": "knowledge.s3.secret_access_key is wrong",
    "ExpiredToken": "the credentials have expired",
    "RequestTimeTooSkewed": "the clock of this machine is wrong; set it (NTP)",
    "AuthorizationHeaderMalformed": "the bucket is in another region; set knowledge.s3.region",
    "PermanentRedirect": "the bucket is in another region; set knowledge.s3.region",
    "SecondLevelDomainForbidden": "the server wants knowledge.s3.virtual_host: true",
    "SlowDown": "the server is too busy",
}
_SEEN = (
    ("redirect without LOCATION", _WORDS["PermanentRedirect"]),
    (
        "kind: (Connect|Timeout|Request)|IMDS|metadata endpoint|credentials",
        "it can't be reached; are knowledge.s3.endpoint and the keys right?",
    ),
)
"""What a server says by its code, and what is seen without one."""


class Bucket:
    """See `Share`. Made by `open_bucket`."""

    def __init__(self, place: S3Place, store: "S3Store") -> None:
        self._place, self._store = place, store

    def put(self, name: str, file: Path) -> None:
        """See `Share`."""
        import obstore

        with self._explained(name):
            obstore.put(self._store, name, file)

    def get(self, name: str, file: Path) -> None:
        """See `Share`."""
        import obstore

        with self._explained(name), file.open("wb") as written:
            for piece in obstore.get(self._store, name).stream(min_chunk_size=PIECE):
                written.write(piece)

    def names(self, below: str) -> Iterator[Stored]:
        """See `Share`."""
        import obstore

        with self._explained(below):
            for page in obstore.list(self._store, below):
                for one in page:
                    age = time.time() - one["last_modified"].timestamp()
                    yield Stored(one["path"], one["size"], age)

    def remove(self, name: str) -> None:
        """See `Share`."""
        import obstore

        with self._explained(name):
            obstore.delete(self._store, name)

    @contextmanager
    def _explained(self, name: str) -> Iterator[None]:
        """What a server says becomes an OSError that can be read and shown: it repeats the key, the
        signature and more."""
        from obstore.exceptions import BaseError

        try:
            yield
        except FileNotFoundError as error:
            if "<Code>NoSuchBucket<" not in str(error):
                raise FileNotFoundError(f"{self._place}: {name} is not there") from None
            raise OSError(f"{self._place}: {_WORDS['NoSuchBucket']}") from None
        except BaseError as error:
            raise OSError(f"{self._place}: {_said(str(error))}") from None


def _said(text: str) -> str:
    found = re.search(r"<Code>(\w+)</Code>", text)
    if found:
        return f"{_WORDS.get(found[1], 'the server refused')} ({found[1]})"
    seen = (words for pattern, words in _SEEN if re.search(pattern, text))
    status = re.search(r"\bstatus: (\d{3})\b", text)
    answered = f"the server answered with status {status[1]}" if status else "it failed"
    return next(seen, answered)


def open_bucket(place: S3Place, settings: S3Settings) -> Bucket:
    """Nothing is asked of the server yet. Raises KnowledgeError without the extra."""
    try:
        from obstore.store import S3Store
    except ImportError as error:
        raise KnowledgeError(
            f"knowledge.share in S3 needs obstore ({error.name}); install it with: "
            "deploy/install.sh .venv/bin/python requirements-s3.lock"
        ) from error
    patience = timedelta(seconds=settings.timeout_s)
    store = S3Store(
        place.bucket,
        prefix=place.prefix or None,
        config={
            "region": settings.region,
            "virtual_hosted_style_request": settings.virtual_host,
            "disable_bulk_delete": True,  # Alibaba's OSS has no such thing
            **({"endpoint": endpoint} if (endpoint := _endpoint(place, settings)) else {}),
            **_keys(settings),
        },
        client_options={
            "allow_http": settings.endpoint.startswith("http://"),
            "connect_timeout": patience,
            "read_timeout": patience,
            "timeout": LONGEST_FILE,  # however large a file is, as long as something comes
        },
        retry_config={
            "max_retries": RETRIES,
            "retry_timeout": patience,
            "backoff": {"max_backoff": timedelta(seconds=LONGEST_PAUSE_S)},
        },
    )
    return Bucket(place, store)


def _endpoint(place: S3Place, settings: S3Settings) -> str:
    """With a virtual host the bucket's name stands before the server's."""
    if not (settings.endpoint and settings.virtual_host):
        return settings.endpoint
    scheme, _, rest = settings.endpoint.partition("://")
    return f"{scheme}://{place.bucket}.{rest}"


def _keys(settings: S3Settings) -> "S3Config":
    if not (key := settings.access_key_id.get_secret_value()):
        return {}
    return {
        "access_key_id": key,
        "secret_access_key": settings.secret_access_key.get_secret_value(),
    }

"""Where a store is, by its URL."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

FILE = "bot.sqlite"
"""The store in the data folder."""

FORMS = "must be sqlite:///path/of/a/file or postgresql://user:password@host:5432/database"


@dataclass(frozen=True, slots=True)
class PostgresUrl:
    """A database of PostgreSQL. The whole is for the connection alone: it may hold a password."""

    whole: str = field(repr=False)

    def __str__(self) -> str:
        """What people may read: who, where and which, nothing secret."""
        parts = urlsplit(self.whole)
        user, _, hosts = parts.netloc.rpartition("@")
        user = user.partition(":")[0]
        found = re.search(r"(?:^|&)host=([^&]*)", parts.query)
        hosts = hosts or (unquote(found[1]) if found else "localhost")
        return f"postgresql://{f'{user}@' if user else ''}{hosts}{parts.path}"


def parse_place(url: str) -> Path | PostgresUrl:
    """The file or the database of a URL. Raises ValueError, which says nothing of what stood in
    it."""
    scheme, found, rest = url.partition("://")
    if scheme == "sqlite" and found and rest.startswith("/") and len(rest) > 1:
        return Path(unquote(rest[1:]))
    if scheme in ("postgresql", "postgres") and found:
        try:
            database = urlsplit(url).path
        except ValueError:
            raise ValueError(FORMS) from None
        if len(database) > 1:
            return PostgresUrl(url)
    raise ValueError(FORMS)

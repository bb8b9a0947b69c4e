"""What is published in the share, by what it is: its version, which names its files. Each function
works within one transaction."""

from collections.abc import Mapping

from bot.store.database import Connection, locking, notify, server_now

PUBLISHED = "published"
"""What is told to those who listen: the name of what has a new version."""


def publish(db: Connection, versions: Mapping[str, str], hold: str, holder: str) -> bool:
    """These versions, by name, are those that count from now on; False where their holder has not
    the hold any more. What is small is a version itself."""
    held = "SELECT 1 FROM holds WHERE name = ? AND holder = ? AND leased_until > ?"
    if not db.execute(locking(db, held, "SHARE"), (hold, holder, server_now(db))).fetchone():
        return False
    for name, version in versions.items():
        keep(db, name, version)
    return True


def keep(db: Connection, name: str, version: str) -> None:
    """This version counts from now on, whoever says so."""
    db.execute(
        "INSERT INTO published (name, version, at) VALUES (?, ?, ?) ON CONFLICT (name)"
        " DO UPDATE SET version = excluded.version, at = excluded.at",
        (name, version, server_now(db)),
    )
    notify(db, PUBLISHED, name)


def published(db: Connection, *names: str) -> list[str]:
    """The versions that count, as of one moment; "" where there is none yet."""
    rows = db.execute("SELECT name, version FROM published").fetchall()
    found = {row["name"]: str(row["version"]) for row in rows}
    return [found.get(name, "") for name in names]

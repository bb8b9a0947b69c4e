"""What is published in the share, by what it is: its version, which names its files. Each function
works within one transaction."""

from bot.store.database import Connection, locking, notify, server_now

PUBLISHED = "published"
"""What is told to those who listen: the name of what has a new version."""


def publish(db: Connection, name: str, version: str, hold: str, holder: str) -> bool:
    """A version is the one that counts from now on; False where its holder has not the hold any
    more."""
    held = "SELECT 1 FROM holds WHERE name = ? AND holder = ? AND leased_until > ?"
    if not db.execute(locking(db, held, "SHARE"), (hold, holder, server_now(db))).fetchone():
        return False
    db.execute(
        "INSERT INTO published (name, version, at) VALUES (?, ?, ?) ON CONFLICT (name)"
        " DO UPDATE SET version = excluded.version, at = excluded.at",
        (name, version, server_now(db)),
    )
    notify(db, PUBLISHED, name)
    return True


def published(db: Connection, name: str) -> str:
    """The version that counts; "" where there is none yet."""
    row = db.execute("SELECT version FROM published WHERE name = ?", (name,)).fetchone()
    return str(row["version"]) if row else ""

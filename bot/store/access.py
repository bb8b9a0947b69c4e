"""Who is logged in on the page, and what admins did. Each function works within one transaction.

`digest` is of what a browser keeps as its session, times are in seconds since the epoch.
"""

from dataclasses import dataclass

from bot.store.database import HIGHEST, Connection

MAX_AUDITED = 2000
"""Characters of each text: enough to see what it was."""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """Somebody did something to `target`, which was `before` and is `after`, None where there is
    nothing to say. `at` is in seconds since the epoch; `who` is the name of a login, or
    "adapter:user" of who sent a command."""

    id: int
    at: float
    who: str
    action: str
    target: str
    before: str | None
    after: str | None


def add_audit(
    db: Connection,
    *,
    at: float,
    who: str,
    action: str,
    target: str,
    before: str | None = None,
    after: str | None = None,
) -> None:
    """Keeps what was done, of each text the first `MAX_AUDITED` characters."""
    texts = (text and text[:MAX_AUDITED] for text in (target, before, after))
    db.execute(
        "INSERT INTO audit (at, who, action, target, before, after) VALUES (?, ?, ?, ?, ?, ?)",
        (at, who, action, *texts),
    )


def audit_page(db: Connection, before_id: int | None, limit: int) -> list[AuditEntry]:
    """The newest entries, or the newest of those before an id; the newest first."""
    rows = db.execute(
        """
        SELECT id, at, who, action, target, before, after FROM audit
        WHERE id < ? ORDER BY id DESC LIMIT ?
        """,
        (HIGHEST if before_id is None else before_id, limit),
    )
    return [AuditEntry(**dict(row)) for row in rows]


def add_session(
    db: Connection, *, digest: str, user: str, proof: str, ends: float, now: float
) -> None:
    """A session began; those that ended are thrown away."""
    db.execute("DELETE FROM sessions WHERE ends <= ?", (now,))
    db.execute("INSERT INTO sessions VALUES (?, ?, ?, ?)", (digest, user, proof, ends))


def session(db: Connection, digest: str, now: float) -> tuple[str, str] | None:
    """The user of a session and the proof that it began with; None where it ended."""
    row = db.execute(
        'SELECT "user", proof FROM sessions WHERE hash = ? AND ends > ?', (digest, now)
    ).fetchone()
    return (row["user"], row["proof"]) if row else None


def end_session(db: Connection, digest: str) -> None:
    """Somebody logged out."""
    db.execute("DELETE FROM sessions WHERE hash = ?", (digest,))

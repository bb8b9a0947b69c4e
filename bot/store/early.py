"""What people said of a reply before its platform told us which id it has. Each function works
within one transaction."""

from dataclasses import dataclass

from adapters.base import Feedback, RecallAsked, Vote
from bot.store.database import Connection
from bot.store.incoming import in_group
from bot.types import Group


@dataclass(frozen=True, slots=True)
class Early:
    """A vote or a wish to withdraw that waits for its reply."""

    id: int
    event: Feedback | RecallAsked


def add_early(db: Connection, event: Feedback | RecallAsked) -> Early:
    """Keeps it: the bot may end before the id is known."""
    vote, at = (event.vote, event.at) if isinstance(event, Feedback) else (None, 0.0)
    row = db.execute(
        'INSERT INTO early (adapter, grp, reply_id, "user", vote, at) VALUES (?, ?, ?, ?, ?, ?)'
        " RETURNING id",
        (event.adapter, event.group, event.reply_id, event.user, vote, at),
    ).fetchone()
    return Early(row["id"], event)


def early_events(db: Connection, group: Group | None = None) -> list[Early]:
    """All that waits, or what waits in one group, in the order in which it came."""
    query, found = "SELECT * FROM early WHERE id > 0", []
    for row in db.execute(query + in_group(group) + " ORDER BY id", group or ()):
        where = (row["adapter"], row["grp"], row["reply_id"], row["user"])
        wish = RecallAsked(*where)
        event = wish if row["vote"] is None else Feedback(*where, Vote(row["vote"]), row["at"])
        found.append(Early(row["id"], event))
    return found


def drop_early(db: Connection, one: Early) -> None:
    """It found its reply, or there is none."""
    db.execute("DELETE FROM early WHERE id = ?", (one.id,))

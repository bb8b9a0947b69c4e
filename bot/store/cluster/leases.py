"""Who has which lane, and who holds what only one process may have.

A lease ends by the database's clock. Each new holder gets a higher token, and whoever writes for a
lane proves in the same transaction that its token is still the last (see Martin Kleppmann, "How to
do distributed locking", 2016): a process that slept past its lease writes nothing. Each function
works within one transaction.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from bot.store.engines.base import Connection, Differs, locking, server_now
from bot.types import Group

SEEN = 2000
"""So many of the oldest events a look sees: it costs the same however many wait."""

SETTLED_S = 30.0
"""What has been unfinished for so long is nobody's, where its lane is free."""


_FREE = (
    " AS g WHERE NOT EXISTS (SELECT 1 FROM lanes l WHERE l.adapter = g.adapter"
    " AND l.grp = g.grp AND l.leased_until > ?) LIMIT ?"
)
_BEYOND = Differs(
    sqlite="SELECT adapter, grp FROM (SELECT DISTINCT adapter, grp FROM events)" + _FREE,  # noqa: S608 - ours
    postgresql="WITH RECURSIVE found (adapter, grp) AS ("  # noqa: S608 - all of it is ours
    "(SELECT adapter, grp FROM events ORDER BY adapter, grp LIMIT 1) UNION ALL"
    " SELECT n.adapter, n.grp FROM found CROSS JOIN LATERAL (SELECT adapter, grp FROM events"
    " WHERE (adapter, grp) > (found.adapter, found.grp) ORDER BY adapter, grp LIMIT 1) AS n"
    ") SELECT adapter, grp FROM found" + _FREE,
)
"""Groups that nobody has, of all events. From each group PostgreSQL goes along the index to the
next ("loose index scan"): that costs as much as there are groups, not events."""


@dataclass(frozen=True, slots=True)
class Lane:
    """A group as somebody holds it; `token` counts its holders."""

    group: Group
    token: int


@dataclass(frozen=True, slots=True)
class Held:
    """What a holder says of a lane."""

    lane: Lane
    holder: str


@dataclass(frozen=True, slots=True)
class Look:
    """What a worker found: the lanes that it has from now on, and those of its groups of which
    something waits to be taken in. `more` is True where there may be more to claim at once."""

    claimed: list[Lane]
    waiting: list[Group]
    more: bool


def look(db: Connection, holder: str, lease_s: float, most: int, *, thorough: bool) -> Look:
    """Claims up to `most` lanes. All that are due are found by a `thorough` look, which costs more:
    now and then is enough, for what comes in is found by every look."""
    claimed = claim(db, holder, lease_s, most, thorough=thorough) if most > 0 else []
    return Look(claimed, waiting(db, holder), more=bool(claimed) and len(claimed) == most)


def busy_lanes(db: Connection) -> int:
    """How many lanes have a holder or work, as far as one sees: what there is to share."""
    now = server_now(db)
    counted = (
        "SELECT COUNT(*) AS n FROM (SELECT adapter, grp FROM lanes WHERE leased_until > ?"
        " OR due_at <= ? UNION SELECT adapter, grp FROM"
        " (SELECT adapter, grp FROM events ORDER BY seq LIMIT ?) AS oldest) AS busy"
    )
    return int(db.execute(counted, (now, now, SEEN)).fetchone()["n"])


def claim(
    db: Connection, holder: str, lease_s: float, most: int, *, thorough: bool = True
) -> list[Lane]:
    """Takes up to `most` lanes that have work and no holder, those that have waited longest first.
    What the holder itself had and let expire it has to `renew`."""
    now, claimed = server_now(db), []
    for group in _free(db, now, most, thorough=thorough):
        db.execute(
            "INSERT INTO lanes (adapter, grp) VALUES (?, ?) ON CONFLICT (adapter, grp) DO NOTHING",
            group,
        )
        own = (
            "SELECT token FROM lanes WHERE adapter = ? AND grp = ? AND leased_until <= ?"
            " AND holder != ?"
        )
        query = locking(db, own, "UPDATE SKIP LOCKED")
        if row := db.execute(query, (*group, now, holder)).fetchone():
            db.execute(
                "UPDATE lanes SET holder = ?, token = token + 1, leased_until = ?, due_at = ?"
                " WHERE adapter = ? AND grp = ?",
                (holder, now + lease_s, now, *group),
            )
            claimed.append(Lane(group, row["token"] + 1))
    return claimed


def _free(db: Connection, now: float, most: int, *, thorough: bool) -> list[Group]:
    """Groups with work that nobody seems to have, in a fixed order, so that two who claim them at
    once don't wait for each other."""
    came_in = (
        "SELECT e.adapter, e.grp FROM"
        " (SELECT adapter, grp, seq FROM events ORDER BY seq LIMIT ?) AS e"
        " LEFT JOIN lanes l ON l.adapter = e.adapter AND l.grp = e.grp"
        " WHERE COALESCE(l.leased_until, 0) <= ? GROUP BY e.adapter, e.grp"
        " ORDER BY MIN(e.seq) LIMIT ?"
    )
    left = (
        "SELECT adapter, grp FROM lanes WHERE due_at IS NOT NULL AND due_at <= ?"
        " AND leased_until <= ? ORDER BY due_at, adapter, grp LIMIT ?"
    )
    rows = db.execute(left, (now, now, most)).fetchall() if thorough else []
    rows += db.execute(came_in, (SEEN, now, most)).fetchall()
    if thorough and not rows:  # all that is seen is of groups that somebody has
        beyond = _BEYOND.postgresql if db.dialect == "postgresql" else _BEYOND.sqlite
        rows = db.execute(beyond, (now, most)).fetchall()
    found = dict.fromkeys((row["adapter"], row["grp"]) for row in rows)
    return sorted(list(found)[:most])


def renew(db: Connection, holder: str, lease_s: float) -> list[Lane]:
    """Prolongs all lanes of a holder, and returns those that are still its own."""
    until = server_now(db) + lease_s
    rows = db.execute(
        "UPDATE lanes SET leased_until = ? WHERE holder = ? RETURNING adapter, grp, token",
        (until, holder),
    ).fetchall()
    return [Lane((row["adapter"], row["grp"]), row["token"]) for row in rows]


def proven(db: Connection, said: Collection[Held]) -> set[Held]:
    """Those of the lanes that are still their holder's, and can't be taken until this transaction
    ends; asked in one go, since each question costs a way to the server and back."""
    if not said:
        return set()
    columns = [[one.lane.group[0] for one in said], [one.lane.group[1] for one in said]]
    columns += [[one.holder for one in said]]
    tokens = [one.lane.token for one in said]
    if db.dialect == "sqlite":
        mine = "SELECT 1 FROM lanes WHERE adapter = ? AND grp = ? AND holder = ? AND token = ?"
        rows = zip(said, *columns, tokens, strict=True)
        return {one for one, *values in rows if db.execute(mine, values).fetchone()}
    found = db.execute(
        "SELECT lanes.adapter, lanes.grp, lanes.holder, lanes.token FROM lanes"
        " JOIN unnest(CAST(? AS text[]), CAST(? AS text[]), CAST(? AS text[]), CAST(? AS bigint[]))"
        " AS said (adapter, grp, holder, token) ON lanes.adapter = said.adapter"
        " AND lanes.grp = said.grp AND lanes.holder = said.holder AND lanes.token = said.token"
        " ORDER BY lanes.adapter, lanes.grp FOR SHARE OF lanes",
        (*columns, tokens),
    )
    return {Held(Lane((row["adapter"], row["grp"]), row["token"]), row["holder"]) for row in found}


def release(db: Connection, lane: Lane, holder: str, *, done: bool) -> None:
    """Gives a lane back; with work left in it, that is not `done`, it is due at once."""
    kept = "NULL" if done else "due_at"
    db.execute(
        f"UPDATE lanes SET holder = '', leased_until = 0, due_at = {kept}"  # noqa: S608 - ours
        " WHERE adapter = ? AND grp = ? AND holder = ? AND token = ?",
        (*lane.group, holder, lane.token),
    )


def find_left(db: Connection) -> int:
    """Lanes that nobody holds become due where something is unfinished in them: messages whose
    turn has come, replies that were never sent. How many."""
    now = server_now(db)
    found = db.execute(
        "SELECT DISTINCT adapter, grp FROM messages WHERE state = 'received' AND due_at <= ?"
        " UNION SELECT DISTINCT adapter, grp FROM replies WHERE state = 'pending'"
        " AND created_at <= ? ORDER BY adapter, grp",
        (now - SETTLED_S, now - SETTLED_S),
    ).fetchall()
    count = 0
    for row in found:
        count += db.execute(
            "INSERT INTO lanes (adapter, grp, due_at) VALUES (?, ?, ?) ON CONFLICT (adapter, grp)"
            " DO UPDATE SET due_at = excluded.due_at WHERE lanes.leased_until <= excluded.due_at"
            " AND lanes.due_at IS NULL",
            (row["adapter"], row["grp"], now),
        ).rowcount
    return count


def waiting(db: Connection, holder: str) -> list[Group]:
    """The groups of a holder of which something has come in that is not taken in yet. What waits
    for others, who may be away for long, is not looked through."""
    rows = db.execute(
        "SELECT adapter, grp FROM lanes WHERE holder = ? AND holder != '' AND EXISTS"
        " (SELECT 1 FROM events e WHERE e.adapter = lanes.adapter AND e.grp = lanes.grp)",
        (holder,),
    )
    return [(row["adapter"], row["grp"]) for row in rows]


def hold(db: Connection, names: Sequence[str], holder: str, lease_s: float) -> dict[str, int]:
    """Takes or keeps what only one process may have, as far as nobody else holds it; the tokens
    by name."""
    now, held = server_now(db), {}
    for name in sorted(names):
        db.execute("INSERT INTO holds (name) VALUES (?) ON CONFLICT (name) DO NOTHING", (name,))
        row = db.execute(
            "UPDATE holds SET token = CASE WHEN holder = ? THEN token ELSE token + 1 END,"
            " holder = ?, leased_until = ? WHERE name = ? AND (holder = ? OR leased_until <= ?)"
            " RETURNING token",
            (holder, holder, now + lease_s, name, holder, now),
        ).fetchone()
        if row:
            held[name] = int(row["token"])
    return held


def let_go(db: Connection, holder: str) -> None:
    """Gives back all that a process holds, lanes as well: somebody else has them at once."""
    db.execute("UPDATE holds SET holder = '', leased_until = 0 WHERE holder = ?", (holder,))
    db.execute("UPDATE lanes SET holder = '', leased_until = 0 WHERE holder = ?", (holder,))


def lease_ends(db: Connection) -> dict[str, float]:
    """For each holder the seconds until the first of its leases ends."""
    rows = db.execute(
        "SELECT holder, MIN(leased_until) AS ends FROM (SELECT holder, leased_until FROM lanes"
        " UNION ALL SELECT holder, leased_until FROM holds) AS leases"
        " WHERE holder != '' AND leased_until > 0 GROUP BY holder"
    ).fetchall()
    now = server_now(db)
    return {row["holder"]: row["ends"] - now for row in rows}

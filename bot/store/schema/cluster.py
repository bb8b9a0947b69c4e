"""The tables by which processes share the work: what has come in, who has which group, what is
asked of a platform, who is alive. One process with a store of its own leaves them empty."""

CLUSTER = (
    # A group's lane: whoever holds it decides the group's messages. `token` counts its holders; a
    # lane with `due_at` has work in it, though none of it may be in `events`.
    """
    CREATE TABLE lanes (
        adapter TEXT NOT NULL,
        grp TEXT NOT NULL,
        holder TEXT NOT NULL DEFAULT '',
        token INTEGER NOT NULL DEFAULT 0,
        leased_until REAL NOT NULL DEFAULT 0,
        due_at REAL,
        PRIMARY KEY (adapter, grp)
    ) WITHOUT ROWID
    """,
    "CREATE INDEX lanes_due ON lanes (due_at) WHERE due_at IS NOT NULL",
    "CREATE INDEX lanes_held ON lanes (holder) WHERE holder != ''",
    # What platforms sent and no lane has taken in yet.
    """
    CREATE TABLE events (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        adapter TEXT NOT NULL,
        grp TEXT NOT NULL,
        key TEXT NOT NULL,
        payload TEXT NOT NULL, -- JSON object
        at REAL NOT NULL,
        UNIQUE (adapter, key)
    )
    """,
    "CREATE INDEX events_by_lane ON events (adapter, grp, seq)",
    # What is asked of whoever holds a connection; of `token` see `holds`.
    """
    CREATE TABLE calls (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        key TEXT NOT NULL UNIQUE,
        target TEXT NOT NULL,
        method TEXT NOT NULL,
        payload TEXT NOT NULL, -- JSON object
        state TEXT NOT NULL DEFAULT 'new'
            CHECK (state IN ('new', 'started', 'done', 'failed')),
        token INTEGER NOT NULL DEFAULT 0,
        started_at REAL,
        result TEXT NOT NULL DEFAULT 'null', -- JSON
        at REAL NOT NULL
    )
    """,
    "CREATE INDEX calls_open ON calls (target, seq) WHERE state IN ('new', 'started')",
    "CREATE INDEX calls_by_age ON calls (at)",
    # What only one process may have: the connection of an adapter, the scheduler's work.
    """
    CREATE TABLE holds (
        name TEXT PRIMARY KEY,
        holder TEXT NOT NULL DEFAULT '',
        token INTEGER NOT NULL DEFAULT 0,
        leased_until REAL NOT NULL DEFAULT 0
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE processes (
        id TEXT PRIMARY KEY,
        role TEXT NOT NULL,
        host TEXT NOT NULL,
        pid INTEGER NOT NULL,
        version TEXT NOT NULL,
        since REAL NOT NULL,
        seen REAL NOT NULL,
        state TEXT NOT NULL -- JSON object
    ) WITHOUT ROWID
    """,
    # The name of what is published in the shared folder, by what it is.
    """
    CREATE TABLE published (
        name TEXT PRIMARY KEY,
        version TEXT NOT NULL,
        at REAL NOT NULL
    ) WITHOUT ROWID
    """,
)

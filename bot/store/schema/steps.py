"""What stands in the store: the steps of `migrations` but those of the console and of
processes that share the work.

`grp` is the group. `seq` counts messages and replies together, so that the history of a group has
one order.
"""

from bot.store.engines.base import Differs

FIRST = (
    "CREATE TABLE state (key TEXT PRIMARY KEY, value REAL NOT NULL) WITHOUT ROWID",
    # A row that each message counts up would let one transaction of PostgreSQL wait for the other.
    Differs(sqlite="INSERT INTO state VALUES ('seq', 0)", postgresql="CREATE SEQUENCE seq"),
    """
    CREATE TABLE decisions (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        adapter TEXT NOT NULL,
        grp TEXT NOT NULL,
        outcome TEXT NOT NULL CHECK (outcome IN ('answer', 'silence')),
        reason TEXT NOT NULL,
        trace TEXT NOT NULL, -- JSON list
        created_at REAL NOT NULL
    )
    """,
    """
    CREATE TABLE messages (
        seq INTEGER PRIMARY KEY,
        adapter TEXT NOT NULL,
        grp TEXT NOT NULL,
        "user" TEXT NOT NULL,
        message_id TEXT NOT NULL,
        text TEXT NOT NULL,
        sent_at REAL NOT NULL,
        received_at REAL NOT NULL,
        mention BOOLEAN NOT NULL,
        reply_to TEXT,
        attachments TEXT NOT NULL, -- JSON list
        recalled BOOLEAN NOT NULL DEFAULT FALSE,
        state TEXT NOT NULL DEFAULT 'received'
            CHECK (state IN ('received', 'deciding', 'answered', 'dismissed')),
        decision_id INTEGER REFERENCES decisions (id) ON DELETE CASCADE,
        UNIQUE (adapter, message_id),
        CHECK ((state = 'received') = (decision_id IS NULL))
    )
    """,
    """
    CREATE TABLE replies (
        seq INTEGER PRIMARY KEY,
        key TEXT NOT NULL UNIQUE,
        decision_id INTEGER REFERENCES decisions (id) ON DELETE CASCADE,
        adapter TEXT NOT NULL,
        grp TEXT NOT NULL,
        reply_to TEXT,
        kind TEXT NOT NULL,
        text TEXT NOT NULL,
        citations TEXT NOT NULL, -- JSON list of objects
        state TEXT NOT NULL DEFAULT 'pending'
            CHECK (state IN ('pending', 'sent', 'failed', 'recalled')),
        platform_id TEXT NOT NULL DEFAULT '',
        created_at REAL NOT NULL,
        settled_at REAL, -- when it was sent or given up
        unprompted BOOLEAN NOT NULL
    )
    """,
    """
    CREATE TABLE mutes (
        adapter TEXT NOT NULL,
        grp TEXT NOT NULL,
        until REAL NOT NULL,
        PRIMARY KEY (adapter, grp)
    ) WITHOUT ROWID
    """,
    "CREATE INDEX messages_by_group ON messages (adapter, grp, seq)",
    "CREATE INDEX messages_by_decision ON messages (decision_id)",
    "CREATE INDEX messages_undecided ON messages (received_at) WHERE state = 'received'",
    "CREATE INDEX messages_unfinished ON messages (state) WHERE state IN ('received', 'deciding')",
    "CREATE INDEX replies_by_group ON replies (adapter, grp, seq)",
    "CREATE INDEX replies_by_decision ON replies (decision_id)",
    "CREATE INDEX replies_by_platform_id ON replies (adapter, platform_id)",
    "CREATE INDEX replies_by_age ON replies (created_at)",
    "CREATE INDEX replies_pending ON replies (state) WHERE state = 'pending'",
    "CREATE INDEX decisions_by_group ON decisions (adapter, grp, id)",
    "CREATE INDEX decisions_by_age ON decisions (created_at)",
)


PLATFORMS = (
    # When a message's turn comes: when it was sent, or the opening time that it was kept for.
    "ALTER TABLE messages ADD COLUMN due_at REAL NOT NULL DEFAULT 0",
    "UPDATE messages SET due_at = received_at",
    "ALTER TABLE messages ADD COLUMN mentions TEXT NOT NULL DEFAULT '[]'",  # JSON list
    "ALTER TABLE messages ADD COLUMN thread TEXT",
    "DROP INDEX messages_undecided",
    "CREATE INDEX messages_undecided ON messages (due_at) WHERE state = 'received'",
    "ALTER TABLE replies ADD COLUMN \"user\" TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE replies ADD COLUMN thread TEXT",
    # Before a reply is first handed to its platform: a crash then leaves it unknown whether the
    # platform has it.
    "ALTER TABLE replies ADD COLUMN tried_at REAL",
    """
    CREATE TABLE feedback (
        reply_seq INTEGER NOT NULL REFERENCES replies (seq) ON DELETE CASCADE,
        "user" TEXT NOT NULL,
        vote TEXT NOT NULL CHECK (vote IN ('helpful', 'unhelpful', 'none')),
        at REAL NOT NULL,
        PRIMARY KEY (reply_seq, "user")
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE chats (
        adapter TEXT NOT NULL,
        grp TEXT NOT NULL,
        title TEXT NOT NULL DEFAULT '',
        present BOOLEAN NOT NULL DEFAULT TRUE,
        sources TEXT NOT NULL DEFAULT '[]', -- JSON list; empty is all
        PRIMARY KEY (adapter, grp)
    ) WITHOUT ROWID
    """,
)


BACKLOG = (
    # A group's undecided messages are found without going through its history.
    """
    CREATE INDEX messages_undecided_by_group ON messages (adapter, grp, seq)
    WHERE state = 'received'
    """,
)


LEARNING = (
    """
    CREATE TABLE refits (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        at REAL NOT NULL,
        taken BOOLEAN NOT NULL,
        undone_at REAL,
        figures TEXT NOT NULL -- JSON object
    )
    """,
    # What people and models think of messages. No reference to the message: a label outlives the
    # message that it was given to, which `store.keep_days` deletes. `step` is the refit that took
    # it up; what an undone refit had taken up is set aside and taken up by none.
    """
    CREATE TABLE examples (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        adapter TEXT NOT NULL,
        grp TEXT NOT NULL,
        message_id TEXT NOT NULL,
        person TEXT NOT NULL,
        origin TEXT NOT NULL,
        text TEXT NOT NULL,
        good BOOLEAN NOT NULL,
        weight REAL NOT NULL CHECK (weight > 0 AND weight <= 1),
        at REAL NOT NULL,
        step INTEGER REFERENCES refits (id),
        aside BOOLEAN NOT NULL DEFAULT FALSE,
        UNIQUE (adapter, message_id, origin, person)
    )
    """,
    # `since` is when the group was first heard of, `mode` what an admin set, "" for the default.
    """
    CREATE TABLE modes (
        adapter TEXT NOT NULL,
        grp TEXT NOT NULL,
        since REAL NOT NULL,
        mode TEXT NOT NULL DEFAULT '',
        PRIMARY KEY (adapter, grp)
    ) WITHOUT ROWID
    """,
    "INSERT INTO modes (adapter, grp, since) SELECT DISTINCT adapter, grp, 0 FROM messages",
    # What the bot would have posted, had its group not been in shadow mode.
    """
    CREATE TABLE drafts (
        decision_id INTEGER PRIMARY KEY REFERENCES decisions (id) ON DELETE CASCADE,
        adapter TEXT NOT NULL,
        grp TEXT NOT NULL,
        kind TEXT NOT NULL,
        text TEXT NOT NULL,
        citations TEXT NOT NULL, -- JSON list of objects
        unprompted BOOLEAN NOT NULL,
        at REAL NOT NULL,
        answered_by TEXT, -- id of the message in which a person answered later
        answered_at REAL
    )
    """,
    "CREATE INDEX drafts_by_group ON drafts (adapter, grp, at)",
    'CREATE INDEX messages_by_user ON messages (adapter, grp, "user", seq)',
)


ACCESS = (
    """
    CREATE TABLE audit (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        at REAL NOT NULL,
        who TEXT NOT NULL,
        action TEXT NOT NULL,
        target TEXT NOT NULL,
        before TEXT,
        after TEXT
    )
    """,
    # Of a session only the hash of what its cookie holds; `proof` is of the password or token that
    # it began with: another one ends it.
    """
    CREATE TABLE sessions (
        hash TEXT PRIMARY KEY,
        "user" TEXT NOT NULL,
        proof TEXT NOT NULL,
        ends REAL NOT NULL
    ) WITHOUT ROWID
    """,
    # The login of who posted it, where the adapter knows one; "" where there is only a name.
    "ALTER TABLE messages ADD COLUMN login TEXT NOT NULL DEFAULT ''",
)


ERASING = (
    # Who wrote the message that a label is of: the message may be gone before the label.
    "ALTER TABLE examples ADD COLUMN author TEXT NOT NULL DEFAULT ''",
    """
    UPDATE examples SET author = COALESCE((
        SELECT "user" FROM messages m
        WHERE m.adapter = examples.adapter AND m.message_id = examples.message_id
    ), '')
    """,
    'CREATE INDEX messages_by_person ON messages (adapter, "user", seq)',
    "CREATE INDEX messages_by_reply ON messages (adapter, reply_to) WHERE reply_to IS NOT NULL",
)


USAGE = (
    # What calls of language models took; a day is one of the machine's, as "2026-01-31".
    """
    CREATE TABLE "usage" (
        day TEXT NOT NULL,
        backend TEXT NOT NULL,
        model TEXT NOT NULL,
        adapter TEXT NOT NULL,
        grp TEXT NOT NULL,
        calls INTEGER NOT NULL,
        prompt INTEGER NOT NULL,
        cached INTEGER NOT NULL,
        completion INTEGER NOT NULL,
        cost REAL NOT NULL,
        PRIMARY KEY (day, backend, model, adapter, grp)
    ) WITHOUT ROWID
    """,
)


EARLY = (
    # Votes on replies of which the platform has not told us the id yet, and wishes to withdraw
    # them: of these `vote` is NULL.
    """
    CREATE TABLE early (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        adapter TEXT NOT NULL,
        grp TEXT NOT NULL,
        reply_id TEXT NOT NULL,
        "user" TEXT NOT NULL,
        vote TEXT,
        at REAL NOT NULL
    )
    """,
)

"""What the console needs of the store's schema: one of the steps in `migrations`."""

from bot.store.engines.base import Differs

CONSOLE = (
    # The gate's figures, which the console sorts and filters by: those of the part of a question
    # that came nearest.
    "ALTER TABLE decisions ADD COLUMN score REAL",
    "ALTER TABLE decisions ADD COLUMN threshold REAL",
    Differs(
        sqlite="""
        UPDATE decisions SET (score, threshold) = (
            SELECT json_extract(value, '$.score'), json_extract(value, '$.threshold')
            FROM json_each(trace) WHERE json_extract(value, '$.stage') = 'reject'
            ORDER BY 1 DESC LIMIT 1
        )
        """,
        postgresql="",  # where there is no decision yet
    ),
    # A list is filtered without reading the traces, which are most of the table.
    """
    CREATE INDEX decisions_listed ON decisions
    (id, reason, outcome, adapter, grp, created_at, score, threshold)
    """,
    """
    CREATE INDEX decisions_by_margin ON decisions (ABS(score - threshold), id)
    WHERE score IS NOT NULL
    """,
    "DROP INDEX decisions_by_age",
    "CREATE INDEX decisions_by_age ON decisions (created_at, adapter, grp, outcome, reason)",
    # Who looked at a message and can't tell whether the bot should answer it.
    """
    CREATE TABLE unsure (
        adapter TEXT NOT NULL,
        message_id TEXT NOT NULL,
        person TEXT NOT NULL,
        at REAL NOT NULL,
        PRIMARY KEY (adapter, message_id, person)
    ) WITHOUT ROWID
    """,
    # How far a person has read a group on the console.
    """
    CREATE TABLE seen (
        person TEXT NOT NULL,
        adapter TEXT NOT NULL,
        grp TEXT NOT NULL,
        seq INTEGER NOT NULL,
        PRIMARY KEY (person, adapter, grp)
    ) WITHOUT ROWID
    """,
    # A group's own budget of unprompted answers, in place of the configured one.
    """
    CREATE TABLE budgets (
        adapter TEXT NOT NULL,
        grp TEXT NOT NULL,
        burst INTEGER NOT NULL CHECK (burst > 0),
        refill_s REAL NOT NULL CHECK (refill_s > 0),
        PRIMARY KEY (adapter, grp)
    ) WITHOUT ROWID
    """,
    # What became of people's answers to questions that no document answers. No reference to the
    # messages: what was decided outlives them. `path` is the page that an approved one stands on.
    """
    CREATE TABLE proposals (
        adapter TEXT NOT NULL,
        grp TEXT NOT NULL,
        question_id TEXT NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('approved', 'rejected')),
        path TEXT NOT NULL DEFAULT '',
        person TEXT NOT NULL,
        at REAL NOT NULL,
        PRIMARY KEY (adapter, question_id)
    ) WITHOUT ROWID
    """,
)

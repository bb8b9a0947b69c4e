"""A connection to PostgreSQL: how it is made, how queries see it, and what goes wrong with it."""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Literal, TypeAlias

import psycopg
from psycopg.abc import Buffer
from psycopg.adapt import Loader
from psycopg.rows import DictRow, dict_row
from psycopg.types.string import StrDumperUnknown

from bot.store.engines.base import Cursor, StoreAway, StoreError, Values, store_error
from bot.store.engines.place import PostgresUrl
from common.texts import Said

Raw: TypeAlias = psycopg.Connection[DictRow]

OLDEST = 150_000
"""Of the server: PostgreSQL 15."""

STATEMENT_S, LOCK_S, CONNECT_S = 30, 10, 3
OPTIONS = (
    f"-c statement_timeout={STATEMENT_S}s -c lock_timeout={LOCK_S}s"
    f" -c idle_in_transaction_session_timeout={STATEMENT_S}s"
    " -c default_transaction_isolation=repeatable\\ read -c synchronous_commit=on"
    " -c client_min_messages=warning"
)
"""A server that hangs must not hang the bot, nor the bot the server; what was acknowledged is on
the server's disk."""

PREPARED = 300
"""Our queries are not more: the server plans each of them once a connection."""

_WORDS = re.compile(
    r"""
    (?P<quoted> '(?:[^']|'')*' | "[^"]*" )
    | (?P<comment> --[^\n]* )
    | (?P<cast> :: )
    | :(?P<name> [a-z_]\w* )
    | (?P<mark> \? )
    | (?P<percent> % )
    | (?P<hint> \bINDEXED\ BY\ \w+ )  # PostgreSQL's planner takes no hints
    | (?P<like> \bLIKE\b )  # SQLite's is blind to the case of ASCII letters
    """,
    re.VERBOSE,
)
_WRITTEN = {"mark": "%s", "percent": "%%", "hint": "", "comment": "", "like": "ILIKE", "cast": "::"}

_TEXTS = (
    ("password authentication failed", Said("用户名或密码不对", "wrong user or password")),
    ("no password supplied", Said("没有给出密码", "it wants a password")),
    (r'role ".*" does not exist', Said("没有这个用户", "there is no such user")),
    (
        r'database ".*" does not exist',
        Said("没有这个数据库，请先建立它", "there is no such database; create it first"),
    ),
    (r"pg_hba\.conf", Said("服务器不允许从这里连接", "the server doesn't allow it from here")),
    (
        "certificate|not support SSL",
        Said("加密连接失败", "the encrypted connection failed"),
    ),
    (
        "connection is bad: invalid",
        Said("store.url 里有不认识的设置", "store.url has a setting that is wrong"),
    ),
)
"""What libpq says of a connection that will not come about by waiting."""

_AWAY = Said(
    "连接不上：PostgreSQL 在运行吗？主机和端口对吗？",
    "it can't be reached: is PostgreSQL running, are host and port right?",
)
_READ_ONLY = Said(
    "这是只读的备用服务器，请连接主服务器",
    "this is a standby, which only reads; name the primary",
)
_CODES = {
    "53100": Said("数据库的磁盘满了，请腾出空间", "the database's disk is full; make room"),
    "53300": Said("数据库的连接数用完了", "the database has no connection left"),
    "25006": _READ_ONLY,
    "42501": Said("这个用户没有权限", "the user has no right to do that"),
    "57014": Said("数据库太慢，超过了时限", "the database took too long"),
    "55P03": Said("别人占用太久", "somebody else held it for too long"),
    "40001": Said("别人一直在改同样的数据", "others kept changing the same"),
}
_FAILED = Said("数据库出错", "the store failed")
_LOST_CODES = ("08", "57P", "25006")


class PostgresConnection:
    """A connection as queries see it. Statements are sent one after the other, without waiting for
    the server (pipeline mode), until somebody wants to know what one of them found: on a network,
    and on a busy machine, each such wait costs more than the statement. What is wrong with one is
    raised then, or at the end of the transaction."""

    dialect: Literal["postgresql"] = "postgresql"

    def __init__(self, raw: Raw, pipeline: psycopg.Pipeline) -> None:
        self._raw, self._pipeline = raw, pipeline

    def execute(self, sql: str, values: Values = (), /) -> Cursor:
        """See `Connection`."""
        return _Found(self._raw.execute(translated(sql), values), self._pipeline)

    def executemany(self, sql: str, values: Iterable[Values], /) -> Cursor:
        """See `Connection`."""
        cursor = self._raw.cursor()
        cursor.executemany(translated(sql), values)
        return _Found(cursor, self._pipeline)


class _Found:
    """What a statement found, which is waited for when it is asked for."""

    def __init__(self, cursor: psycopg.Cursor[DictRow], pipeline: psycopg.Pipeline) -> None:
        self._cursor, self._pipeline = cursor, pipeline
        self.fetchone, self.fetchall = cursor.fetchone, cursor.fetchall

    def __iter__(self) -> Iterator[DictRow]:
        return iter(self._cursor)

    @property
    def rowcount(self) -> int:
        """See `Cursor`; psycopg itself would say -1 of what is still under way."""
        if self._cursor.rowcount < 0:
            self._pipeline.sync()
        return self._cursor.rowcount


class _Text(StrDumperUnknown):
    """PostgreSQL takes no NUL, not even in an id; it is left out wherever it stands."""

    def dump(self, obj: str) -> Buffer | None:
        return super().dump(obj.replace("\0", "") if "\0" in obj else obj)


class _Sum(Loader):
    """The sum of whole numbers is a whole number, as in SQLite, and not a Decimal."""

    def load(self, data: Buffer) -> int | float:
        text = bytes(data).decode()
        return float(text) if "." in text else int(text)


@lru_cache(maxsize=1000)
def translated(sql: str) -> bytes:
    """A query in the words of PostgreSQL, with psycopg's marks for its values. There are some
    hundred, all ours."""
    return _WORDS.sub(_written, sql).encode()


def _written(found: re.Match[str]) -> str:
    if quoted := found["quoted"]:
        return quoted.replace("%", "%%")
    if name := found["name"]:
        return f"%({name})s"
    return _WRITTEN[found.lastgroup or ""]


def connect(url: PostgresUrl) -> Raw:
    """A connection that commits each statement by itself, with its bounds. Raises psycopg.Error,
    and StoreError where the server is too old, or the database can't hold every text."""
    raw = psycopg.connect(
        url.whole,
        autocommit=True,
        row_factory=dict_row,
        application_name="huixiangdou",
        client_encoding="UTF8",
        connect_timeout=CONNECT_S,
        target_session_attrs="read-write",
        options=OPTIONS,
        # A cut that nobody tells of is noticed in some ten seconds.
        keepalives_idle=5,
        keepalives_interval=2,
        keepalives_count=3,
        tcp_user_timeout=10_000,
    )
    raw.prepared_max = PREPARED
    raw.adapters.register_loader("numeric", _Sum)
    raw.adapters.register_dumper(str, _Text)
    if raw.info.server_version < OLDEST:
        found = raw.info.server_version // 10_000
        raw.close()
        zh = f"需要 PostgreSQL 15 或更新的版本，这里是 {found}"
        raise store_error(url, Said(zh, f"PostgreSQL 15 or newer is needed, this is {found}"))
    if (encoding := raw.info.parameter_status("server_encoding")) != "UTF8":
        raw.close()
        zh = f"数据库的编码是 {encoding}，存不下所有文字；请用 ENCODING 'UTF8' 建库"
        en = f"it is encoded as {encoding}, which can't hold every text; create it with UTF8"
        raise store_error(url, Said(zh, en))
    return raw


def lost(error: BaseException) -> bool:
    """Did it fail for want of a server, which may come back?"""
    if not isinstance(error, psycopg.OperationalError):
        return False
    if error.sqlstate:
        return error.sqlstate.startswith(_LOST_CODES)
    return not any(re.search(text, str(error)) for text, _ in _TEXTS)


def explained(url: PostgresUrl, error: psycopg.Error) -> StoreError:
    """What failed, and what to do. Nothing of the URL but who, where and which."""
    if isinstance(error, psycopg.ProgrammingError) and error.sqlstate is None:
        # What libpq says of a URL that it can't read may be a part of the password.
        return store_error(url, Said("store.url 写得不对", "store.url is not well-formed"))
    if error.sqlstate:
        hint = _CODES.get(error.sqlstate, _AWAY if lost(error) else _FAILED)
    elif "read-only" in str(error) or "standby" in str(error):
        hint = _READ_ONLY
    else:
        found = [hint for text, hint in _TEXTS if re.search(text, str(error))]
        hint = found[0] if found else _AWAY if lost(error) else _FAILED
    # Without the server's DETAIL, which shows the row that it refused: what somebody wrote.
    told = " ".join((error.diag.message_primary or str(error)).split())
    kind = StoreAway if lost(error) else StoreError
    return store_error(url, Said(f"{hint.zh}（{told}）", f"{hint.en} ({told})"), kind)

"""Who has a login: the users of the configuration, and those that `run_bot.py user` and the page's
first start made, in a file beside the store, or where processes share a PostgreSQL, in there.

Of passwords there is an argon2 hash, of tokens, which can't be guessed, a SHA-256.
"""

import asyncio
import hashlib
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from pydantic import BaseModel, ConfigDict, ValidationError

from adapters.http_guard import Role, User
from bot.config.http import HttpSettings, UserSettings
from bot.store.backup import USERS
from bot.store.cluster.published import keep, published
from bot.store.database import Database, Place, StoreError
from common.clock import Clock
from common.snapshots import write_whole

log = logging.getLogger(__name__)

LOGINS = "logins"
"""Their name among what is published."""

LOOK_EVERY_S = 2.0
"""So long after `run_bot.py user` a change counts at the latest."""

LOCAL = User("local", Role.ADMIN)
"""Whoever uses a server that only this machine reaches, where logins were declined."""

TOKEN_USER = User("http.token", Role.ADMIN)


class UsersError(Exception):
    """The file of users can't be read or written; says what to do."""


@dataclass(frozen=True, slots=True)
class Login:
    """A user and what proves that it is him; an empty hash proves nothing."""

    user: User
    password_hash: str = ""
    token_hash: str = ""

    @property
    def proof(self) -> str:
        """Changes with the password and the token: sessions that began with others end."""
        return digest(f"{self.password_hash} {self.token_hash}")


class StoredUser(BaseModel):
    """A user in the file."""

    model_config = ConfigDict(frozen=True)

    name: str
    role: Literal["viewer", "labeller", "admin"]
    password_hash: str = ""
    token_hash: str = ""


class UserFile(BaseModel):
    """The file; `open` when somebody chose at the first start to go on without logins."""

    model_config = ConfigDict(frozen=True)

    open: bool = False
    users: tuple[StoredUser, ...] = ()

    def having(self, user: StoredUser) -> "UserFile":
        """With this user, in the place of one of the same name."""
        others = tuple(other for other in self.users if other.name != user.name)
        return UserFile(users=(*others, user))

    def without(self, name: str) -> "UserFile":
        """Without the user of this name."""
        return UserFile(users=tuple(user for user in self.users if user.name != name))


def digest(secret: str) -> str:
    """What is kept of a secret that is long and random."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def read_users(folder: Path) -> UserFile:
    """The file in the data folder, empty where there is none. Raises UsersError."""
    path = folder / USERS
    try:
        return UserFile.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return UserFile()
    except (OSError, ValidationError) as error:
        why = error.strerror if isinstance(error, OSError) else "this is no file of users"
        raise UsersError(f"{path}: {why}; mend it, or restore it from a backup") from error


def write_users(folder: Path, users: UserFile) -> None:
    """Exchanges the file, which only its owner may read. Raises UsersError."""
    path = folder / USERS
    text = json.dumps(users.model_dump(), ensure_ascii=False, indent=1)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(path, text.encode(), 0o600)
    except OSError as error:
        raise UsersError(f"{path} can't be written: {error.strerror}") from error


class KeptUsers(Protocol):
    """Where the file of users is. Both raise UsersError."""

    async def read(self) -> UserFile:
        """As it is now."""

    async def write(self, users: UserFile) -> None:
        """Exchanges it."""


@dataclass(frozen=True, slots=True)
class InFolder:
    """A file in the data folder."""

    folder: Path

    async def read(self) -> UserFile:
        """See `read_users`."""
        return await asyncio.to_thread(read_users, self.folder)

    async def write(self, users: UserFile) -> None:
        """See `write_users`."""
        await asyncio.to_thread(write_users, self.folder, users)


@dataclass(frozen=True, slots=True)
class InStore:
    """In the store, for all processes that share it; what stands in a data folder is taken in as
    long as there is nothing."""

    database: Database
    folder: Path

    async def read(self) -> UserFile:
        """See `KeptUsers`."""
        try:
            (kept,) = await self.database.run(published, LOGINS)
            if kept:
                return UserFile.model_validate_json(kept)
        except (StoreError, ValidationError) as error:
            raise UsersError(f"the logins in the store can't be read: {error}") from error
        file = await asyncio.to_thread(read_users, self.folder)
        if file != UserFile():
            await self.write(file)
        return file

    async def write(self, users: UserFile) -> None:
        """See `KeptUsers`."""
        try:
            await self.database.run(keep, LOGINS, users.model_dump_json())
        except StoreError as error:
            raise UsersError(f"the logins can't be stored: {error}") from error


def kept_users(place: Place, database: Database, folder: Path) -> KeptUsers:
    """Where they are kept: one process with SQLite has a file of its own."""
    return InFolder(folder) if isinstance(place, Path) else InStore(database, folder)


class Users:
    """All logins. Made by `open_users`; `refresh` sees changes of the file."""

    def __init__(
        self, settings: HttpSettings, kept: KeptUsers, clock: Clock, file: UserFile
    ) -> None:
        self._configured = _configured_logins(settings)
        self._kept, self._clock = kept, clock
        self._lock = asyncio.Lock()
        self._logins: Mapping[str, Login] = {}
        self._looked, self._problem = clock.now(), ""
        self._take(file)

    @property
    def guarded(self) -> bool:
        """Does anybody have a login? Then one is demanded."""
        return bool(self._logins)

    @property
    def is_open(self) -> bool:
        """Did somebody choose to go on without logins?"""
        return self._file.open and not self.guarded

    def get(self, name: str) -> Login | None:
        """The login of this name."""
        return self._logins.get(name)

    def by_token(self, token: str) -> Login | None:
        """The login whose token this is."""
        name = self._by_token.get(digest(token))
        return self.get(name) if name else None

    async def refresh(self) -> list[str]:
        """Reads the file again, now and then; the names of those who came, went or changed by hand,
        which nobody has noted yet."""
        now = self._clock.now()
        if abs(now - self._looked) < LOOK_EVERY_S:
            return []
        async with self._lock:
            self._looked = now
            try:
                file = await self._kept.read()
            except UsersError as error:
                if str(error) != self._problem:
                    log.error("the logins stay as they were: %s", error)
                self._problem = str(error)
                return []
            self._problem = ""
            changed = self._take(file)
            return changed if isinstance(self._kept, InFolder) else []

    async def decide(self, first: StoredUser | None) -> bool:
        """The choice of the first start: the first admin, or None to go on without logins. False
        where there are logins already. Raises UsersError."""
        async with self._lock:
            file = await self._kept.read()
            if self._configured or file.users:
                return False
            file = file.having(first) if first else UserFile(open=True)
            await self._kept.write(file)
            self._take(file)
            return True

    async def configure(self, settings: HttpSettings) -> None:
        """The configuration has other users now."""
        async with self._lock:
            self._configured = _configured_logins(settings)
            self._take(self._file)

    async def change_password(self, name: str, password_hash: str) -> bool:
        """False where the user is none of the file. Raises UsersError."""
        async with self._lock:
            file = await self._kept.read()
            known = next((user for user in file.users if user.name == name), None)
            if known is None or name in self._configured:
                return False
            file = file.having(known.model_copy(update={"password_hash": password_hash}))
            await self._kept.write(file)
            self._take(file)
            return True

    def _take(self, file: UserFile) -> list[str]:
        before = self._logins
        stored = {user.name: _login(user) for user in file.users}
        self._file, self._logins = file, {**stored, **self._configured}
        self._by_token = {
            login.token_hash: login.user.name for login in self._logins.values() if login.token_hash
        }
        self._looked = self._clock.now()
        return sorted(
            name
            for name in before.keys() | self._logins.keys()
            if before.get(name) != self._logins.get(name)
        )


async def open_users(settings: HttpSettings, kept: KeptUsers, clock: Clock) -> Users:
    """The logins of the configuration, and those that are kept. Raises UsersError."""
    return Users(settings, kept, clock, await kept.read())


def _configured_logins(settings: HttpSettings) -> dict[str, Login]:
    logins = {user.name: _configured(user) for user in settings.users}
    if token := settings.token.get_secret_value():
        logins[TOKEN_USER.name] = Login(TOKEN_USER, token_hash=digest(token))
    return logins


def _configured(user: UserSettings) -> Login:
    token = user.token.get_secret_value()
    return Login(
        User(user.name, Role(user.role)),
        user.password_hash.get_secret_value(),
        digest(token) if token else "",
    )


def _login(user: StoredUser) -> Login:
    return Login(User(user.name, Role(user.role)), user.password_hash, user.token_hash)

"""Passwords, and the sessions that begin with one: a random value in a cookie, of which the store
keeps the hash."""

import asyncio
import hashlib
import hmac
import math
import secrets
from collections.abc import Hashable

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from bot.console.users import Login, Users, digest
from bot.store.store import Store
from common.clock import Clock

COOKIE = "dou_session"
LASTS_S = 7 * 86400.0

MIN_PASSWORD = 10

FREE_FAILURES = 5
LONGEST_PAUSE_S = 300.0
FORGOTTEN_AFTER_S = 3600.0
MOST_ADDRESSES = 10_000
AT_ONCE, MOST_WAITING = 2, 40


class Sessions:
    """Who is logged in on the page."""

    def __init__(self, store: Store, users: Users, clock: Clock) -> None:
        self._store, self._users, self._clock = store, users, clock

    async def begin(self, login: Login) -> str:
        """The value for the cookie. Raises StoreError."""
        value = secrets.token_urlsafe(32)
        now = self._clock.now()
        await self._store.add_session(
            digest=digest(value),
            user=login.user.name,
            proof=login.proof,
            ends=now + LASTS_S,
            now=now,
        )
        return value

    async def login(self, value: str) -> Login | None:
        """Whose session it is; None where it ended, or the login changed. Raises StoreError."""
        found = await self._store.session(digest(value), self._clock.now())
        login = self._users.get(found[0]) if found else None
        return login if login and found and login.proof == found[1] else None

    async def end(self, value: str) -> None:
        """Somebody logs out. Raises StoreError."""
        await self._store.end_session(digest(value))


def csrf_token(secret: str) -> str:
    """What a page of ours knows of a cookie that it can't read, and other sites don't."""
    return hmac.new(secret.encode("utf-8", "surrogatepass"), b"csrf", hashlib.sha256).hexdigest()


class Passwords:
    """Checks passwords, few at a time: each takes 20 MB for some hundredths of a second."""

    def __init__(self) -> None:
        self._turn, self._waiting = asyncio.Semaphore(AT_ONCE), 0
        self._unknown = ""

    @property
    def are_busy(self) -> bool:
        """Would it take long?"""
        return self._waiting >= MOST_WAITING

    async def fits(self, login: Login | None, password: str) -> bool:
        """Takes as long for a name that nobody has."""
        self._waiting += 1
        try:
            async with self._turn:
                return await asyncio.to_thread(self._fits, login, password)
        finally:
            self._waiting -= 1

    def _fits(self, login: Login | None, password: str) -> bool:
        hash_of = login.password_hash if login else ""
        if not hash_of and not self._unknown:
            self._unknown = hash_password(secrets.token_hex())
        try:
            PasswordHasher().verify(hash_of or self._unknown, password)
        except (VerificationError, InvalidHashError):
            return False
        return bool(hash_of)


def hash_password(password: str) -> str:
    """By argon2id, with the least cost that OWASP's cheat sheet on storing passwords names: the
    bot is to run on small machines."""
    return PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1).hash(password)


class Failures:
    """Who fails to log in waits, each time twice as long, until an hour went by without."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._by_address: dict[Hashable, tuple[int, float]] = {}

    def wait_s(self, address: Hashable) -> int:
        """The seconds until the next try from there is looked at; 0 for now."""
        count, last = self._by_address.get(address, (0, 0.0))
        if count < FREE_FAILURES:
            return 0
        pause = min(LONGEST_PAUSE_S, 2.0 ** min(count - FREE_FAILURES, 20))
        return max(0, math.ceil(last + pause - self._clock.now()))

    def failed(self, address: Hashable) -> None:
        """Somebody there didn't know the password or the token."""
        now = self._clock.now()
        count, last = self._by_address.pop(address, (0, 0.0))
        self._by_address[address] = (count + 1 if now - last < FORGOTTEN_AFTER_S else 1, now)
        while len(self._by_address) > MOST_ADDRESSES:
            del self._by_address[next(iter(self._by_address))]  # the one that failed longest ago

    def was_none(self, address: Hashable) -> None:
        """The last one was no failure. Earlier ones stay: with a password of his own nobody gets
        more tries at another's."""
        count, last = self._by_address.get(address, (0, 0.0))
        if count > 1:
            self._by_address[address] = (count - 1, last)
        else:
            self._by_address.pop(address, None)

"""`run_bot.py user`: who has a login on the page and the API. The running bot sees a change within
seconds."""

import getpass
import json
import secrets
import sys
from argparse import Namespace
from pathlib import Path

from bot.config.http import HttpSettings
from bot.config.schema import Config
from bot.console.sessions import MIN_PASSWORD, hash_password
from bot.console.users import InFolder, KeptUsers, StoredUser, digest, kept_users
from bot.store.database import server_now
from bot.store.store import open_store


async def user(config: Config, args: Namespace) -> int:
    """Adds, lists or removes users. Raises UsersError, and StoreError."""
    folder, place = config.bot.data_dir, config.store_place
    if isinstance(place, Path):
        return await _obeyed(config.http, InFolder(folder), args)
    async with open_store(place) as store:
        kept = kept_users(place, store.database, folder)
        before = await kept.read()
        status = await _obeyed(config.http, kept, args)
        if await kept.read() != before:  # of a file the running bot notes it
            now = await store.database.run(server_now)
            await store.add_audit(at=now, who="run_bot.py user", action="user", target=args.name)
        return status


async def _obeyed(settings: HttpSettings, kept: KeptUsers, args: Namespace) -> int:
    match args.what:
        case "add":
            return await _add(settings, kept, args)
        case "remove":
            return await _remove(settings, kept, args.name)
        case _:
            return await _list(settings, kept)


async def _add(settings: HttpSettings, kept: KeptUsers, args: Namespace) -> int:
    if args.name in {configured.name for configured in settings.users}:
        return _refused(f"{args.name} stands in http.users; change him there")
    token, password = "", ""
    if args.token:
        token = secrets.token_urlsafe(24)
    else:
        password = _ask_password()
        if len(password) < MIN_PASSWORD:
            return _refused(f"a password needs at least {MIN_PASSWORD} characters")
    made = StoredUser(
        name=args.name,
        role=args.role,
        password_hash=hash_password(password) if password else "",
        token_hash=digest(token) if token else "",
    )
    if args.print:
        secret = {"token": token} if token else {"password_hash": made.password_hash}
        entry = {"name": made.name, "role": made.role, **secret}
        sys.stdout.write(f"- {json.dumps(entry)}\n")
        return 0
    await kept.write((await kept.read()).having(made))
    if token:
        sys.stdout.write(f"{token}\n")
        sys.stderr.write("This is the token, shown once: send it as 'Authorization: Bearer …'\n")
    sys.stderr.write(f"{args.name} is {args.role} now\n")
    return 0


def _ask_password() -> str:
    """Typed twice in a terminal, else the first line of standard input."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    first = getpass.getpass("Password: ")
    if first != getpass.getpass("The same again: "):
        sys.stderr.write("these differ\n")
        return ""
    return first


async def _remove(settings: HttpSettings, kept: KeptUsers, name: str) -> int:
    if name in {configured.name for configured in settings.users}:
        return _refused(f"{name} stands in http.users; take him out there")
    users = await kept.read()
    if name not in {stored.name for stored in users.users}:
        return _refused(f"there is no user {name}; see run_bot.py user list")
    await kept.write(users.without(name))
    sys.stderr.write(f"{name} has no login any more\n")
    if not (users.without(name).users or settings.users or settings.token.get_secret_value()):
        sys.stderr.write("nobody has one now: whoever opens the page first can become its admin\n")
    return 0


async def _list(settings: HttpSettings, kept: KeptUsers) -> int:
    rows = [
        (
            entry.name,
            entry.role,
            bool(entry.password_hash.get_secret_value()),
            bool(entry.token.get_secret_value()),
            "http.users",
        )
        for entry in settings.users
    ]
    rows += [
        (entry.name, entry.role, bool(entry.password_hash), bool(entry.token_hash), "user add")
        for entry in (await kept.read()).users
    ]
    for name, role, password, token, place in rows:
        proofs = [word for word, has in (("password", password), ("token", token)) if has]
        sys.stdout.write(f"{name}\t{role}\t{' and '.join(proofs) or 'proxy'}\t{place}\n")
    if not rows:
        sys.stderr.write("nobody has a login; add one: run_bot.py user add NAME --role admin\n")
    return 0


def _refused(why: str) -> int:
    sys.stderr.write(f"{why}\n")
    return 1

"""`forget`: what is kept of a person, shown or erased; beside the running bot, or without one.
`store move`: all that is kept, from SQLite to PostgreSQL, or back."""

import argparse
import os
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from bot.cli.index import say, say_json
from bot.cli.label import open_labels
from bot.cluster.members import ALIVE_S, VERSION, Role, new_id
from bot.config.schema import Config
from bot.store.cluster.processes import Process
from bot.store.database import Place, StoreError
from bot.store.engines.base import Engine
from bot.store.engines.place import PostgresUrl
from bot.store.engines.sqlite import BUSY_TIMEOUT_S, open_sqlite
from bot.store.instance import only_instance, running
from bot.store.move import move
from common.clock import Clock
from common.texts import counted
from knowledge.gate.refit import forget_labels


async def forget(config: Config, clock: Clock, args: argparse.Namespace) -> int:
    """Status 1 where nothing is kept of that person."""
    adapter, _, user = args.person.partition(":")
    async with open_labels(config) as store:
        if args.show:
            say_json(await store.person_data(adapter, user))
            return 0
        found = await store.erase_person(adapter, user, clock.now())
    taken_up = forget_labels(Path(config.plan.folder), found.texts, args.person)
    if not (found.messages or found.votes or found.labels or taken_up):
        say(f"nothing is kept of {args.person}; people are named as in admin.users, adapter:user")
        return 1
    say(
        f"erased: {counted(found.messages, 'message')}, {counted(found.votes, 'vote')}, "
        f"{counted(found.labels, 'label')}, and {taken_up} in what the gate took up"
    )
    for page in sorted(found.pages):
        say(f"made of a question of theirs, look at it yourself: {page}")
    if running(config.bot.data_dir):
        say("the running bot leaves it out within a minute")
    return 0


def move_store(args: argparse.Namespace) -> int:
    """All or nothing; the source is left as it was. Raises StoreError."""
    process = Process(
        id=new_id(),
        role=Role.ALL,
        host=socket.gethostname(),
        pid=os.getpid(),
        version=VERSION,
        state={},
    )
    with _source(args.source) as source, _target(args.target) as target:
        rows = move(source, target, process, ALIVE_S)
    say(f"{args.target}: {rows} rows came over, counted and summed up table by table")
    say("name it in store.url, and start the bot; what was moved from is as it was")
    return 0


@contextmanager
def _source(place: Place) -> Iterator[Engine]:
    if not isinstance(place, Path):
        with closing(_postgres(place, upgrade=False)) as engine:
            yield engine
    elif place.is_file():
        with only_instance(place.parent, "is moved"), closing(_sqlite(place)) as engine:
            yield engine
    else:
        raise StoreError(f"there is no file {place}")


@contextmanager
def _target(place: Place) -> Iterator[Engine]:
    if not isinstance(place, Path):
        with closing(_postgres(place, upgrade=True)) as engine:
            yield engine
        return
    if place.exists():
        raise StoreError(f"there is something in {place} already; move it away")
    part = place.with_name(f"{place.name}.part")
    with only_instance(place.parent, "is moved"):
        part.unlink(missing_ok=True)
        try:
            with closing(_sqlite(part)) as engine:
                yield engine
            part.rename(place)
        finally:
            part.unlink(missing_ok=True)


def _sqlite(path: Path) -> Engine:
    return open_sqlite(path, BUSY_TIMEOUT_S, durable=True, upgrade=True)


def _postgres(url: PostgresUrl, *, upgrade: bool) -> Engine:
    from bot.store.engines.postgres import open_postgres  # a tenth of a second, see `database`

    return open_postgres(url, upgrade=upgrade)

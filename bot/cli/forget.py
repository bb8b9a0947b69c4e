"""`forget`: what is kept of a person, shown or erased; beside the running bot, or without one."""

import argparse
from pathlib import Path

from bot.cli.index import say, say_json
from bot.cli.label import open_labels
from bot.config.schema import Config
from bot.store.instance import running
from common.clock import Clock
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
        f"erased: {found.messages} messages, {found.votes} votes, {found.labels} labels, and "
        f"{taken_up} in what the gate took up"
    )
    for page in sorted(found.pages):
        say(f"made of a question of theirs, look at it yourself: {page}")
    if running(config.bot.data_dir):
        say("the running bot leaves it out within a minute")
    return 0

"""What the bot does in a group: an admin's word counts, then whether the group is new, then the
configuration."""

from bot.group.types import GroupOptions
from bot.store.store import Store
from bot.types import Group, Mode, Question, Reason


async def mode_of(group: Group, store: Store, options: GroupOptions, now: float) -> Mode:
    """The mode of a group: what was set there, else shadow while the group is new, else the
    default."""
    chosen, since = await store.group_mode(*group)
    if chosen:
        return Mode(chosen)
    is_new = since is None or now < since + options.shadow_s
    if options.shadow_s and is_new and options.mode is not Mode.OFF:
        return Mode.SHADOW
    return options.mode


def silenced(question: Question, mode: Mode) -> Reason | None:
    """Why a mode does not even let a question be considered."""
    if mode is Mode.OFF:
        return Reason.OFF
    return Reason.NOT_MENTIONED if mode is Mode.MENTION and not question.mention else None

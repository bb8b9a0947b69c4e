"""From the sections of the configuration to the values that the parts are built with."""

import logging
from zoneinfo import ZoneInfo

from bot.config.schema import Config
from bot.group.flood import Flood
from bot.group.types import GroupOptions
from bot.pages import WrittenPages
from bot.types import Mode
from common.clock import DAY_S
from common.hours import Hours, parse_span

log = logging.getLogger(__name__)

AT_ONCE = 4
"""Questions of one group that are worked on at once where a language model is asked, which takes
its time; without one there is nothing to wait for."""


def group_options(config: Config) -> GroupOptions:
    """How the bot behaves in groups."""
    bot, flood = config.bot, config.flood
    return GroupOptions(
        language=bot.language,
        when_unknown=bot.when_unknown,
        name=bot.name,
        helpers=bot.helpers,
        command_prefix=config.admin.prefix,
        admins=_admins(config),
        max_age_s=bot.resume_max_age_s,
        quiet_s=bot.quiet_s,
        max_wait_s=bot.max_wait_s,
        mention_wait_s=bot.mention_wait_s,
        wait_for_humans_s=flood.wait_for_humans_s,
        queue_size=bot.queue_size,
        at_once=AT_ONCE if config.llm.configured else 1,
        repeat_similarity=flood.repeat_similarity,
        human_similarity=flood.human_similarity,
        keep_for_opening=config.schedule.outside_hours == "later",
        recall_with_question=bot.recall_with_question,
        mode=Mode(bot.mode),
        shadow_s=bot.shadow_days * DAY_S,
    )


def _admins(config: Config) -> tuple[str, ...]:
    """Without those of the bot's own page, where a name proves nothing and a login counts."""
    pages = {one.name for one in config.adapters if one.kind == "web"}
    idle = [user for user in config.admin.users if user.partition(":")[0] in pages]
    for user in idle:
        log.warning(
            "admin.users: %s is no admin any more: on the page a name proves nothing. Take it out, "
            "and log in there as an admin of http.users",
            user,
        )
    return tuple(user for user in config.admin.users if user not in idle)


def written_pages(config: Config) -> WrittenPages:
    """The sources that may be written to."""
    sources = config.knowledge.sources
    return WrittenPages({one.name: one.path for one in sources if one.writable and one.path})


def zone(config: Config) -> ZoneInfo | None:
    """The time zone of hours and jobs; None is the system's."""
    return ZoneInfo(config.schedule.timezone) if config.schedule.timezone else None


def hours(config: Config) -> Hours:
    """The working hours."""
    return Hours([parse_span(line) for line in config.schedule.hours], zone(config))


def flood(config: Config) -> Flood:
    """Flood control, with nothing said yet."""
    section = config.flood
    return Flood(
        burst=section.burst, refill_s=section.refill_s, cooldown_s=section.person_cooldown_s
    )

"""From the sections of the configuration to the values that the parts are built with."""

from zoneinfo import ZoneInfo

from bot.config.schema import DAY_S, Config
from bot.group.flood import Flood
from bot.group.types import GroupOptions
from bot.types import Mode
from common.hours import Hours, parse_span

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
        admins=config.admin.users,
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

"""From the sections of the configuration to the values that the parts are built with."""

from zoneinfo import ZoneInfo

from bot.config.schema import Config
from bot.group.case import Timing
from bot.group.flood import Answered, Budget, Cooldown, Flood
from bot.group.handler import Manners
from bot.group.inbox import Rules
from common.hours import Hours, parse_span

AT_ONCE = 4
"""Questions of one group that are worked on at once where a language model is asked, which takes
its time; without one there is nothing to wait for."""


def manners(config: Config) -> Manners:
    """How the bot behaves in a group."""
    return Manners(
        config.bot.language, config.bot.when_unknown, config.flood.repeat_similarity,
        config.flood.human_similarity, config.bot.resume_max_age_s, config.admin.prefix,
    )  # fmt: skip


def timing(config: Config) -> Timing:
    """How long a question and a person's answer are waited for."""
    return Timing(
        config.bot.quiet_s, config.bot.max_wait_s, config.bot.mention_wait_s,
        config.flood.wait_for_humans_s, config.bot.queue_size,
        at_once=AT_ONCE if config.llm.configured else 1,
    )  # fmt: skip


def rules(config: Config) -> Rules:
    """What becomes of messages that come late, or outside working hours."""
    return Rules(
        config.bot.resume_max_age_s,
        config.schedule.outside_hours == "later",
        config.bot.recall_with_question,
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
        Budget(section.burst, section.refill_s),
        Cooldown(section.person_cooldown_s),
        Answered(section.repeat_window_s),
    )

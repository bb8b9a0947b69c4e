"""From the sections of the configuration to the values that the parts are built with."""

from zoneinfo import ZoneInfo

from bot.answering.pipeline import PipelineOptions
from bot.config.schema import Config
from bot.group.case import Timing
from bot.group.flood import Answered, Budget, Cooldown, Flood
from bot.group.handler import Manners
from bot.group.inbox import Rules
from common.hours import Hours, parse_span
from knowledge.base import GateOptions
from knowledge.plan import BuildPlan, EmbedderSpec, Source

AT_ONCE = 4
"""Questions of one group that are worked on at once where a language model is asked, which takes
its time; without one there is nothing to wait for."""


def build_plan(config: Config) -> BuildPlan:
    """What a build of the index needs to know."""
    section = config.knowledge
    embedder = section.embedder
    return BuildPlan(
        folder=str(config.bot.data_dir / "knowledge"),
        sources=tuple(
            Source(s.name, str(s.path or ""), s.git or "", s.include, s.exclude, s.link_base)
            for s in section.sources
        ),
        embedder=EmbedderSpec(
            embedder.kind, embedder.model, embedder.base_url, embedder.dim,
            embedder.api_key.get_secret_value(),
        ),
        piece_chars=section.piece_chars,
        reject_chars=section.reject_chars,
        passage_chars=section.passage_chars,
        max_file_mb=section.max_file_mb,
        convert_timeout_s=section.convert_timeout_s,
        m=section.index.m,
        ef_construction=section.index.ef_construction,
    )  # fmt: skip


def gate_options(config: Config) -> GateOptions:
    """How the gate is fitted."""
    section = config.gate
    return GateOptions(
        section.examples, section.target_precision, section.mention_precision,
        section.expected_share, section.neighbours,
    )  # fmt: skip


def pipeline_options(config: Config) -> PipelineOptions:
    """Limits of an answer."""
    section = config.answer
    return PipelineOptions(
        section.max_chars, section.max_passages, section.min_evidence, section.sure_evidence
    )


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

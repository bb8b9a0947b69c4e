"""The whole configuration as frozen values, and `load_config`, which reads it once."""

import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field, SecretStr, field_validator
from pydantic import ValidationInfo as Info

from adapters import KINDS, settings_type
from adapters.settings import AdapterSettings
from bot.answering.settings import AnswerSettings, SearchSettings
from bot.config.http import HttpSettings as HttpSettings
from bot.config.located import ConfigError as ConfigError
from bot.config.located import Tree
from bot.config.messages import suggestion
from bot.config.renamed import accept_old_keys
from bot.config.validate import absolute, drop_empty_sections, validated
from bot.config.yaml_file import apply, read_text, text_of
from bot.llm.settings import LlmSettings
from bot.store.engines.place import FILE, PostgresUrl, parse_place
from common.clock import DAY_S
from common.hours import parse_span
from common.settings import Cron, Section
from knowledge.plan import BuildPlan
from knowledge.settings import GateSettings, KnowledgeSettings

DEFAULT_FILE = Path("config.yaml")
"""What is read where no file is named."""


def _adapter_user(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_-]+:\S+", text):
        raise ValueError("must be the adapter's name and the user's id, such as lark:ou_84aad3")
    return text


def _adapter_group(text: str) -> str:
    if text and not re.fullmatch(r"[A-Za-z0-9_-]+:\S.*", text):
        raise ValueError('must be the adapter\'s name and the group, such as lark:oc_5ad1, or ""')
    return text


def _time_zone(name: str) -> str:
    try:
        if name:
            ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(
            'must be a time zone such as Asia/Shanghai, or "" for that of the system'
        ) from None
    return name


def _working_hours(line: str) -> str:
    parse_span(line)
    return line


Seconds = Annotated[float, Field(ge=0, le=DAY_S)]
Cosine = Annotated[float, Field(ge=-1, le=1)]
Helper = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\n]*\S[^\n]*$")]
AdapterUser = Annotated[str, Field(max_length=200), AfterValidator(_adapter_user)]
TimeZone = Annotated[str, Field(max_length=100), AfterValidator(_time_zone)]
WorkingHours = Annotated[str, Field(max_length=100), AfterValidator(_working_hours)]


class BotSettings(Section):
    """Who the bot is and how it listens."""

    name: str = Field(default="豆哥", min_length=1, max_length=64)
    language: Literal["auto", "zh", "en"] = "auto"
    data_dir: Path = Path("data")
    quiet_s: Seconds = 6
    max_wait_s: Seconds = Field(default=30, validate_default=True)
    mention_wait_s: Seconds = 1.5
    queue_size: int = Field(default=100, ge=1, le=10_000)
    when_unknown: Literal["say", "react", "silent"] = "say"
    helpers: tuple[Helper, ...] = Field(default=(), max_length=10)
    resume_max_age_s: float = Field(default=3600, ge=0, le=30 * DAY_S)
    recall_with_question: bool = True
    mode: Literal["off", "shadow", "mention", "live"] = "live"
    shadow_days: float = Field(default=0, ge=0, le=365)
    shutdown_grace_s: float = Field(default=5, ge=0, le=600)
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"

    @field_validator("max_wait_s")
    @classmethod
    def _not_before_quiet(cls, seconds: float, info: Info) -> float:
        quiet_s = info.data.get("quiet_s", 0)
        if seconds < quiet_s:
            raise ValueError(f"must be at least `bot.quiet_s`, which is {quiet_s:g}")
        return seconds


class FloodSettings(Section):
    """How often the bot may speak unprompted."""

    burst: int = Field(default=3, ge=1, le=1000)
    refill_s: float = Field(default=600, gt=0, le=30 * DAY_S)
    person_cooldown_s: Seconds = 60
    repeat_window_s: float = Field(default=DAY_S, ge=0, le=30 * DAY_S)
    repeat_similarity: Cosine = 0.8
    wait_for_humans_s: float = Field(default=20, ge=0, le=3600)
    human_similarity: Cosine = 0.45


class AdminSettings(Section):
    """Who may command the bot; `users` are "adapter:user". On the bot's own page a name proves
    nothing: there an admin's login counts, of `http.users`."""

    users: tuple[AdapterUser, ...] = ()
    prefix: str = Field(default="/dou", pattern=r"^\S{1,32}$")


def _store_url(secret: SecretStr) -> SecretStr:
    try:
        found = parse_place(secret.get_secret_value())
    except ValueError:
        found = None
    if not isinstance(found, PostgresUrl) and found != Path(FILE):
        # A file elsewhere would be out of the reach of the data folder's lock and of backups.
        raise ValueError(
            f"must be sqlite:///{FILE}, the file in `bot.data_dir`, or "
            "postgresql://user:password@host:5432/database"
        )
    return secret


class StoreSettings(Section):
    """Where messages and decisions are kept, and for how long; labels (0 is until they are taken
    back), and what admins did."""

    url: Annotated[SecretStr, AfterValidator(_store_url)] = SecretStr(f"sqlite:///{FILE}")
    keep_days: int = Field(default=90, ge=1, le=3650)
    keep_label_days: int = Field(default=0, ge=0, le=3650)
    keep_audit_days: int = Field(default=365, ge=1, le=3650)


class TracingSettings(Section):
    """Where OpenTelemetry traces are sent; "" sends none."""

    endpoint: str = Field(default="", max_length=500, pattern=r"^(https?://\S+)?$")


class ScheduleSettings(Section):
    """Working hours, and cron lines of the jobs; an empty one never runs."""

    timezone: TimeZone = ""
    hours: tuple[WorkingHours, ...] = ()
    outside_hours: Literal["drop", "later"] = "drop"
    prune: Cron = "17 4 * * *"
    reload: Cron = ""
    digest: Cron = "0 9 * * *"
    digest_to: Annotated[str, Field(max_length=200), AfterValidator(_adapter_group)] = ""


def _the_page() -> tuple[AdapterSettings, ...]:
    return (settings_type("web").model_validate({"kind": "web"}),)


class Config(Section):
    """Everything that can be configured. All paths are absolute once `load_config` made it.

    `adapters` holds the Settings of each adapter's kind, with names that differ.
    """

    bot: BotSettings = BotSettings()
    adapters: tuple[AdapterSettings, ...] = Field(default_factory=_the_page)
    knowledge: KnowledgeSettings = KnowledgeSettings()
    gate: GateSettings = GateSettings()
    answer: AnswerSettings = AnswerSettings()
    llm: LlmSettings = LlmSettings()
    search: SearchSettings = SearchSettings()
    flood: FloodSettings = FloodSettings()
    admin: AdminSettings = AdminSettings()
    store: StoreSettings = StoreSettings()
    http: HttpSettings = HttpSettings()
    tracing: TracingSettings = TracingSettings()
    schedule: ScheduleSettings = ScheduleSettings()

    @property
    def store_place(self) -> Path | PostgresUrl:
        """The file or the database of the store."""
        found = parse_place(self.store.url.get_secret_value())
        return self.bot.data_dir / found if isinstance(found, Path) else found

    @property
    def plan(self) -> BuildPlan:
        """What a build of the index needs to know."""
        return self.knowledge.plan(self.bot.data_dir)


def load_config(
    path: Path | None,
    overrides: Sequence[str] = (),
    tell: Callable[[str], None] = lambda _: None,
    *,
    text: str | None = None,
) -> Config:
    """Reads a configuration and lays `--set` values ("dotted.key=YAML") over it, in their order.

    Without a path, `config.yaml` in the current directory is read if there is one; else all
    defaults hold. Relative paths written in the file (and the defaults) are relative to the
    file's folder, those given by `--set` to the current directory; `~` is the home folder. A
    `--set` of a section or list replaces the whole of it. Keys of the last version are accepted;
    `tell` gets a line for each. A `text` is judged as if it stood in the file. Raises ConfigError,
    which names every problem in a line of its own.
    """
    file = path or DEFAULT_FILE
    if text is None:
        text = "" if path is None and not file.exists() else text_of(file, str(file))
    tree = read_text(text, file, str(file), os.environ)
    for number, assignment in enumerate(overrides):
        apply(tree, assignment, number, os.environ)
    for line in accept_old_keys(tree):
        tell(line)
    drop_empty_sections(Config, tree.data)
    data = dict(tree.data)
    written = {"adapters": _adapters(tree, data.pop("adapters"))} if "adapters" in data else {}
    config = validated(tree, Config, (), data)
    tree.stop_if_wrong()
    if config is None:
        raise AssertionError("a configuration without problems is valid")
    made: Config = absolute(tree, (), config.model_copy(update=written))
    return _with_folders_of_code(tree, made)


def _with_folders_of_code(tree: Tree, config: Config) -> Config:
    """`search.repo[].repo` is a path only where it looks like one, so its type doesn't tell."""
    repos = tuple(
        repo.model_copy(update={"repo": str(place.folder / Path(repo.repo).expanduser())})
        if repo.is_path and (place := tree.place(("search", "repo", i, "repo")))
        else repo
        for i, repo in enumerate(config.search.repo)
    )
    return config.model_copy(update={"search": config.search.model_copy(update={"repo": repos})})


def _adapters(tree: Tree, entries: Any) -> tuple[AdapterSettings, ...]:
    """The settings of each adapter, by the model of its kind; what is wrong goes to the tree."""
    if not isinstance(entries, list):
        tree.complain(("adapters",), "must be a list, such as [{kind: web}]")
        return ()
    made: list[AdapterSettings] = []
    for i, entry in enumerate(entries):
        loc = ("adapters", i)
        kind = entry.get("kind") if isinstance(entry, dict) else None
        if kind is None:
            tree.complain(loc, f"must be a section with a `kind`: {', '.join(KINDS)}")
        elif kind not in KINDS:
            tree.complain((*loc, "kind"), f"unknown kind; {suggestion(str(kind), KINDS)}")
        elif settings := validated(tree, settings_type(kind), loc, entry):
            name = settings.name
            if name in [other.name for other in made]:
                tree.complain(
                    (*loc, "name"), f"another adapter is named `{name}` too; write another name"
                )
            made.append(settings)
    return tuple(made)

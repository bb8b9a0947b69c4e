"""The knowledge base's part of the configuration: frozen values, checked on construction."""

import re
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import unquote, urlsplit

from pydantic import AfterValidator, Field, SecretStr, field_validator
from pydantic import ValidationInfo as Info

from common.settings import Cron, HeaderSecret, Section, WebAddress
from knowledge.plan import BuildPlan, EmbedderSpec, Source
from knowledge.sharing.settings import S3Place, S3Settings, parse_share

_HOST = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]*|[0-9A-Fa-f]*:[0-9A-Fa-f:.]+")
_USER = re.compile(r"[^\s:@/-][^\s:@/]*")
_SCP = re.compile(r"[\w.][\w.-]*@[\w.][\w.-]*:[^\s:-][^\s:]*")
_LOCAL = re.compile(r"/[^\0\n]*")


def _is_remote(address: str) -> bool:
    """An address whose host and user can't be taken for options by git, ssh or who reads them."""
    known = address.startswith(("https://", "ssh://", "file://"))
    if not known or re.search(r"\s", address) or not address.isprintable():
        return False
    try:
        parts = urlsplit(address)
        host, user, _ = unquote(parts.hostname or ""), unquote(parts.username or ""), parts.port
    except ValueError:
        return False
    if parts.scheme == "file":
        return parts.netloc in ("", "localhost") and parts.path.startswith("/")
    fits = _HOST.fullmatch(host) and (not user or _USER.fullmatch(user) or parts.scheme == "https")
    return bool(fits) and not user.startswith("-")


def _folder_name(text: str) -> str:
    if not re.fullmatch(r"\w[\w.-]{0,63}", text):
        raise ValueError(
            "must be letters, digits, _, - or ., at most 64, and not start with - or ."
        )
    return text


def _glob(pattern: str) -> str:
    if not pattern or pattern.startswith("/") or ".." in pattern.split("/"):
        raise ValueError('must be a pattern below the source\'s folder, such as "**/*.md"')
    return pattern


def _range(pair: tuple[int, int]) -> tuple[int, int]:
    if pair[0] >= pair[1]:
        raise ValueError(f"must be [low, high] with low below high, not [{pair[0]}, {pair[1]}]")
    return pair


FolderName = Annotated[str, AfterValidator(_folder_name)]
Glob = Annotated[str, Field(max_length=500), AfterValidator(_glob)]
Chars = Annotated[int, Field(ge=20, le=8000)]
CharRange = Annotated[tuple[Chars, Chars], AfterValidator(_range)]


class SourceSettings(Section):
    """A folder or a git repository with documents; exactly one of `path` and `git` is set.

    `name` is unique and safe as a folder's name. `include` and `exclude` are glob patterns
    relative to the source's folder. `link_base` is empty or the address that a document's path
    is appended to. What is `writable` may be changed on the console: a folder for answers that
    people gave.
    """

    name: FolderName
    path: Path | None = None
    # An address may carry a password, so it stays out of repr; it decides last whether both
    # or neither of the two are set.
    git: str | None = Field(default=None, repr=False, validate_default=True)
    include: tuple[Glob, ...] = Field(default=("**/*",), min_length=1)
    exclude: tuple[Glob, ...] = ()
    link_base: WebAddress = ""
    writable: bool = False

    @field_validator("git")
    @classmethod
    def _one_place(cls, git: str | None, info: Info) -> str | None:
        if git is not None and not (
            _is_remote(git) or _SCP.fullmatch(git) or _LOCAL.fullmatch(git)
        ):
            raise ValueError(
                "must be an https://, ssh:// or file:// address, git@host:path, or an absolute path"
            )
        if "path" in info.data and (git is None) == (info.data["path"] is None):
            raise ValueError("a source has either `path` or `git`; write exactly one of them")
        return git


class EmbedderSettings(Section):
    """Which model turns text into vectors; `dim` 0 asks the API once."""

    kind: Literal["use", "text2vec", "openai"] = "use"
    model: str = Field(default="", max_length=500, validate_default=True)
    base_url: WebAddress = Field(default="", validate_default=True)
    api_key: SecretStr = SecretStr("")
    dim: int = Field(default=0, ge=0, le=16384)

    @field_validator("model", "base_url")
    @classmethod
    def _demanded_by_openai(cls, text: str, info: Info) -> str:
        if info.data.get("kind") == "openai" and not text:
            example = {"model": "bge-m3", "base_url": "http://127.0.0.1:11434/v1"}
            raise ValueError(
                f"must be set for the embedder kind openai, such as {example[str(info.field_name)]}"
            )
        return text


class RerankerSettings(Section):
    """Which model puts the passages that were found in order, if any; see
    `knowledge.retrieval.rerank`. `candidates` are read by it, for `timeout_s` at most."""

    kind: Literal["none", "api", "local"] = "none"
    model: str = Field(default="", max_length=500, validate_default=True)
    base_url: WebAddress = Field(default="", validate_default=True)
    api_key: HeaderSecret = SecretStr("")
    candidates: int = Field(default=20, ge=2, le=32)
    timeout_s: float = Field(default=2, gt=0, le=60)

    @field_validator("model")
    @classmethod
    def _demanded_here(cls, model: str, info: Info) -> str:
        if info.data.get("kind") == "local" and not model:
            raise ValueError(
                "must be set for the reranker kind local, such as BAAI/bge-reranker-v2-m3"
            )
        return model

    @field_validator("base_url")
    @classmethod
    def _demanded_elsewhere(cls, address: str, info: Info) -> str:
        if info.data.get("kind") == "api" and not address:
            raise ValueError(
                "must be set for the reranker kind api, such as https://api.siliconflow.cn/v1"
            )
        return address


class IndexSettings(Section):
    """Parameters of hnswlib's graph."""

    m: int = Field(default=24, ge=2, le=128)
    ef_construction: int = Field(default=400, ge=8, le=4000)
    ef_search: int = Field(default=300, ge=8, le=4000)


class KnowledgeSettings(Section):
    """What is read, how it is cut into pieces, embedded and indexed. Lengths in characters. `share`
    is where a scheduler publishes it for workers: a folder that all of them have, or a bucket, for
    which `s3` holds."""

    sources: tuple[SourceSettings, ...] = Field(
        default=(SourceSettings(name="huixiangdou", path=Path("docs")),), min_length=1
    )
    max_file_mb: float = Field(default=20, gt=0, le=1000)
    convert_timeout_s: float = Field(default=60, gt=0, le=3600)
    piece_chars: CharRange = (300, 600)
    reject_chars: CharRange = (120, 240)
    passage_chars: int = Field(default=1500, ge=100, le=20000, validate_default=True)
    embedder: EmbedderSettings = EmbedderSettings()
    reranker: RerankerSettings = RerankerSettings()
    index: IndexSettings = IndexSettings()
    share: Path | S3Place | None = None
    s3: S3Settings = S3Settings()

    @field_validator("share", mode="plain")
    @classmethod
    def _place(cls, share: object) -> Path | S3Place | None:
        if share is not None and not isinstance(share, str):
            raise ValueError("must be a folder or s3://bucket/prefix")
        return parse_share(share) if share else None

    @field_validator("sources")
    @classmethod
    def _names_differ(cls, sources: tuple[SourceSettings, ...]) -> tuple[SourceSettings, ...]:
        names = [source.name for source in sources]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"two sources are named `{twice}`; give each a name of its own")
        return sources

    @field_validator("passage_chars")
    @classmethod
    def _holds_a_piece(cls, chars: int, info: Info) -> int:
        low_high = info.data.get("piece_chars")
        if low_high and chars < low_high[1]:
            raise ValueError(f"must be at least {low_high[1]}, the upper end of `piece_chars`")
        return chars

    def plan(self, data_dir: Path) -> BuildPlan:
        """What a build of the index in the bot's data folder needs to know."""
        return BuildPlan(
            folder=str(data_dir / "knowledge"),
            sources=tuple(
                Source(
                    name=source.name,
                    path=str(source.path or ""),
                    git=source.git or "",
                    include=source.include,
                    exclude=source.exclude,
                    link_base=source.link_base,
                )
                for source in self.sources
            ),
            embedder=EmbedderSpec(
                kind=self.embedder.kind,
                model=self.embedder.model,
                base_url=self.embedder.base_url,
                dim=self.embedder.dim,
                api_key=self.embedder.api_key.get_secret_value(),
            ),
            piece_chars=self.piece_chars,
            reject_chars=self.reject_chars,
            passage_chars=self.passage_chars,
            max_file_mb=self.max_file_mb,
            convert_timeout_s=self.convert_timeout_s,
            m=self.index.m,
            ef_construction=self.index.ef_construction,
            ef_search=self.index.ef_search,
        )


class GateSettings(Section):
    """Which messages the bot takes up; precisions, the confidence and the share are between 0
    and 1."""

    examples: tuple[Path, ...] = Field(default=(Path("examples/questions.json"),), min_length=1)
    model: Literal["learned", "distance"] = "learned"
    target_precision: float = Field(default=0.9, gt=0, lt=1)
    mention_precision: float = Field(default=0.6, gt=0, lt=1)
    confidence: float = Field(default=0.65, ge=0.5, lt=1)
    max_unwanted_per_week: float | None = Field(default=None, gt=0)
    messages_per_week: float = Field(default=1000.0, gt=0)
    expected_share: float = Field(default=0.25, gt=0, lt=1)
    neighbours: int = Field(default=5, ge=1, le=50)
    refit: Cron = "47 3 * * *"

    def key(self, examples: str, embedder: str) -> str:
        """Changes with all that a fit depends on, beside the index; `examples` is their digest."""
        return f"{examples} {embedder} {self.model_copy(update={'examples': (), 'refit': ''})}"

"""The part of the configuration about searching code: frozen values, checked on construction."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr, field_validator
from pydantic import ValidationInfo as Info

from common.settings import Section, WebAddress
from knowledge.settings import FolderName, Glob, KnowledgeSettings

_HOSTED = re.compile(r"(?:[\w-]+(?:\.[\w-]+)+(?::\d+)?/)?[\w.-]+/[\w.-]+(?:/[\w.-]+)*", re.ASCII)


def _revision(text: str) -> str:
    if not re.fullmatch(r"(?:[A-Za-z0-9_][\w./-]{0,199})?", text, re.ASCII):
        raise ValueError('must be a branch, tag or commit such as main, or ""')
    return text


Revision = Annotated[str, AfterValidator(_revision)]


class RepoSettings(Section):
    """One repository. `name` is unique; one that is named like a knowledge source, or is one,
    belongs to the groups that are bound to that source.

    local: `repo` is a knowledge source's name or a folder, `include` and `exclude` are patterns
    below it, `link_base` is what a path is appended to ("{commit}" in it is replaced).
    sourcegraph: `repo` is like github.com/owner/name, asked for at `endpoint`.
    """

    name: FolderName
    introduction: str = Field(default="", max_length=2000)
    backend: Literal["local", "sourcegraph"] = "local"
    repo: str = Field(min_length=1, max_length=1000)
    include: tuple[Glob, ...] = ()
    exclude: tuple[Glob, ...] = ()
    link_base: WebAddress = ""
    endpoint: WebAddress = "https://sourcegraph.com"
    token: SecretStr = SecretStr("")
    rev: Revision = ""

    @field_validator("repo")
    @classmethod
    def _fits_the_backend(cls, repo: str, info: Info) -> str:
        if info.data.get("backend") == "sourcegraph" and not _HOSTED.fullmatch(repo):
            raise ValueError(
                "must be like github.com/open-compass/opencompass or open-compass/opencompass"
            )
        if "\0" in repo or "\n" in repo:
            raise ValueError("must be the name of a knowledge source, or a folder")
        return repo

    @field_validator("endpoint")
    @classmethod
    def _not_empty(cls, address: str) -> str:
        if not address:
            raise ValueError("must be an address such as https://sourcegraph.com")
        return address.rstrip("/")

    @property
    def is_path(self) -> bool:
        """Is `repo` a folder rather than the name of a knowledge source?"""
        return self.backend == "local" and ("/" in self.repo or self.repo in (".", "..", "~"))


def one_of_each(repos: tuple[RepoSettings, ...]) -> tuple[RepoSettings, ...]:
    """Objects to a name that is given twice."""
    names = [repo.name.lower() for repo in repos]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ValueError(f"two repositories are named `{twice}`; give each a name of its own")
    return repos


RepoList = Annotated[tuple[RepoSettings, ...], AfterValidator(one_of_each)]
"""The value of `search.repo`."""


def source_folders(knowledge: KnowledgeSettings, data_dir: Path) -> Mapping[str, Path]:
    """Where each knowledge source's files are: its folder, or its git checkout."""
    checkouts = data_dir / "knowledge" / "git"
    return {source.name: source.path or checkouts / source.name for source in knowledge.sources}


def code_folder(repo: RepoSettings, sources: Mapping[str, Path], base: Path) -> Path | None:
    """The folder that a local repository is read from; relative ones start at `base`. None for
    the name of a source that there is not."""
    if repo.is_path:
        return (base / Path(repo.repo).expanduser()).absolute()
    return sources.get(repo.repo)

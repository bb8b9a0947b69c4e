"""The sections `answer` and `search` of the configuration."""

from pydantic import Field

from common.settings import Section
from knowledge.code.settings import RepoList
from knowledge.web.settings import WebSettings


class AnswerSettings(Section):
    """Limits of an answer; evidence is from 0 to 1."""

    max_chars: int = Field(default=1200, ge=50, le=20_000)
    max_passages: int = Field(default=5, ge=1, le=20)
    min_evidence: float = Field(default=0.3, ge=0, le=1)
    sure_evidence: float = Field(default=0.55, ge=0, le=1)


class SearchSettings(Section):
    """Where else than in the documents is looked: by default nowhere."""

    web: WebSettings = WebSettings()
    repo: RepoList = ()

    @property
    def configured(self) -> bool:
        """Is there anything to search beside the documents?"""
        return self.web.engine != "none" or bool(self.repo)

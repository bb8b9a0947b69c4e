"""The section `search` of the configuration: where else than in the documents is looked."""

from pydantic import BaseModel, ConfigDict

from knowledge.code.settings import RepoList
from knowledge.web.settings import WebSettings


class SearchSettings(BaseModel):
    """Everything is off by default: an empty section searches the documents only."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    web: WebSettings = WebSettings()
    repo: RepoList = ()

    @property
    def configured(self) -> bool:
        """Is there anything to search beside the documents?"""
        return self.web.engine != "none" or bool(self.repo)

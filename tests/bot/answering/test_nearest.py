"""What is shown where no passage is sure to answer."""

from pathlib import Path

from bot.answering.pipeline import NEAREST, Pipeline
from bot.answering.settings import AnswerSettings
from bot.cli.asking import mention
from bot.types import Answer, Reason
from knowledge.base import KnowledgeBase
from knowledge.ingest.build import build
from tests.knowledge.library import gate_options, plan_of, source, write_pages


async def test_no_more_than_the_nearest_passages(tmp_path: Path) -> None:
    pages = {
        f"{name.lower()}.md": f"# Runner on {name}\n\nThe runner supports {name} {n}.{n} as a"
        f" platform; on {name} it is installed by the command `runner-{n} setup`.\n"
        for n, name in enumerate(("Debian", "Windows", "Fedora", "Solaris", "Alpine"), 2)
    }
    plan = plan_of(tmp_path / "index", source("docs", path=write_pages(tmp_path / "docs", pages)))
    build(plan)
    unsure = AnswerSettings(min_evidence=0.0, sure_evidence=1.0)
    sure = unsure.model_copy(update={"sure_evidence": 0.0})
    asked = mention("Does the runner support Debian, Windows, Fedora, Solaris or Alpine?")
    async with KnowledgeBase(plan, gate_options(tmp_path)) as knowledge:
        quoted = await Pipeline(knowledge, sure).respond(asked, [])
        nearest = await Pipeline(knowledge, unsure).respond(asked, [])
    assert isinstance(quoted, Answer) and isinstance(nearest, Answer)
    assert len(quoted.citations) > len(nearest.citations) == NEAREST
    assert quoted.text.startswith(nearest.text)
    assert (quoted.reason, nearest.reason) == (Reason.ANSWERED, Reason.NEAREST)

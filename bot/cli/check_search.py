"""The part of `check` about searching elsewhere: does each search answer?"""

from bot.answering.external import ExternalSources
from bot.cli.findings import BAD, OK

SAMPLE = "HuixiangDou group chat assistant"
"""What the web is asked for, to see whether it answers."""


async def check_search(external: ExternalSources | None) -> list[str]:
    """A line per search that is configured; the web is asked one question."""
    if external is None:
        return [f"{OK}search: documents only"]
    found = []
    if external.code:
        wrong = external.code.notes()
        found += [f"{BAD}{note}" for note in wrong] or [f"{OK}search.repo: all can be searched"]
    if external.web:
        articles = await external.web.search([SAMPLE], chinese=False)
        wrong = external.web.notes()
        said = f"{OK}search.web: a sample question brought {len(articles)} pages"
        found += [f"{BAD}search.web: {note}" for note in wrong] or [said]
    return found

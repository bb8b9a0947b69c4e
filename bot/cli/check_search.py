"""The part of `check` about searching elsewhere: does each search answer?"""

from bot.answering.external import Elsewhere
from bot.cli.findings import BAD, OK

SAMPLE = "HuixiangDou group chat assistant"
"""What the web is asked for, to see whether it answers."""


async def check_search(elsewhere: Elsewhere | None) -> list[str]:
    """A line per search that is configured; the web is asked one question."""
    if elsewhere is None:
        return [f"{OK}search: documents only"]
    found = []
    if elsewhere.code:
        wrong = elsewhere.code.notes()
        found += [f"{BAD}{note}" for note in wrong] or [f"{OK}search.repo: all can be searched"]
    if elsewhere.web:
        articles = await elsewhere.web.search([SAMPLE], chinese=False)
        wrong = elsewhere.web.notes()
        said = f"{OK}search.web: a sample question brought {len(articles)} pages"
        found += [f"{BAD}search.web: {note}" for note in wrong] or [said]
    return found

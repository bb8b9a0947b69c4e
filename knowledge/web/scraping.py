"""ddgs: results scraped from free search engines, without a key. For little traffic only."""

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Self, TypeAlias

from knowledge.web.types import Faulty, Hit, Refused, Unusable

BACKENDS = "duckduckgo,brave,mojeek"
"""Search engines proper; encyclopedias say nothing about a program's error messages."""

RESULTS = 10
TIMEOUT_S = 15.0
ENGINE_TIMEOUT_S = 5
THREADS = 2

Results: TypeAlias = list[dict[str, Any]]
"""Each with `title`, `href` and `body`."""


class Scraping:
    """Open it with `async with`. The library blocks, so it works in a few threads, which can't be
    stopped: while all are at work, further queries wait."""

    name = "ddgs"

    def __init__(self, timeout_s: float = TIMEOUT_S) -> None:
        self._timeout_s = timeout_s
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="ddgs")

    async def __aenter__(self) -> Self:
        # It logs each address that it visits, and so what people ask.
        logging.getLogger("primp").setLevel(logging.WARNING)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def find(self, query: str, *, chinese: bool) -> list[Hit]:
        """The results for a query, best first. Raises EngineError."""
        region = "cn-zh" if chinese else "us-en"
        try:
            async with asyncio.timeout(self._timeout_s):
                loop = asyncio.get_running_loop()
                found = await loop.run_in_executor(self._threads, _search, query, region)
        except TimeoutError:
            raise Faulty(f"ddgs took more than {self._timeout_s:g} s") from None
        return [
            Hit(entry["href"], str(entry.get("title", "")))
            for entry in found[:RESULTS]
            if isinstance(entry.get("href"), str)
        ]


def _search(query: str, region: str) -> Results:
    """One blocking search. Raises EngineError."""
    try:
        from ddgs import DDGS
        from ddgs.exceptions import DDGSException, RatelimitException, TimeoutException
    except ImportError as error:
        raise Unusable("search.web.engine is ddgs: run `pip install ddgs`") from error
    try:
        found: Results = DDGS(timeout=ENGINE_TIMEOUT_S).text(
            query, region=region, safesearch="moderate", max_results=RESULTS, backend=BACKENDS
        )
    except RatelimitException:
        raise Refused("ddgs: the search engines send this machine away") from None
    except TimeoutException:
        raise Faulty("ddgs: the search engines did not answer in time") from None
    except DDGSException as error:
        if "no results" in str(error).lower():
            return []
        raise Faulty("ddgs: the search engines can't be reached") from None
    except (ValueError, TypeError, LookupError, AttributeError, RuntimeError, OSError) as error:
        # Pages that are scraped change without notice.
        raise Faulty(f"ddgs broke down: {type(error).__name__}") from None
    return found

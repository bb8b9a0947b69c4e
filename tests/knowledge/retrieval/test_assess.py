"""Texts from elsewhere, judged as if they were documents."""

from bot.answering.gather import SURE_PAGE
from knowledge.base import KnowledgeBase
from knowledge.types import Passage

PORTS = """# Kettle behind a proxy

Kettle speaks HTTP only. Put a proxy in front of it for TLS.

## Which header does kettle trust?

Kettle takes the address of the client from the header `X-Kettle-From`, if `trust_proxy: true` is
set in its configuration.
"""
LUNCH = "# Soup\n\nBoil the water, add the noodles and wait for three minutes. Serve with onions.\n"
QUESTION = "which header does the kettle server trust behind a proxy?"


def page(text: str, title: str) -> Passage:
    return Passage("web", "docs.test/a", title, 1, text, 0.0, url="https://docs.test/a",
                   origin="web")  # fmt: skip


async def test_the_passage_that_answers_comes_first(kettle: KnowledgeBase) -> None:
    found = await kettle.assess(QUESTION, [page(LUNCH, "Soup"), page(PORTS, "Proxies")], 2)
    best = found.passages[0]
    assert "X-Kettle-From" in best.text
    assert best.text in PORTS
    assert best.url == "https://docs.test/a" and best.origin == "web"
    assert PORTS.split("\n")[best.line - 1] == best.text.split("\n")[0]


async def test_evidence_tells_an_answer_from_something_else(kettle: KnowledgeBase) -> None:
    good = await kettle.assess(QUESTION, [page(PORTS, "Proxies")], 3)
    bad = await kettle.assess(QUESTION, [page(LUNCH, "Soup")], 3)
    assert good.evidence > 0.7 > 0.3 > bad.evidence
    assert good.unknown == ()
    assert {"header", "proxy"} & {name.lower() for name in bad.unknown}


async def test_a_title_that_matches_makes_no_answer_of_another_text(kettle: KnowledgeBase) -> None:
    title = "Which header does the kettle server trust behind a proxy?"
    bait = await kettle.assess(QUESTION, [page(LUNCH, title)], 3)
    assert bait.evidence < 0.3
    good = await kettle.assess(QUESTION, [page(PORTS, title)], 3)
    assert good.evidence > SURE_PAGE
    plain = await kettle.assess(QUESTION, [page(PORTS, "Notes")], 3)
    assert plain.evidence < good.evidence, "it still counts"


async def test_no_texts_are_no_evidence(kettle: KnowledgeBase) -> None:
    for texts in ([], [page("", "Empty")]):
        found = await kettle.assess(QUESTION, texts, 3)
        assert (found.passages, found.evidence) == ((), 0.0)


async def test_one_page_does_not_fill_the_list(kettle: KnowledgeBase) -> None:
    long = page("\n\n".join(f"## Proxy {n}\n\n" + "kettle proxy header. " * 40 for n in range(9)),
                "Long")  # fmt: skip
    found = await kettle.assess(QUESTION, [long, page(PORTS, "Proxies")], 4)
    assert sum(passage.heading.startswith("Long") for passage in found.passages) == 2

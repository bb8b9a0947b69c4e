"""What the searches bring, as passages."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from bot.answering.external_passages import article_passage, code_passage, joined, narrowed
from knowledge.code.types import CodeHit
from knowledge.web.types import Article

HIT = CodeHit(
    "kettle", "kettle/heat.py", 10, "Heater", "class Heater:\n    watts = 1800", "python",
    "https://github.com/k/kettle/blob/abc/kettle/heat.py#L10", 0.9, ("Heater",),
)  # fmt: skip
lines = st.lists(st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=60))


def test_code_is_fenced_and_cites_its_line() -> None:
    passage = code_passage(HIT)
    assert passage.text == "```python\nclass Heater:\n    watts = 1800\n```"
    assert (passage.path, passage.line, passage.origin) == ("kettle/kettle/heat.py", 10, "code")


def test_code_cannot_end_its_fence() -> None:
    passage = code_passage(replace(HIT, text='"""\n````\n@everyone\n"""'))
    assert passage.text.startswith("`````python\n") and passage.text.endswith("\n`````")


def test_a_page_is_named_by_its_address() -> None:
    article = Article(
        "https://docs.test/caf%C3%A9/port.html?x=1", "Ports", "text", preferred=True, rank=1
    )
    passage = article_passage(article)
    assert (passage.path, passage.url) == ("docs.test/café/port.html", article.url)
    assert (passage.origin, passage.heading) == ("preferred", "Ports")


def test_hits_that_follow_each_other_are_one() -> None:
    second = replace(HIT, line=13, heading="Heater > warm_up", text="    def warm_up", score=0.95)
    far = replace(HIT, line=90, text="x = 1", score=0.1, matched=())
    one, other = joined([second, far, HIT])
    assert one.text == "class Heater:\n    watts = 1800\n\n    def warm_up"
    assert (one.line, one.score, one.heading) == (10, 0.95, "Heater > warm_up")
    assert other == far


def test_the_lines_that_say_most_are_shown() -> None:
    body = [f"    x{n} = {n}" for n in range(80)]
    body[60:60] = ["    def warm_up(self, degrees=97):", "        return degrees"]
    whole = code_passage(replace(HIT, text="\n".join(["class Heater:", *body])))
    shown = narrowed(whole, ["warm_up"], ["degrees"], 400)
    assert "def warm_up(self, degrees=97):\n        return degrees" in shown.text
    assert len(shown.text) <= 400
    assert shown.url.endswith(f"#L{shown.line}")
    first = shown.text.split("\n")[1]
    assert whole.text.split("\n")[1 + shown.line - whole.line] == first


@given(lines, st.integers(50, 2000), st.lists(st.text(max_size=8), max_size=3))
def test_what_is_shown_are_whole_lines_in_their_order(
    body: list[str], room: int, words: list[str]
) -> None:
    whole = code_passage(replace(HIT, text="\n".join(["def f():", *body])))
    shown = narrowed(whole, words, words, room)
    kept = shown.text.split("\n")[1:-1]
    start = shown.line - whole.line
    assert whole.text.split("\n")[1:-1][start : start + len(kept)] == kept
    assert kept and (len(kept) == 1 or len(shown.text) <= room)

"""Cutting documents: nothing moved, nothing torn, every piece knows its place."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.ingest.long_documents import STRETCH, stretches
from knowledge.ingest.split import MIN_LETTERS, TextKind, outline_of, parts, split
from knowledge.types import Piece

CHARS = (60, 120)
SOLID = 400


def cut(text: str, kind: TextKind = "markdown") -> list[Piece]:
    return split(text, kind, outline_of(text, kind), CHARS, SOLID)


BLOCKS = st.sampled_from(
    [
        "# Install the bot",
        "## From source 从源码安装",
        "### Deeper",
        "Some words about the gate that decides when the bot may speak in a group.",
        "机器人只在有把握的时候说话，其余时间保持安静，不会打扰群里的人。" * 3,
        "```bash\npip install something\nmake run\nmake test --all --verbose\n```",
        "| key | meaning |\n|---|---|\n| quiet_s | seconds of pause |\n| burst | in a row |",
        "- one item of a list\n- another item of the list\n- and a third one here",
        "---",
        "    indented code block here\n    second line of the code",
    ]
)
DOCUMENTS = st.lists(BLOCKS, max_size=25).map("\n\n".join)


@given(DOCUMENTS)
def test_pieces_are_slices_in_order_with_right_lines(text: str) -> None:
    last = 0
    for piece in cut(text):
        assert text[piece.start : piece.end] == piece.text
        assert piece.start >= last
        assert piece.line == text.count("\n", 0, piece.start) + 1
        last = piece.end


@given(DOCUMENTS)
def test_words_are_never_lost(text: str) -> None:
    kept = "".join(piece.text for piece in cut(text))
    for word in ("decides", "meaning", "install something"):
        assert kept.count(word) == text.count(word)


@given(DOCUMENTS)
def test_code_blocks_and_tables_stay_whole(text: str) -> None:
    for piece in cut(text):
        assert piece.text.count("```") % 2 == 0
        if "| quiet_s |" in piece.text:
            assert "| key | meaning |" in piece.text


@given(st.text(max_size=2000))
def test_any_text_can_be_cut(text: str) -> None:
    for kind in ("markdown", "text"):
        for piece in cut(text, kind):
            assert text[piece.start : piece.end] == piece.text


def test_a_piece_knows_the_headings_above_it() -> None:
    filler = "words that fill a section until it is long enough to stand for itself."
    text = f"# A\n\n{filler}\n\n## B\n\n{filler}\n\n### C `code`\n\n{filler}\n\n## D\n\n{filler}"
    assert [p.heading for p in cut(text)] == ["A", "A > B", "A > B > C `code`", "A > D"]


def test_a_table_longer_than_a_passage_is_cut_at_line_ends() -> None:
    rows = "\n".join(f"| option number {n} | what it does and why |" for n in range(60))
    text = f"| key | meaning |\n|---|---|\n{rows}\n"
    pieces = cut(text)
    assert len(pieces) > 3
    assert all(piece.text.startswith("|") and piece.text.endswith("|") for piece in pieces)


def test_pieces_without_words_are_left_out() -> None:
    text = "# 1\n\n***\n\n![](x.png)\n\n" + "A sentence that says something about the subject here."
    assert all(len(piece.text) > MIN_LETTERS for piece in cut(text))
    assert cut("***\n\n---\n\n| | |\n|-|-|\n| 1 | 2 |") == []


@given(DOCUMENTS)
def test_pieces_by_section_lose_nothing_and_keep_blocks_whole(text: str) -> None:
    outline = outline_of(text, "markdown")
    cuts = parts(text, "markdown", outline, CHARS, SOLID, by_section=True)
    assert all(text[piece.start : piece.end] == piece.text for piece in cuts)
    assert "".join("".join(piece.text.split()) for piece in cuts) == "".join(text.split())
    assert sum(piece.text.count("pip install something") for piece in cuts) == sum(
        piece.text.count("make test --all") for piece in cuts
        if "pip install something" in piece.text
    )  # fmt: skip


def test_each_question_of_a_page_is_a_piece_of_its_own() -> None:
    text = "# Questions\n\n## Is it free of charge for all?\n\nYes, it is free.\n\n"
    text += "## Does it need a GPU to run?\n\nNo, it runs on the CPU of any machine.\n"
    pieces = split(text, "markdown", outline_of(text, "markdown"), CHARS, SOLID, by_section=True)
    assert [piece.heading for piece in pieces] == [
        "Questions > Is it free of charge for all?",
        "Questions > Does it need a GPU to run?",
    ]
    assert "GPU" not in pieces[0].text


FILLER = "Words about a kettle that fill the page until it is long enough. " * 5


def random_letters(low: int, count: int, length: int) -> str:
    return "".join(chr(low + number * 7919 % count) for number in range(length))


HOSTILE = {
    "one block of code": "# T\n\n```\n" + "x = y + 1\n" * 40_000 + "```\n",
    "a table": "|a|b|c|\n|-|-|-|\n" + "| option_name | the meaning of it | 42 |\n" * 10_000,
    "headings": "# Head\n\nsome text here\n\n" * 16_000,
    "headings alone": "# Head\n\n" * 25_000,
    "short paragraphs": "hello world this is text\n\n" * 15_000,
    "one paragraph": "hello world this is text\n" * 16_000,
    "one line": "kettle port server whistle " * 15_000,
    "backticks": "`" * 400_000,
    "chinese without a sign": random_letters(0x4E00, 16_000, 400_000),
    "chinese with few signs": random_letters(0x4E00, 16_000, 390) * 1000,
    "thai": random_letters(0x0E01, 46, 400_000),
    "one letter": "a" * 400_000,
    "base64": "QUJD" * 100_000,
    "quotes": "> " * 200_000,
    "accents": "e" + "\u0301" * 400_000,
    "empty lines": "\n" * 400_000,
    "brackets": "[" * 400_000,
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("kind", ["markdown", "text"])
def test_cutting_takes_time_in_proportion_to_the_length(name: str, kind: TextKind) -> None:
    """Twelve times as long they took more than a minute each, or did not end."""
    text = HOSTILE[name]
    began = time.process_time()
    outline = outline_of(text, kind)
    for chars, most, by_section in (((300, 600), 1500, False), ((120, 240), 480, True)):
        for piece in parts(text, kind, outline, chars, most, by_section=by_section):
            assert piece.end - piece.start <= most
    assert time.process_time() - began < 8


def test_a_long_page_is_cut_like_a_short_one() -> None:
    sections = [f"## Section {number}\n\n{FILLER}\n\n" for number in range(300)]
    text = "".join(sections)
    pieces = parts(
        text, "markdown", outline_of(text, "markdown"), (300, 600), 1500, by_section=True
    )
    assert len(text) > 4 * STRETCH
    assert "".join("".join(piece.text.split()) for piece in pieces) == "".join(text.split())
    assert [piece.heading for piece in pieces] == [f"Section {number}" for number in range(300)]


@given(st.lists(BLOCKS, min_size=1, max_size=30), st.integers(20, 60))
def test_stretches_cover_the_text_and_tear_nothing(blocks: list[str], times: int) -> None:
    text = "\n\n".join(blocks * times)
    outline = outline_of(text, "markdown")
    lines = [0, *(n + 1 for n, letter in enumerate(text) if letter == "\n"), len(text)]
    solid = [(lines[first], lines[last]) for first, last in outline.solid]
    titles = [(lines[h.line], lines[h.line + 1]) for h in outline.headings]
    found = list(stretches(text, titles, [h.level for h in outline.headings], solid))
    assert [start for start, _, _ in found] == [0, *(end for _, end, _ in found[:-1])]
    assert found[-1][1] == len(text)
    for start, end, inside in found:
        assert 0 < end - start <= STRETCH
        assert inside or not any(first < start < last for first, last in solid)


def test_a_block_that_fits_a_passage_is_whole_though_the_text_before_it_is_long() -> None:
    code = "```\n" + "kettle --boil --whistle\n" * 14 + "```"
    text = f"{FILLER}\n\nRun this:\n\n{code}\n\n{FILLER}"
    pieces = split(text, "markdown", outline_of(text, "markdown"), CHARS, SOLID)
    assert len(code) < SOLID
    assert sum(code in piece.text for piece in pieces) == 1
    assert all(piece.text.count("```") in (0, 2) for piece in pieces)


def test_the_first_line_of_a_block_keeps_its_indentation() -> None:
    text = f"{FILLER}\n\nExample::\n\n" + "".join(f"    step number {n}\n" for n in range(40))
    for kind in ("text",):
        starts = [piece.text for piece in cut(text, kind) if piece.text.lstrip().startswith("step")]
        assert len(starts) > 1
        assert all(start.startswith("    step") for start in starts)


def test_words_of_any_script_are_words() -> None:
    for text in (
        "Сервер слушает порт и ждёт, пока вода закипит в чайнике.",
        "やかんのサーバーはポート番号で待ちます。",
        "서버는 포트에서 물이 끓기를 기다립니다.",
    ):
        page = f"# Kettle\n\n{text}\n\n## More\n\n{FILLER}"
        pieces = split(
            page, "markdown", outline_of(page, "markdown"), CHARS, SOLID, by_section=True
        )
        assert pieces[0].heading == "Kettle"


def test_the_only_piece_of_a_document_is_kept() -> None:
    for by_section in (False, True):
        text = "# Port\n\nThe port is 7311."
        outline = outline_of(text, "markdown")
        (piece,) = split(text, "markdown", outline, CHARS, SOLID, by_section=by_section)
        assert piece.text == text
        stub = "# Rotated object detection\n\nComing soon."
        outline = outline_of(stub, "markdown")
        assert split(stub, "markdown", outline, CHARS, SOLID, by_section=by_section) == []

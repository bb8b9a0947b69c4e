"""Cutting documents: nothing moved, nothing torn, every piece knows its place."""

from hypothesis import given
from hypothesis import strategies as st

from knowledge.split import MIN_LETTERS, Piece, TextKind, outline_of, parts, split

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
    for kind in ("markdown", "rst", "text"):
        for piece in cut(text, kind):
            assert text[piece.start : piece.end] == piece.text


def test_a_piece_knows_the_headings_above_it() -> None:
    filler = "words that fill a section until it is long enough to stand for itself."
    text = f"# A\n\n{filler}\n\n## B\n\n{filler}\n\n### C `code`\n\n{filler}\n\n## D\n\n{filler}"
    assert [p.heading for p in cut(text)] == ["A", "A > B", "A > B > C `code`", "A > D"]


def test_restructured_text_titles_are_found_by_their_style() -> None:
    text = (
        "Guide\n=====\n\nText.\n\nInstall\n-------\n\nMore text.\n\nUse\n---\n\n.. note::\n   x\n"
    )
    headings = outline_of(text, "rst").headings
    assert [(h.line, h.level, h.text) for h in headings] == [
        (0, 1, "Guide"),
        (5, 2, "Install"),
        (10, 2, "Use"),
    ]


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

"""What nobody said in a file is blanked: lines keep their numbers, code stays as it is."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.ingest.boilerplate import without_artefacts
from knowledge.ingest.documents import Document
from knowledge.ingest.outline import blocks
from knowledge.ingest.reader_process import cleaned
from knowledge.ingest.render.lines import numbered


def clean(text: str) -> str:
    return without_artefacts(text, blocks(text))


def said(text: str) -> list[str]:
    return [line for line in clean(text).split("\n") if line.strip()]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("before\n<!-- TODO: check\nthe numbers -->\nafter", ["before", "after"]),
        ("It runs.<!-- really? --> It stops.", ["It runs. It stops."]),
        ("<!-- Slide number: 3 -->\n# Ports", ["# Ports"]),
        ('<p align="center">\n  <img src="a.png" alt="logo"/>\n  The kettle\n</p>', ["The kettle"]),
        ("mAP<sup>50</sup> of the <b>small</b> model", ["mAP50 of the **small** model"]),
        ("one<br>two<br/>three", ["one two three"]),
        ('<a name="ports"></a>\n## Ports', ["## Ports"]),
        ('See <a href="#ports">the ports</a>.', ["See the ports."]),
        ('end\n\n<a href="#top">🔝返回顶部</a>', ["end"]),
        ("end\n\n[⬆ back to top](#top)", ["end"]),
        ("<style>\nb {color: red}\n</style>\n\ntext", ["text"]),
        ('<img\n  src="a.png"\n  width="3">\n\ntext', ["text"]),
        ("a&nbsp;b", ["a b"]),
        ("<details>\n<summary>More</summary>\n\ntext\n\n</details>", ["**More**", "text"]),
        ("[TOC]\n\ntext", ["text"]),
        ('<Card\n  title="The\n  spout" />\n\ntext', ["**The spout**", "text"]),
        ("- [first step](#first)\n- [second step](b.md)", ["- first step", "- second step"]),
        ("Written to <https://example.com/a>.", ["Written to https://example.com/a."]),
        ("unclosed <!-- is text", ["unclosed <!-- is text"]),
    ],
)
def test_comments_and_tags_are_not_said(text: str, expected: list[str]) -> None:
    assert [line.strip() for line in said(text)] == expected


@pytest.mark.parametrize(
    "text",
    [
        "Run `python test.py <config> <checkpoint>` or python test.py <config> <checkpoint>.",
        "The tag `<img src=x>` and the comment `<!-- x -->` are code.",
        "```html\n<!-- a comment -->\n<img src=x>\n```",
        "    <p>indented code</p>\n    <!-- too -->",
        "a < b and c > d, 1 << 3",
        "Mail to <someone@example.com> or [us](https://example.com/a).",
        "Vector<int> and List<String>",
    ],
)
def test_what_only_looks_like_a_tag_stays(text: str) -> None:
    assert clean(text) == text


def test_a_table_of_contents_is_no_text() -> None:
    contents = "<!-- TOC -->\n\n- [Install](#install)\n  - [On `Windows`](#on-windows)\n\n"
    contents += "- [Use](#use)\n1. [More \\[old\\]](#more)\n\n<!-- TOC -->"
    text = f"# Guide\n\n{contents}\n\n## Install\n\ntext\n"
    assert said(text) == ["# Guide", "## Install", "text"]
    assert clean(text).split("\n").index("## Install") == text.split("\n").index("## Install")


def test_a_list_of_pages_for_the_builder_is_no_text() -> None:
    text = (
        "# Guide\n\n```{toctree}\n:maxdepth: 1\n\ninstall.md\n```\n\n```{note}\nBoil first.\n```\n"
    )
    assert said(text) == ["# Guide", "```{note}", "Boil first.", "```"]


def test_rows_of_an_html_table_are_lines() -> None:
    text = (
        "<table>\n  <tr>\n    <th>Model</th>\n    <th>Size</th>\n  </tr>\n"
        "  <tr>\n    <td>kettle</td>\n    <td>7 MB</td>\n  </tr>\n</table>\n"
    )
    assert said(text) == ["Model | Size", "kettle | 7 MB"]
    assert clean(text).split("\n").index("kettle | 7 MB") == 5


def test_html_that_was_indented_does_not_become_code() -> None:
    text = "<div>\n    <p>\n        The kettle whistles.\n    </p>\n</div>\n"
    lines, outline = cleaned(Document(numbered(text), "markdown", has_lines=True), 1500)
    assert [line for line in lines if line.text] == [("The kettle whistles.", 3)]
    assert outline.solid == ()


PARTS = st.lists(
    st.sampled_from(
        [
            "<!--",
            "-->",
            "<p>",
            "</p>",
            "<td>",
            "`",
            "```",
            "\n",
            "    ",
            "- [a](#a)\n",
            "x",
            " ",
            "<img src='",
            '"',
            ">",
            "<tr>",
            "\n\n",
            "# T\n",
            "[",
            "](#top)",
            "<script>",
            "文字",
            "&nbsp;",
        ]
    )
).map("".join)


@given(PARTS)
def test_lines_keep_their_numbers_whatever_the_text(text: str) -> None:
    plain = clean(text)
    assert plain.count("\n") == text.count("\n")
    assert len(plain) <= len(text) + text.count("<") * 3
    lines, _ = cleaned(Document(numbered(text), "markdown", has_lines=True), 1500)
    assert [line.number for line in lines] == sorted(line.number for line in lines)


@pytest.mark.parametrize(
    "part",
    [
        "<!--",
        "<a ",
        '<a "',
        "<a '",
        "<p",
        "`",
        "``a",
        "[",
        "- [a](#",
        "<script>",
        "<td>",
        "&nbsp",
        "<a href=#top>",
        "[a](#",
    ],
)
def test_hostile_text_is_cleaned_in_linear_time(part: str) -> None:
    text = part * (400_000 // len(part))
    began = time.process_time()
    without_artefacts(text, [])
    without_artefacts(text.replace("<", "\n<"), [])
    assert time.process_time() - began < 6


@pytest.mark.parametrize(
    ("first", "head"),
    [
        ("| **Event** | **Meaning** |", "| **Event** | **Meaning** |"),
        ("| **start** | when it starts |", "|  |  |"),
    ],
)
def test_a_bold_first_row_below_an_empty_head_is_the_head_of_each_part(
    first: str, head: str
) -> None:
    rows = "".join(f"| `e{number}` | {'what it means ' * 3}|\n" for number in range(40))
    text = f"# Events\n\n|  |  |\n|---|---|\n{first}\n{rows}"
    lines, _ = cleaned(Document(numbered(text), "markdown", has_lines=True), 800)
    said = [line.text for line in lines]
    heads = [said[at - 1] for at, line in enumerate(said) if line == "|---|---|"]
    assert len(heads) > 2
    assert set(heads) == {head}
    assert said.count(first) == (len(heads) if first == head else 1)
    assert len([line for line in said if line.startswith("| `e")]) == 40

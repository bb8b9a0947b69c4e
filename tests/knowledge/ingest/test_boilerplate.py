"""What nobody said in a file is blanked: lines keep their numbers, code stays as it is."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.ingest.boilerplate import without_artefacts, without_directives
from knowledge.ingest.outline import blocks, rst_outline
from knowledge.ingest.reader_process import cleaned


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
        ("mAP<sup>50</sup> of the <b>small</b> model", ["mAP50 of the small model"]),
        ("one<br>two<br/>three", ["one two three"]),
        ('<a name="ports"></a>\n## Ports', ["## Ports"]),
        ('See <a href="#ports">the ports</a>.', ["See the ports."]),
        ('end\n\n<a href="#top">🔝返回顶部</a>', ["end"]),
        ("end\n\n[⬆ back to top](#top)", ["end"]),
        ("<style>\nb {color: red}\n</style>\n\ntext", ["text"]),
        ('<img\n  src="a.png"\n  width="3">\n\ntext', ["text"]),
        ("a&nbsp;b", ["a b"]),
        ("<details>\n<summary>More</summary>\n\ntext\n\n</details>", ["More", "text"]),
        ("[TOC]\n\ntext", ["text"]),
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
        "Mail to <someone@example.com> or <https://example.com/a>.",
        "Vector<int> and List<String>",
        "- [first step](#first)\n- [second step](#second)",
        "- [a page](other.md#here)\n- [b page](b.md)\n- [c page](c.md)\n- [d page](d.md)",
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
    plain, outline = cleaned(text, "markdown")
    assert plain.split("\n")[2] == "The kettle whistles."
    assert outline.solid == ()


RST = """Guide
=====

.. toctree::
   :maxdepth: 2

   install

.. _ports:

.. This is a comment
   of two lines

Ports
-----

.. note:: Boil first.

.. image:: a.png
   :width: 3

Text with a [1]_ footnote.

.. [1] The footnote.

Example::

    .. a comment of the example
    value

.. code-block:: python

   serve(port=7311)
"""


def test_directives_of_restructured_text_are_not_said() -> None:
    plain = without_directives(RST, rst_outline(RST).solid)
    assert plain.count("\n") == RST.count("\n")
    for word in ("toctree", "maxdepth", "install", "_ports", "comment\n", "two lines", "a.png"):
        assert word not in plain
    for word in (".. note:: Boil", ".. [1] The", "    .. a comment of the example", "serve(port"):
        assert word in plain


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
    for kind in ("markdown", "rst", "text"):
        plain, _ = cleaned(text, kind)
        assert plain.count("\n") == text.count("\n")
        assert len(plain) <= len(text) + text.count("<") * 3


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

"""What is made of an HTML page's parts for which Markdown has no signs."""

from pathlib import Path

import pytest

from knowledge.ingest.render.html_page import main_part
from knowledge.ingest.render.office import to_markdown

LONG = "Makes a copy whose history goes back no further than so many commits. " * 2


def lines(tmp_path: Path, body: str) -> list[str]:
    (tmp_path / "a.html").write_text(f"<html><body>{body}</body></html>", encoding="utf-8")
    return [line for line in to_markdown(tmp_path / "a.html").split("\n") if line.strip()]


def test_long_definitions_are_sections_of_a_reference(tmp_path: Path) -> None:
    body = f"""<h1>clone</h1><h2>Options</h2><dl><dt>-d &lt;n&gt;</dt><dt><code>--depth</code></dt>
    <dd><p>{LONG}</p><p>Implies <code>--single</code>.</p></dd><dt>--bare</dt><dd>{LONG}</dd></dl>
    <h2>Notes</h2><p>None.</p>"""
    found = lines(tmp_path, body)
    assert found[:3] == ["# clone", "## Options", "### -d &lt;n&gt;, `--depth`"]
    assert found[3].startswith("Makes a copy")
    assert found[4:6] == ["Implies `--single`.", "### --bare"]
    assert "## Notes" in found


@pytest.mark.parametrize(
    "body",
    [
        "<h1>clone</h1><dl><dt>-n</dt><dd><p>No checkout.</p></dd><dt>-q</dt><dd>Quiet.</dd></dl>",
        f"<h1>clone</h1><dl><dt>-n</dt><dd>{LONG}</dd></dl><p>What follows is of the page.</p>",
        f"<h1>clone</h1><ul><li><dl><dt>-n</dt><dd>{LONG}</dd></dl></li></ul>",
    ],
    ids=["short", "more below", "in a list"],
)
def test_other_definitions_are_items_that_begin_with_their_term(tmp_path: Path, body: str) -> None:
    found = lines(tmp_path, body)
    assert [line for line in found if line.startswith("#")] == ["# clone"]
    assert any("**-n**: " in line for line in found)


@pytest.mark.parametrize(
    "note",
    [
        "<div class='note'><h3 class='title'>Note</h3><p>Mind the gap.</p></div>",
        "<div class='note'><table><tr><td rowspan='2'><img alt='[Note]' src='n.png'></td>"
        "<th>Note</th></tr><tr><td><p>Mind the gap.</p></td></tr></table></div>",
        "<div class='admonitionblock'><table><tr><td class='icon'><div class='title'>Note</div>"
        "</td><td class='content'>Mind the gap.</td></tr></table></div>",
    ],
    ids=["heading", "DocBook's table", "Asciidoctor's table"],
)
def test_an_admonition_is_no_section_and_no_table(tmp_path: Path, note: str) -> None:
    found = lines(tmp_path, f"<h1>Rails</h1>{note}<p>All else.</p>")
    assert found == ["# Rails", "Note", "Mind the gap.", "All else."]


@pytest.mark.parametrize("name", ["class='toc'", "class='navheader'", "id='toc'", "id='TOC'"])
def test_tables_of_contents_go(tmp_path: Path, name: str) -> None:
    found = lines(tmp_path, f"<h1>Rails</h1><div {name}><a href='#a'>Gauge</a></div><p>Wide.</p>")
    assert found == ["# Rails", "Wide."]


def test_a_page_that_is_named_like_its_contents_stays() -> None:
    page = b"<html><body><div class='toc'><h1>Rails</h1><p>Wide.</p></div></body></html>"
    assert "Wide." in main_part(page)

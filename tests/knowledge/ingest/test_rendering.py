"""Documents of every construct come out as Markdown that all can show, each line with its place."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

from adapters.dialects import DINGTALK, LARK, WECOM
from adapters.markdown import Dialect, rendered
from bench.markup import markup
from knowledge.index.line_map import LineMap
from knowledge.ingest.readers import DocumentReader, Job, Reading
from knowledge.settings import KnowledgeSettings
from tests.knowledge import files
from tests.knowledge.ingest.golden import Case, cases

VIEWS = KnowledgeSettings().plan(Path()).views
PAGE = Path(__file__).parents[3] / "bot" / "console" / "page" / "chat" / "markdown.js"
CASES = {case.name: case for case in cases()}
MEANT = {
    "mdx export and component": {"<name>"},
    "html of words": {"<fill>"},
    "escapes": {"<name>"},
}
"""What looks like markup in a golden document and is its text."""


@pytest.fixture(scope="module")
def reader() -> Iterator[DocumentReader]:
    with DocumentReader(VIEWS, timeout_s=60) as opened:
        yield opened


def read(reader: DocumentReader, path: Path, root: Path | None = None) -> Reading:
    (reading,) = reader.read([Job(path, root or path.parent)])
    assert reading.error == reading.gone == ""
    return reading


def lines_of(reading: Reading) -> list[tuple[int, str]]:
    texts = reading.text.rstrip("\n").split("\n")
    places = LineMap.load(reading.lines).places(0, len(texts))
    return [(number, text.rstrip()) for (number, _), text in zip(places, texts, strict=True)]


def test_there_is_a_document_for_every_construct() -> None:
    assert len(CASES) == len(cases()) >= 70


@pytest.mark.parametrize("name", CASES)
def test_a_document_is_shown_as_its_author_meant_it(
    reader: DocumentReader, tmp_path: Path, name: str
) -> None:
    case = CASES[name]
    reading = read(reader, case.write(tmp_path))
    assert lines_of(reading) == case.lines
    assert reading.notes == ()
    found = "\n".join(piece.text for piece in reading.pieces["answer"])
    assert re.findall(r"\w+", found) == re.findall(r"\w+", case.shown)  # nothing is in no piece
    assert {begin for _, begin in markup(reading.text)} <= MEANT.get(name, set())


@pytest.mark.parametrize("dialect", [LARK, DINGTALK, WECOM], ids=["lark", "dingtalk", "wecom"])
def test_each_platform_shows_all_words(dialect: Dialect) -> None:
    for case in CASES.values():
        shown = re.sub(r"&#(\d+);", lambda found: chr(int(found[1])), rendered(case.shown, dialect))
        table = dialect.tables == 0
        for word in re.findall(r"[^\W_]+", case.shown):
            assert word in shown or table, (case.name, word)


def test_the_page_shows_no_marks() -> None:
    shown = {case.name: case.shown for case in CASES.values()}
    for name, html in on_the_page(shown).items():
        text = Words.of(html)
        assert not re.search(r"\*\*|(?<!`)``(?!`)|\]\(|^#+ |^\| |^```", text, re.MULTILINE), name
        words = set(re.findall(r"[^\W\d_]+", plain(shown[name]))) - LANGUAGES
        assert set(re.findall(r"[^\W\d_]+", text)) >= words, name


def test_emphasis_links_and_escapes_on_the_page() -> None:
    text = "*hot* and **very** _hot_, snake_case_name, 2 * 3 * 4, \\*plain\\*, "
    text += (
        "[`boil()`](https://kettle.example/a_(b)) at https://kettle.example/x. [x](javascript:y)"
    )
    html = on_the_page({"a": text})["a"]
    for part in (
        "<em>hot</em> and <strong>very</strong> <em>hot</em>, snake_case_name, 2 * 3 * 4, *plain*",
        'href="https://kettle.example/a_(b)"',
        "<code>boil()</code></a>",
        ">https://kettle.example/x</a>. [x](javascript:y)",
    ):
        assert part in html


LANGUAGES = frozenset(["python", "bash", "js", "sh", "https", "kettle", "example"])


def plain(markdown: str) -> str:
    """Markdown without addresses and rules of tables."""
    return re.sub(r"\(https?://[^)]*\)", "", markdown)


class Words(HTMLParser):
    """The text that a browser shows of some HTML."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_data(self, data: str) -> None:
        self.found.append(data)

    @classmethod
    def of(cls, html: str) -> str:
        words = cls()
        words.feed(html)
        return "\n".join(words.found)


DOM = """
class Node { constructor(tag) { this.tag = tag; this.children = []; this.dataset = {};
    this.classList = { add() {} }; }
  append(...more) { this.children.push(...more); }
  setAttribute() {}
  addEventListener() {}
  get html() {
    const inner = this.children.map((c) => typeof c === "string"
      ? c.replaceAll("&", "&amp;").replaceAll("<", "&lt;") : c.html).join("");
    if (!this.tag) return inner;
    const href = this.href ? ` href="${this.href}"` : "";
    return ["button", "svg", "path"].includes(this.tag) ? "" :
      `<${this.tag}${href}>${inner}</${this.tag}>`;
  } }
globalThis.document = { createElement: (tag) => new Node(tag), createDocumentFragment: () =>
  new Node(""), createElementNS: (_, tag) => new Node(tag), createTextNode: (text) => {
  const node = new Node(""); node.append(text); return node; }, documentElement: { lang: "en" } };
globalThis.localStorage = { getItem: () => null, setItem() {} };
let input = ""; for await (const part of process.stdin) input += part;
const { renderMarkdown } = await import(process.argv[1]);
const shown = Object.entries(JSON.parse(input)).map(([k, v]) => [k, renderMarkdown(v).html]);
process.stdout.write(JSON.stringify(Object.fromEntries(shown)));
"""
"""As much of a document as the page's renderer needs; tests/e2e has a whole browser."""


def on_the_page(texts: dict[str, str]) -> dict[str, str]:
    """HTML of Markdown by the page's own renderer."""
    node = shutil.which("node")
    if node is None:
        import playwright

        node = str(Path(playwright.__file__).parent / "driver" / "node")
    done = subprocess.run(
        [node, "--input-type=module", "-e", DOM, PAGE.as_uri()],
        input=json.dumps(texts), capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    shown: dict[str, str] = json.loads(done.stdout)
    return shown


def test_a_notebook_with_its_outputs_and_cells(reader: DocumentReader, tmp_path: Path) -> None:
    outputs = [
        {"output_type": "stream", "name": "stdout", "text": ["\x1b[31mwater: 0.5\x1b[0m\n"]},
        {"output_type": "execute_result", "data": {"text/plain": "<Kettle at 0x7f00>"}},
        {"output_type": "error", "ename": "LidError", "evalue": "the lid is open"},
        {"output_type": "stream", "text": "line\n" * 100},
    ]
    files.write_cells(
        tmp_path / "a.ipynb",
        {"cell_type": "markdown", "source": "# Kettle\n\nIt is *hot*."},
        {"cell_type": "code", "source": ["kettle.boil()"], "outputs": outputs},
    )
    reading = read(reader, tmp_path / "a.ipynb")
    shown = [line for line in lines_of(reading) if line[1]]
    assert shown[:3] == [(1, "# Kettle"), (1, "It is *hot*."), (2, "```python")]
    for said in ("water: 0.5", "LidError: the lid is open", "…"):
        assert (2, said) in shown
    assert "0x7f00" not in reading.text
    assert reading.text.count("line\n") < 20


def test_a_sheet_with_merged_cells_formulas_and_one_row(
    reader: DocumentReader, tmp_path: Path
) -> None:
    files.write_book(
        tmp_path / "a.xlsx",
        {
            "Models": [["Model", "Litres", "Sum"], ["small", 0.5, "=B2*2"], [None, 0.7, 3.0], [],
                       ["The large one", None, None]],
            "Port": [["The port is", 8443]],
        },
        merged={"Models": ["A2:A3"]},
    )  # fmt: skip
    reading = read(reader, tmp_path / "a.xlsx")
    for row in (
        (1, "| Model | Litres | Sum |"),
        (2, "| small | 0.5 | =B2*2 |"),
        (3, "| small | 0.7 | 3 |"),
        (5, "The large one"),
        (1, "| The port is | 8443 |"),
    ):
        assert row in lines_of(reading)
    assert "nan" not in reading.text.lower()
    assert any("8443" in piece.text for piece in reading.pieces["answer"])


def test_a_page_in_columns_is_read_once_and_in_order(
    reader: DocumentReader, tmp_path: Path
) -> None:
    left, right = ["The kettle listens", "on port 7311."], ["Clean it with", "vinegar, not soap."]
    files.write_columns(tmp_path / "a.pdf", left * 6, right * 6)
    reading = read(reader, tmp_path / "a.pdf")
    assert reading.text.count("vinegar") == 6
    assert "\n".join(left) in reading.text
    assert reading.text.rindex("7311") < reading.text.index("vinegar")


def test_every_row_of_a_long_table_stands_below_its_head(
    reader: DocumentReader, tmp_path: Path
) -> None:
    rows = "".join(f"| option_{number} | what it does, in some words |\n" for number in range(200))
    (tmp_path / "a.md").write_text(f"# Options\n\n| Name | Meaning |\n|---|---|\n{rows}")
    pieces = read(reader, tmp_path / "a.md").pieces["answer"]
    tables = [piece for piece in pieces if "option_" in piece.text]
    assert len(tables) > 5
    assert all("| Name | Meaning |\n|---|---|\n" in piece.text for piece in tables)
    for piece in tables:
        number = re.search(r"option_(\d+)", piece.text)
        assert number
        assert piece.line == 5 + int(number[1]) or piece.line == 1


def test_long_code_is_cut_into_blocks_that_are_code(reader: DocumentReader, tmp_path: Path) -> None:
    code = "".join(
        f"kettle.boil(water_{number})\n{'' if number % 9 else chr(10)}" for number in range(200)
    )
    (tmp_path / "a.md").write_text(f"# Code\n\n```python\n{code}```\n")
    pieces = read(reader, tmp_path / "a.md").pieces["answer"]
    assert len(pieces) > 3
    assert all(piece.text.count("```python") == 1 for piece in pieces)
    assert all(piece.text.count("```") == 2 for piece in pieces)
    found = "".join(piece.text for piece in pieces)
    assert [int(n) for n in re.findall(r"water_(\d+)", found)] == list(range(200))


SECRET = "the password is whistle"


@pytest.mark.parametrize(
    "name", ["../secret.md", "/secret.md", ".git/config.md", "link.md", ".env"]
)
@pytest.mark.parametrize(
    "document", ["a.rst|.. include:: {}", 'b.md|--8<-- "{}"', "c.md|<!--@include: {}-->"]
)
def test_nothing_outside_or_hidden_is_included(
    reader: DocumentReader, tmp_path: Path, name: str, document: str
) -> None:
    root = tmp_path / "docs"
    (root / ".git").mkdir(parents=True)
    for place in (tmp_path / "secret.md", root / ".git" / "config.md", root / ".env"):
        place.write_text(SECRET)
    (root / "link.md").symlink_to(tmp_path / "secret.md")
    file, _, text = document.partition("|")
    (root / file).write_text(f"{text.format(name)}\n\nThe kettle whistles when it boils.\n")
    reading = read(reader, root / file, root)
    assert SECRET not in reading.text
    assert len(reading.notes) == 1
    assert name in reading.notes[0]


def test_a_circle_of_includes_ends(reader: DocumentReader, tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text('The kettle whistles when it boils.\n\n--8<-- "a.md"\n')
    reading = read(reader, tmp_path / "a.md")
    assert 1 < reading.text.count("whistles") < 10
    assert reading.notes


def test_what_is_included_counts_as_part_of_the_document(
    reader: DocumentReader, tmp_path: Path
) -> None:
    part = tmp_path / "part.md"
    part.write_text("Never boil milk in it.")
    (tmp_path / "a.md").write_text('The kettle whistles when it boils.\n\n--8<-- "part.md"\n')
    first = read(reader, tmp_path / "a.md")
    assert first.recheck
    job = Job(tmp_path / "a.md", tmp_path, first.hash)
    assert [reading.same for reading in reader.read([job])] == [True]
    part.write_text("Never boil soup in it.")
    (again,) = reader.read([job])
    assert not again.same
    assert "soup" in again.text


def test_anchors_are_those_of_the_document_else_those_of_the_title(
    reader: DocumentReader, tmp_path: Path
) -> None:
    case: Case = CASES["docusaurus anchor"]
    reading = read(reader, case.write(tmp_path))
    anchors = [anchor for _, anchor in LineMap.load(reading.lines).anchors]
    assert anchors == ["kettle", "spout", "lid"]

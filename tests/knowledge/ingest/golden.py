"""The golden documents of tests/fixtures/documents: small files, and what is shown of them."""

from dataclasses import dataclass, field
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "fixtures" / "documents"


@dataclass(frozen=True)
class Case:
    """`files` by their paths, the document first; `lines` are the shown ones with their numbers in
    the document."""

    name: str
    files: dict[str, str] = field(default_factory=dict)
    lines: list[tuple[int, str]] = field(default_factory=list)

    @property
    def document(self) -> str:
        return next(iter(self.files))

    @property
    def shown(self) -> str:
        return "\n".join(text for _, text in self.lines)

    def write(self, folder: Path) -> Path:
        """Writes the files; returns the document's path."""
        for name, text in self.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return folder / self.document


def cases() -> list[Case]:
    """All documents, in their order."""
    return [case for book in sorted(FOLDER.glob("*.golden")) for case in _read(book)]


def _read(book: Path) -> list[Case]:
    found: list[Case] = []
    name = ""
    for line in book.read_text(encoding="utf-8").rstrip("\n").split("\n"):
        if line.startswith("@@@ case "):
            found.append(Case(line.removeprefix("@@@ case ")))
        elif line.startswith("@@@ file "):
            name = line.removeprefix("@@@ file ")
            found[-1].files[name] = ""
        elif line == "@@@ shown":
            name = ""
        elif name:
            found[-1].files[name] += f"{line}\n"
        elif line:
            number, _, text = line.partition("|")
            found[-1].lines.append((int(number), text))
    return found

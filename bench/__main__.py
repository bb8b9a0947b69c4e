"""`python -m bench`: measures quality and speed, prints a table; see bench/README.md."""

import argparse
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

from bench import (
    build,
    daemon,
    elsewhere,
    environment,
    follows,
    gate,
    grounding,
    llm,
    load,
    quality,
    search,
    teacher,
    vectors,
)
from bench.figures import Figure, table
from bench.setup import ROOT, Bench, prepare

PARTS: dict[str, Callable[[Bench], Iterator[Figure]]] = {
    "build": build.measure,
    "quality": quality.measure,
    "gate": gate.measure,
    "teacher": teacher.measure,
    "grounding": grounding.measure,
    "follows": follows.measure,
    "elsewhere": elsewhere.measure,
    "search": search.measure,
    "daemon": daemon.measure,
    "load": load.measure,
    "vectors": vectors.measure,
    "environment": environment.measure,
    "llm": llm.measure,
}
DATA = ROOT.parent / "shared" / "data"
MARKS = "<!-- figures:begin -->", "<!-- figures:end -->"
LLM_MARKS = "<!-- llm-figures:begin -->", "<!-- llm-figures:end -->"


def main() -> int:
    """Runs the parts that were asked for, in their order; the first one builds the index."""
    args = _arguments()
    try:
        bench = prepare(args.data, args.llm)
    except FileNotFoundError as error:
        sys.stderr.write(f"bench: {error.filename} is missing; name the folder with --data\n")
        return 2
    figures: list[Figure] = []
    for name in args.only or [name for name in PARTS if name != "llm"]:
        print(f"{name} ...", flush=True)
        began = time.perf_counter()
        try:
            figures += PARTS[name](bench)
        except subprocess.CalledProcessError as error:
            # No table then: where the model wrote nothing, say, it would be one of something else.
            sys.stderr.write(f"bench: {name}: {_last_line(error)}\n")
            return 1
        print(f"    done in {time.perf_counter() - began:.0f} s", flush=True)
    print("\n" + table(figures))
    if args.json:
        rows = [asdict(figure) | {"ratio": round(figure.ratio, 3)} for figure in figures]
        args.json.write_text(json.dumps(rows, ensure_ascii=False, indent=1), encoding="utf-8")
    if args.readme:
        marks = LLM_MARKS if args.only == ["llm"] else MARKS
        _quote(ROOT / "bench/README.md", table(figures), marks)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA, help=f"evaluation data; default: {DATA}")
    parser.add_argument("--only", nargs="+", choices=PARTS, help="these parts only")
    parser.add_argument("--llm", default="", metavar="URL",
                        help="an OpenAI-compatible server, for the part llm")  # fmt: skip
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there as well")
    parser.add_argument("--readme", action="store_true", help="put the table into bench/README.md")
    args = parser.parse_args()
    if "llm" in (args.only or ()) and not args.llm:
        parser.error("the part llm needs --llm URL")
    return args


def _last_line(error: subprocess.CalledProcessError) -> str:
    said = error.stderr or ""
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    return (text.strip().splitlines() or [str(error)])[-1]


def _quote(page: Path, text: str, marks: tuple[str, str]) -> None:
    begin, end = marks
    old = page.read_text(encoding="utf-8")
    new = re.sub(f"{begin}.*{end}", lambda _: f"{begin}\n{text}\n{end}", old, flags=re.DOTALL)
    page.write_text(new, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())

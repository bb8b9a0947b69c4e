"""The house itself: which way imports point, how long files are, what must not occur."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("adapters", "bot", "common", "knowledge")
MAY_IMPORT = {
    "common": set[str](),
    "adapters": {"common"},
    "knowledge": {"common"},
    "bot": {"adapters", "knowledge", "common"},
}
MAX_LINES = 300
"""Mostly under 250; a file over 300 lines is more than one thing."""
MAX_FUNCTION_LINES = 60
MAX_MODULES = 20
"""In one folder, subfolders not counted."""
FLOORS = {
    "bot": (
        "types metrics", "tracing texts", "store grounding llm", "answering pages", "group",
        "config", "cluster console", "daemon", "replay", "cli",
    ),
    "knowledge": (
        "types", "plan sharing", "settings index", "ingest", "retrieval gate code web", "serving",
        "reading", "base", "evaluate",
    ),
}  # fmt: skip
"""The folders and modules of a package from the ground up: each imports only from floors below."""
BESIDE = {("bot.answering", "bot.store")}
"""Never imported though it is on a floor below: an answer depends on nothing that is kept."""
SMALL_LINES = 70
SMALL_FOR_A_REASON = {
    "adapters/web/socket.py": "the connection, beside what is sent over it",
    "adapters/wecom/check.py": "each platform has its check",
    "bot/answering/answer.py": "a stage of the pipeline",
    "bot/answering/preview.py": "a stage of the pipeline",
    "bot/answering/reject.py": "a stage of the pipeline",
    "bot/config/renamed.py": "the table to which every renamed key is added",
    "bot/console/api/logs.py": "each page of the console has its module",
    "bot/console/page_files.py": "the page itself, beside its API",
    "bot/daemon/greeting.py": "what the terminal shows at a start, beside what runs",
    "bot/daemon/receiver.py": "each role has its module",
    "bot/daemon/roles.py": "which role a process has, beside the roles",
    "bot/grounding/orders.py": "a check of its own, with its own tests",
    "bot/grounding/prompt_leaks.py": "a check of its own, with its own tests",
    "bot/group/command_audit.py": "what a command changed, beside what it does",
    "bot/group/replies.py": "what is said, beside who decides it",
    "bot/llm/lmdeploy/orphans.py": "what an earlier bot left, beside the server of this one",
    "knowledge/code/index_process.py": "starts a process; its driver is separate everywhere",
    "knowledge/gate/gate.py": "the protocol and its two implementations at serve time",
    "knowledge/gate/prior.py": "fitted numbers, beside the model that begins with them",
    "knowledge/index/borrowed_embedder.py": "runs in the builder, lent by the bot",
    "knowledge/retrieval/asks.py": "by words alone, as common/small_talk.py",
    "knowledge/retrieval/expand.py": "a step of the retrieval",
}
"""A small file that only one other imports is part of that one, unless there is a reason."""
MAX_SKIPS = 2
"""Calls under `# fmt: skip`. May only fall: pass by keyword and let the formatter lay it out."""
SILENCED = re.compile(r"# (?:noqa|type: ignore)\b(?:: [A-Z0-9, ]++|\[[\w, -]+\])?+(?! *[-#] \S)")
SQL_PLACES = ("bot/store/", "knowledge/index/", "knowledge/web/cache.py")
"""The bot's store, the index with its cache of embeddings, and the cache of web pages."""
SQL = re.compile(
    r"\s*(SELECT\s.+\sFROM|INSERT\s+(OR\s+\w+\s+)?INTO|UPDATE\s+\w+\s+SET|DELETE\s+FROM|CREATE\s+"
    r"(TABLE|INDEX|UNIQUE)|PRAGMA)\s",
    re.IGNORECASE | re.DOTALL,
)
BLOCKING = {
    "time.sleep",
    "requests.get",
    "requests.post",
    "subprocess.run",
    "subprocess.check_call",
}


def sources() -> list[Path]:
    return [ROOT / "run_bot.py", *(p for name in PACKAGES for p in (ROOT / name).rglob("*.py"))]


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.fixture(scope="module")
def trees() -> dict[Path, ast.Module]:
    return {path: ast.parse(path.read_text(encoding="utf-8")) for path in sources()}


def test_dependencies_point_one_way(trees: dict[Path, ast.Module]) -> None:
    wrong = [
        f"{module_of(path)} imports {name}"
        for path, tree in trees.items()
        for name in imports(tree)
        if (own := module_of(path).split(".")[0]) in MAY_IMPORT
        and (other := name.split(".")[0]) in (*PACKAGES, "run_bot", "tests", "bench")
        and other != own
        and other not in MAY_IMPORT[own]
    ]
    assert not wrong


def part_of(module: str) -> str:
    """The folder, or the module at the top of its package: "bot.group", "knowledge.base"."""
    return ".".join(module.split(".")[:2])


def test_folders_import_from_the_floors_below(trees: dict[Path, ast.Module]) -> None:
    floor = {
        f"{package}.{part}": number
        for package, floors in FLOORS.items()
        for number, parts in enumerate(floors)
        for part in parts.split()
    }
    wrong = []
    for path, tree in trees.items():
        own = part_of(module_of(path))
        if own.split(".")[0] not in FLOORS or path.name == "__init__.py":
            continue
        assert own in floor, f"{own} has no floor yet: see FLOORS"
        wrong += [
            f"{module_of(path)} imports {name}"
            for name in imports(tree)
            if (other := part_of(name)) in floor
            and other != own
            and other.split(".")[0] == own.split(".")[0]
            and (floor[other] >= floor[own] or (own, other) in BESIDE)
        ]
    assert not wrong


def test_folders_can_be_taken_in_at_a_glance() -> None:
    sizes = Counter(path.parent for path in sources() if path.name != "__init__.py")
    assert {str(f.relative_to(ROOT)): n for f, n in sizes.items() if n > MAX_MODULES} == {}


def test_small_files_with_one_importer_have_a_reason(trees: dict[Path, ast.Module]) -> None:
    modules = {module_of(path): path for path in trees if path.name != "__init__.py"}
    importers = Counter(
        name
        for path, tree in trees.items()
        for name in {found for found in imports(tree) if found in modules}
        if name != module_of(path)
    )
    small = {
        str(path.relative_to(ROOT))
        for module, path in modules.items()
        if importers[module] == 1
        and len(path.read_text(encoding="utf-8").splitlines()) < SMALL_LINES
    }
    assert small - set(SMALL_FOR_A_REASON) == set()


def test_there_are_no_import_cycles(trees: dict[Path, ast.Module]) -> None:
    modules = {module_of(path) for path in trees}
    graph = {
        module_of(path): {name for name in imports(tree) if name in modules} - {module_of(path)}
        for path, tree in trees.items()
    }
    done: set[str] = set()

    def visit(module: str, trail: tuple[str, ...]) -> None:
        assert module not in trail, f"cycle: {' -> '.join((*trail, module))}"
        if module not in done:
            for imported in graph[module]:
                visit(imported, (*trail, module))
            done.add(module)

    for module in graph:
        visit(module, ())


def test_files_and_functions_stay_readable(trees: dict[Path, ast.Module]) -> None:
    long = [
        f"{path.relative_to(ROOT)}: {lines} lines"
        for path in trees
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > MAX_LINES
    ]
    long += [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"
        for path, tree in trees.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno >= MAX_FUNCTION_LINES
    ]
    assert not long


def test_long_calls_are_laid_out_by_the_formatter(trees: dict[Path, ast.Module]) -> None:
    skips = []
    for path, tree in trees.items():
        lines = path.read_text(encoding="utf-8").splitlines()
        ends = {number for number, line in enumerate(lines, 1) if line.endswith("# fmt: skip")}
        skips += [
            f"{path.relative_to(ROOT)}:{line}"
            for line in {
                node.end_lineno or 0
                for node in ast.walk(tree)
                if isinstance(node, ast.Call) and len(node.args) + len(node.keywords) > 1
            }
            & ends
        ]
    assert len(skips) <= MAX_SKIPS, sorted(skips)


def test_what_is_silenced_says_why() -> None:
    """Behind it, or in a comment above."""
    silent = []
    for path in [*sources(), *(ROOT / "tests").rglob("*.py"), *(ROOT / "bench").rglob("*.py")]:
        above = ""
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if SILENCED.search(line) and not above.lstrip().startswith("# "):
                silent.append(f"{path.relative_to(ROOT)}:{number}")
            above = line
    assert not silent


def test_sql_stands_in_the_store_and_the_index(trees: dict[Path, ast.Module]) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path, tree in trees.items()
        if not str(path.relative_to(ROOT)).startswith(SQL_PLACES)
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and SQL.match(node.value)
    ]
    assert not found


@pytest.mark.parametrize("name", ["docs/architecture.md", "README.md", "README_zh.md"])
def test_documents_name_files_that_exist(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    named = set(re.findall(r"(?<![\w/.-])(?:[\w.-]+/)*[\w-]+\.(?:py|md)\b", text))
    named |= set(re.findall(r"(?<![\w/.-])(?:bot|knowledge|adapters|common)/(?:\w+/)*(?!\w)", text))
    missing = {path for path in named if not (ROOT / path).exists()}
    assert not missing
    if name == "docs/architecture.md":
        assert len(named) > 20


def test_what_must_not_occur(trees: dict[Path, ast.Module]) -> None:
    found: list[str] = []
    for path, tree in trees.items():
        for node in ast.walk(tree):
            where = f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}"
            if isinstance(node, ast.Global):
                found.append(f"{where} global")
            if isinstance(node, ast.FunctionDef) and node.name == "__del__":
                found.append(f"{where} __del__")
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "print":
                found.append(f"{where} print")
            if isinstance(node, ast.ExceptHandler) and node.type is None:
                found.append(f"{where} bare except")
    assert not found


def test_child_processes_have_one_driver(trees: dict[Path, ast.Module]) -> None:
    starting = {
        path.name
        for path, tree in trees.items()
        if not {"subprocess", "asyncio.subprocess", "multiprocessing"}.isdisjoint(imports(tree))
    }
    assert starting == {"process.py", "process_async.py", "process_launch.py"}


def test_broad_excepts_stand_where_a_bug_must_end_nothing_else(
    trees: dict[Path, ast.Module],
) -> None:
    broad = sorted(
        path.name
        for path, tree in trees.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ExceptHandler)
        and node.type is not None
        and ast.unparse(node.type) == "Exception"
    )
    assert " ".join(broad) == (
        "app.py command_audit.py dispatcher.py jobs.py lanes.py outbox.py process.py"
        " process_main.py reader_process.py worker.py"
    ), (
        "the adapter supervisor, commands, a group's worker, the job runner, a group's lane in a"
        " cluster, a reply, what is looked up for a question, the converter's child, a question"
    )


def test_nothing_blocks_the_event_loop(trees: dict[Path, ast.Module]) -> None:
    blocking = [
        f"{path.relative_to(ROOT)}:{call.lineno} {ast.unparse(call.func)}"
        for path, tree in trees.items()
        for function in ast.walk(tree)
        if isinstance(function, ast.AsyncFunctionDef)
        for call in ast.walk(function)
        if isinstance(call, ast.Call) and ast.unparse(call.func) in BLOCKING
    ]
    assert not blocking

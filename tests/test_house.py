"""The house itself: which way imports point, how long files are, what must not occur."""

import ast
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


def test_broad_excepts_stand_in_three_places(trees: dict[Path, ast.Module]) -> None:
    broad = sorted(
        path.name
        for path, tree in trees.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ExceptHandler)
        and node.type is not None
        and ast.unparse(node.type) == "Exception"
    )
    assert broad == ["app.py", "jobs.py", "reader_process.py", "worker.py"], (
        "the group worker, the adapter supervisor, the job runner, and the converter's child"
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

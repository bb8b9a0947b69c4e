"""A small library of documents about an imaginary tool, for tests of the knowledge base."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from knowledge.ingest.build import build
from knowledge.plan import BuildPlan, Source
from knowledge.settings import GateSettings, KnowledgeSettings, SourceSettings

PAGES = {
    "en/install.md": """# Installing Kettle

## From a wheel

Run `pip install kettle` and check it with `kettle --version`. Python 3.9 or newer is needed.

## On Windows

Windows needs the Visual C++ runtime. If the import fails with `DLL load failed`, install the
redistributable of 2019 and restart the terminal.
""",
    "zh/install.md": """# 安装 Kettle

## 用 wheel 安装

运行 `pip install kettle`，再用 `kettle --version` 检查。需要 Python 3.9 或更高版本。

## 在 Windows 上

Windows 需要 Visual C++ 运行库。如果导入时报 `DLL load failed`，请安装 2019 版运行库并重启终端。
""",
    "en/serving.md": """# Serving models

## Ports

The server listens on port 7311 by default; `--port` changes it. When the port is taken the
server ends with exit status 98.

```bash
kettle serve --port 7400 --workers 4
```

## Memory

The cache takes 40% of the free memory. Lower it with `cache_fraction: 0.2` when the server runs
out of memory.
""",
    "en/faq.md": """# Questions people ask

## Why is the first request slow?

The first request compiles the kernels, which takes a minute. Warm the server up with
`kettle warmup` before traffic comes.
""",
}

GOOD = [
    "how do I install kettle with pip?",
    "which port does the kettle server listen on",
    "DLL load failed on windows when importing kettle",
    "kettle 的缓存占多少显存",
    "怎么安装 kettle",
    "the first request to the server is very slow",
]
BAD = [
    "what's for lunch today",
    "今天中午吃什么",
    "哈哈哈",
    "谢谢大佬",
    "anyone going to the concert on friday?",
    "下周放假吗",
    "my cat is sick",
    "好的收到",
]


def write_pages(folder: Path, pages: dict[str, str] = PAGES) -> Path:
    """Writes the pages below a folder."""
    for name, text in pages.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def built(folder: Path) -> BuildPlan:
    """The pages and their index, built in the folder, with the plan by which it was."""
    made = plan(folder / "index", write_pages(folder / "docs"))
    build(made)
    return made


def plan(folder: Path, documents: Path, link_base: str = "") -> BuildPlan:
    """A plan for one source named "kettle"."""
    return plan_of(folder, source("kettle", path=documents, link_base=link_base))


def plan_of(folder: Path, *sources: Source) -> BuildPlan:
    """A plan for some sources, which builds in the folder; the rest is as by default."""
    return replace(KnowledgeSettings().plan(folder), folder=str(folder), sources=sources)


def source(name: str, **place: Any) -> Source:
    """A source as it would be if the configuration named it."""
    settings = KnowledgeSettings(sources=(SourceSettings(name=name, **place),))
    return settings.plan(Path()).sources[0]


def gate_options(folder: Path) -> GateSettings:
    """The gate's examples, written to a file."""
    import json

    path = folder / "examples.json"
    path.write_text(json.dumps({"good": GOOD, "bad": BAD}, ensure_ascii=False))
    return GateSettings(examples=(path,), neighbours=2)

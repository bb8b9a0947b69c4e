"""The evaluation data, unpacked into `.bench/`, and the bot's configuration over it."""

import shutil
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path

from bot.config.schema import Config, load_config

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True, slots=True)
class Bench:
    """Where the data is, where the benchmark may write, and the address of a language model."""

    data: Path
    work: Path
    llm: str = ""

    @property
    def corpus(self) -> Path:
        """The documents, unpacked."""
        return self.work / "corpus"

    @property
    def overrides(self) -> list[str]:
        """What differs from the shipped configuration."""
        return [
            f"bot.data_dir={self.work / 'data'}",
            f"knowledge.sources=[{{name: docs, path: {self.corpus}}}]",
            f"gate.examples=[{self.data / 'seed_questions.json'}]",
            "http.port=0",
        ]

    @property
    def config(self) -> Config:
        """The shipped configuration over the corpus."""
        return load_config(ROOT / "config.yaml", self.overrides)

    @property
    def command(self) -> list[str]:
        """The command line of the bot over the corpus, without its command."""
        sets = [part for value in self.overrides for part in ("--set", value)]
        return [sys.executable, str(ROOT / "run_bot.py"), *sets]


def prepare(data: Path, llm: str = "") -> Bench:
    """Unpacks the corpus afresh. Raises FileNotFoundError when the data isn't there."""
    bench = Bench(data.resolve(), ROOT / ".bench", llm)
    bench.work.mkdir(exist_ok=True)
    shutil.rmtree(bench.corpus, ignore_errors=True)
    with tarfile.open(bench.data / "openmmlab_docs.tar.gz") as archive:
        archive.extractall(bench.corpus, filter="data")
    return bench

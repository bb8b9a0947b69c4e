"""Building the index in a process of its own: neither its work nor its memory is the daemon's."""

import logging
import signal
from base64 import b64encode
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from common.process import NETWORK, ChildFailed, Message, environment, module
from common.process_async import AsyncChild
from knowledge.ingest.git import GIT_VARIABLES
from knowledge.plan import BuildPlan, BuildReport, Skipped
from knowledge.types import KnowledgeError, Vectors

log = logging.getLogger(__name__)

MOST_BYTES = 1 << 26
"""A report names every changed and skipped file: tens of megabytes for a million of them."""

MODEL_VARIABLES = (
    "HOME", "XDG_CACHE_HOME", "HF_*", "HUGGINGFACE_*", "TRANSFORMERS_*", "SENTENCE_TRANSFORMERS_*",
    "TORCH_*", "PYTORCH_*", "CUDA_*", "NVIDIA_*", "OMP_*", "MKL_*",
)  # fmt: skip
"""What a model that is loaded by text2vec goes by: where it is cached, and where it runs."""


@dataclass(frozen=True, slots=True)
class Lent:
    """A model that is loaded here: the build's process need not load it for a few texts."""

    dim: int
    encode: Callable[[Sequence[str]], Awaitable[Vectors]]


async def build_apart(
    plan: BuildPlan,
    progress: Callable[[str, int, int], None] = lambda *_: None,
    lent: Lent | None = None,
) -> BuildReport:
    """Builds in a child process, see `knowledge.ingest.builder_main`. Raises KnowledgeError, also
    when the child is killed; cancelling ends it, and it ends with this process."""
    command = module("knowledge.ingest.builder_main", environment(*_variables(plan)))
    try:
        async with await AsyncChild.start(command, MOST_BYTES) as child:
            await child.send({"plan": asdict(plan), "dim": lent.dim if lent else 0})
            return await _result(child, progress, lent)
    except ChildFailed as error:
        log.error("the process that builds the index: %s\n%s", error, error.last_words)
        raise KnowledgeError(_ending(error.status)) from error
    except OSError as error:
        raise KnowledgeError(f"can't start a process to build the index: {error}") from error


def _variables(plan: BuildPlan) -> list[str]:
    """What the sources and the embedder of a plan need to know of the environment."""
    kind = plan.embedder.kind
    names = [*GIT_VARIABLES] if any(source.git for source in plan.sources) else []
    names += NETWORK if kind != "use" else ()
    return [*names, *(MODEL_VARIABLES if kind == "text2vec" else ())]


async def _result(
    child: AsyncChild, progress: Callable[[str, int, int], None], lent: Lent | None
) -> BuildReport:
    while True:
        message = await child.receive()
        if "report" in message:
            return _report(message["report"])
        if "error" in message:
            raise KnowledgeError(message["error"])
        if lent and "encode" in message:
            await child.send(await _encoded(lent, message["encode"]))
        else:
            progress(*message["progress"])


async def _encoded(lent: Lent, texts: list[str]) -> Message:
    try:
        return {"vectors": b64encode((await lent.encode(texts)).tobytes()).decode()}
    except KnowledgeError as error:
        return {"error": str(error)}


def _ending(status: int | None) -> str:
    why = "has stopped answering" if status is None else f"ended with status {status}, see the log"
    if status is not None and status < 0:
        why = f"was ended by signal {-status}"
    if status == -signal.SIGKILL:
        why += ", perhaps for want of memory"
    return f"the process that builds the index {why}; the index is as it was before"


def _report(found: dict[str, Any]) -> BuildReport:
    skipped = tuple(Skipped(**item) for item in found.pop("skipped"))
    paths = {name: tuple(found.pop(name)) for name in ("added", "changed", "removed")}
    return BuildReport(**found | paths | {"skipped": skipped})

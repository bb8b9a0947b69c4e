"""The fitted gate on disk, beside the index that it belongs to: `gate.json` holds the operating
points, `gate.npz` the learned model where there is one."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from knowledge.gate.examples import Example
from knowledge.gate.model import VERSION, LearnedModel
from knowledge.gate.points import Scored
from knowledge.types import Counts, GateState, IndexMismatch, KnowledgeError, Point

STATE, MODEL = "gate.json", "gate.npz"


@dataclass(frozen=True, slots=True)
class FittedGate:
    """What a fit brought. `held_out` are the scores of the `examples` that it was fitted to, each
    without its own label; a gate that was loaded has none. Where headings stand in for examples
    these are not the ones that are scored."""

    state: GateState
    model: LearnedModel | None
    held_out: Scored | None = field(default=None, compare=False)
    examples: tuple[Example, ...] = field(default=(), compare=False)

    def save(self, folder: Path) -> None:
        """Writes the artefact; the state, which says that there is a model, comes last. Raises
        KnowledgeError."""
        try:
            if self.model:
                self.model.save(folder / MODEL)
            else:
                # What an earlier model was fitted to may be erased since.
                (folder / MODEL).unlink(missing_ok=True)
            waiting = (folder / STATE).with_suffix(".tmp")
            found = {"version": VERSION, **asdict(self.state)}
            waiting.write_text(json.dumps(found, indent=1), encoding="utf-8")
            waiting.replace(folder / STATE)
        except OSError as error:
            raise KnowledgeError(f"can't write the gate: {error}") from error

    @classmethod
    def load(cls, folder: Path, index: str, key: str) -> "FittedGate | None":
        """Reads the artefact; None where there is none, or it was fitted to something else. Raises
        IndexMismatch when it can't be read."""
        path = folder / STATE
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            if found.pop("version", None) != VERSION:
                raise IndexMismatch(f"{path} was written by another version")
            state = _state(found)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise IndexMismatch(f"{path} is unreadable: {error}") from error
        if (state.index, state.key) != (index, key):
            return None
        return cls(state, LearnedModel.load(folder / MODEL) if state.model == "learned" else None)


def _state(found: Mapping[str, Any]) -> GateState:
    groups = {group: (_point(one), _point(two)) for group, (one, two) in found["groups"].items()}
    points = {name: _point(found[name]) for name in ("unprompted", "mention")}
    return GateState(**{**found, **points, "groups": groups})


def _point(found: Mapping[str, Any]) -> Point:
    return Point(**{**found, "counts": Counts(**found["counts"])})

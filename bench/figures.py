"""A figure beside its limit or its peer, and tables of them."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """What was measured beside what it is compared with: a limit to keep, or a peer's figure."""

    name: str
    ours: float
    other: float
    unit: str = ""
    than: str = "limit"
    more_is_better: bool = False

    @property
    def ratio(self) -> float:
        """How many times better ours is; below 1 it is worse."""
        better, worse = (self.ours, self.other) if self.more_is_better else (self.other, self.ours)
        return better / worse if worse else float("inf")


def at_least(name: str, ours: float, limit: float, unit: str = "") -> Figure:
    """A figure that should reach a limit."""
    return Figure(name, ours, limit, unit, "at least", more_is_better=True)


def at_most(name: str, ours: float, limit: float, unit: str = "") -> Figure:
    """A figure that should stay below a limit."""
    return Figure(name, ours, limit, unit, "at most")


def against(
    name: str, ours: float, peer: float, unit: str, than: str, *, more_is_better: bool = False
) -> Figure:
    """A figure beside somebody else's."""
    return Figure(name, ours, peer, unit, than, more_is_better)


def table(figures: Sequence[Figure]) -> str:
    """The figures as a Markdown table."""
    rows = [
        "| figure | ours | beside it | ratio (more is better) |",
        "|---|---:|---:|---:|",
    ]
    rows += [
        f"| {f.name} | {_number(f.ours)}{_unit(f)} | {f.than} {_number(f.other)}{_unit(f)} "
        f"| {f.ratio:.2f} |"
        for f in figures
    ]
    return "\n".join(rows)


def _number(value: float) -> str:
    if value == int(value) and abs(value) < 1e7:
        return f"{int(value)}"
    if abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.3g}" if abs(value) >= 1 else f"{value:.3f}"


def _unit(figure: Figure) -> str:
    return f" {figure.unit}" if figure.unit else ""

"""Bars as SVG. All texts are escaped."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

COLOURS = ("#2563eb", "#16a34a", "#d97706", "#9333ea", "#0891b2", "#dc2626", "#65a30d", "#6b7280")
WIDTH, HEIGHT, LEFT, BELOW = 940, 180, 36, 34
MOST_DAYS = 92
"""Of a longer time each bar is as many days as needed."""


def histogram(counts: Sequence[int], names: Sequence[str], mark: float | None = None) -> str:
    """A bar per count, named below; `mark`, 0 to 1, is where a line stands across."""
    bars = [
        [(count, COLOURS[0], f"{name} {count}")] for count, name in zip(counts, names, strict=True)
    ]
    line = ""
    if mark is not None:
        x = LEFT + min(1.0, max(0.0, mark)) * (WIDTH - LEFT)
        line = f'<line x1="{x:.1f}" x2="{x:.1f}" y1="0" y2="{HEIGHT}" stroke="#dc2626"/>'
    return _svg(bars, names, line)


def stacked_days(rows: Sequence[Mapping[str, Any]]) -> str:
    """Replies by day, a colour per group; `rows` hold `day`, `group`, `unprompted`, `mention`."""
    if not rows:
        return ""
    days = sorted({row["day"] for row in rows})
    together = -(-len(days) // MOST_DAYS)
    place = {day: number // together for number, day in enumerate(days)}
    groups = sorted({row["group"] for row in rows})
    colour = {group: COLOURS[number % len(COLOURS)] for number, group in enumerate(groups)}
    counts: dict[tuple[int, str], int] = defaultdict(int)
    for row in rows:
        counts[place[row["day"]], row["group"]] += row["unprompted"] + row["mention"]
    firsts = days[::together]
    bars = [
        [
            (counts[number, group], colour[group], f"{day} {group}: {counts[number, group]}")
            for group in groups
        ]
        for number, day in enumerate(firsts)
    ]
    step = -(-len(firsts) // 12)
    names = [day[5:] if number % step == 0 else "" for number, day in enumerate(firsts)]
    legend = " ".join(
        f'<span style="color:{colour[group]}">■</span> {escape(group)}' for group in groups[:20]
    )
    return f"{_svg(bars, names)}<p>{legend}</p>"


Bar = Sequence[tuple[int, str, str]]
"""Stacked parts: how many, which colour, what a pointer over it shows."""


def _svg(bars: Sequence[Bar], names: Sequence[str], more: str = "") -> str:
    highest = max((sum(count for count, _, _ in bar) for bar in bars), default=0) or 1
    wide = (WIDTH - LEFT) / max(1, len(bars))
    drawn = [
        f'<text x="0" y="12" font-size="11">{highest}</text>',
        f'<text x="0" y="{HEIGHT}" font-size="11">0</text>',
        f'<line x1="{LEFT}" x2="{WIDTH}" y1="{HEIGHT}" y2="{HEIGHT}" stroke="#9ca3af"/>',
    ]
    for number, bar in enumerate(bars):
        x, top = LEFT + number * wide, float(HEIGHT)
        for count, colour, shown in bar:
            if count:
                high = count / highest * (HEIGHT - 8)
                top -= high
                drawn.append(
                    f'<rect x="{x + 1:.1f}" y="{top:.1f}" width="{max(1.0, wide - 2):.1f}"'
                    f' height="{high:.1f}" fill="{colour}"><title>{escape(shown)}</title></rect>'
                )
        if names[number]:
            drawn.append(
                f'<text x="{x:.1f}" y="{HEIGHT + 16}" font-size="11">{escape(names[number])}</text>'
            )
    size = f'viewBox="0 0 {WIDTH} {HEIGHT + BELOW}" width="{WIDTH}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{"".join(drawn)}{more}</svg>'

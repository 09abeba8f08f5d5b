"""The plot of growth, as SVG that follows the reader's light or dark scheme."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from benchmarking.runs import Measured

_WIDTH, _HEIGHT = 760, 330
_TOP, _BOTTOM, _PANEL, _LEFT = 52, 270, 290, 58
_STYLE = """
  text { font: 12px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; fill: #3d444d }
  .title { font-weight: 600; font-size: 13px }
  .axis { stroke: #818b98; fill: none }
  .grid { stroke: #d1d9e0; fill: none }
  .even { stroke: #818b98; stroke-dasharray: 3 4; fill: none }
  .line { stroke-width: 2; fill: none }
  .a { stroke: #0969da } .a-fill { fill: #0969da }
  .b { stroke: #bc4c00 } .b-fill { fill: #bc4c00 }
  .c { stroke: #59636e } .c-fill { fill: #59636e }
  @media (prefers-color-scheme: dark) {
    text { fill: #d1d7e0 } .grid { stroke: #3d444d }
    .a { stroke: #58a6ff } .a-fill { fill: #58a6ff }
    .b { stroke: #f0883e } .b-fill { fill: #f0883e }
    .c { stroke: #9198a1 } .c-fill { fill: #9198a1 }
  }
"""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a panel: its name, its color class (``a``, ``b``, ``c``), and a value for each size."""

    name: str
    colour: str
    values: Sequence[float]


def growth(sizes: Sequence[int], measured: dict[str, list[Measured]], files: dict[str, int]) -> str:
    """Two panels: seconds and megabytes over the size. ``files``: how many files the largest corpora have."""
    names = {"terraform": f"{files['terraform']:,} Terraform files", "templates": f"{files['templates']:,} templates"}
    seconds = [
        Line(names["terraform"], "a", [run.seconds for run in measured["terraform"]]),
        Line(names["templates"], "b", [run.seconds for run in measured["templates"]]),
        Line("tree-sitter, bare", "c", [run.seconds for run in measured["tree-sitter"]]),
    ]
    memory = [
        Line(names[kind], colour, [run.peak / 1_000_000 for run in measured[kind]])
        for kind, colour in (("terraform", "a"), ("templates", "b"))
    ]
    return "".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" height="{_HEIGHT}"',
        ' role="img" aria-label="Time and memory of a scan grow with the number of files">',
        f"<style>{_STYLE}</style>\n",
        *_panel(_LEFT, "Seconds of processor time", sizes, seconds),
        *_panel(_LEFT + _PANEL + 84, "Megabytes at most", sizes, memory),
        f'<path class="even" d="M{_LEFT + 150},{_BOTTOM + 50}h24"/>',
        f'<text x="{_LEFT + 180}" y="{_BOTTOM + 54}">in proportion</text>\n',
        "</svg>\n",
    ])  # fmt: skip


def _panel(left: int, title: str, sizes: Sequence[int], lines: Sequence[Line]) -> list[str]:
    """Linear axes from nought, so that what grows in proportion is straight; dashed: in proportion to the largest."""
    step = _step(max(value for line in lines for value in line.values))
    most = step * 4
    while most < max(value for line in lines for value in line.values):
        most += step

    def at(size: float, value: float) -> str:
        across, up = size / sizes[-1] * _PANEL, value / most * (_BOTTOM - _TOP)
        return f"{left + across:.1f},{_BOTTOM - up:.1f}"

    drawn = [f'<text class="title" x="{left}" y="{_TOP - 24}">{escape(title)}</text>\n']
    for number in range(round(most / step) + 1):
        value = number * step
        y = at(0, value).partition(",")[2]
        drawn.append(f'<path class="grid" d="M{left},{y}H{left + _PANEL}"/>')
        drawn.append(f'<text x="{left - 6}" y="{float(y) + 4:.1f}" text-anchor="end">{value:g}</text>\n')
    for size in sizes:
        x = at(size, 0).partition(",")[0]
        drawn.append(f'<path class="axis" d="M{x},{_BOTTOM}v5"/>')
        drawn.append(f'<text x="{x}" y="{_BOTTOM + 19}" text-anchor="middle">{size}&#215;</text>\n')
    for place, line in enumerate(lines):
        if line.colour != "c":
            drawn.append(f'<path class="even" d="M{at(0, 0)}L{at(sizes[-1], line.values[-1])}"/>\n')
        points = " ".join(at(size, value) for size, value in zip(sizes, line.values, strict=True))
        drawn.append(f'<polyline class="line {line.colour}" points="{points}"/>\n')
        for point in points.split():
            x, _, y = point.partition(",")
            drawn.append(f'<circle class="{line.colour}-fill" cx="{x}" cy="{y}" r="3"/>')
        x = left + (0, 150, 0)[place]
        y = _BOTTOM + (38, 38, 54)[place]
        drawn.append(f'<circle class="{line.colour}-fill" cx="{x + 4}" cy="{y - 4}" r="4"/>')
        drawn.append(f'<text x="{x + 13}" y="{y}">{escape(line.name)}</text>\n')
    return drawn


def _step(most: float) -> float:
    """A round distance of grid lines, four to eight of them."""
    step = 0.001
    while True:
        for factor in (1, 2, 5):
            if step * factor * 8 >= most:
                return step * factor
        step *= 10

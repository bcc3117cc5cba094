"""Curves and bars as an SVG picture, with nothing but the standard library."""
import itertools
import math
from xml.sax.saxutils import escape

_WIDTH, _HEIGHT = 460, 320                       # of a panel
_LEFT, _RIGHT, _TOP, _BOTTOM = 62, 14, 46, 46    # around its axes
_COLOURS = ("#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#17becf", "#8c564b")
_INK, _GRID = "#333", "#ddd"


class Panel:
    """A picture with axes. Lines of the same name have the same colour in all panels of a page."""

    def __init__(self, title, x_label="", y_label="", log_x=False, log_y=False):
        self.title, self.x_label, self.y_label = title, x_label, y_label
        self.log_x, self.log_y = log_x, log_y
        self.lines, self.marks, self.bars = [], [], []

    def line(self, name, xs, ys, dashed=False, points=False):
        """A curve; None and values that are no numbers leave a gap."""
        self.lines.append((name, list(zip(xs, ys)), dashed, points))

    def mark(self, x, text):
        """A vertical line with a note."""
        self.marks.append((x, text))

    def bar(self, name, value, text=None):
        """A horizontal bar. A panel has lines or bars."""
        self.bars.append((name, value, text))

    def draw(self, colours):
        body = self._draw_bars() if self.bars else self._draw_lines(colours)
        return [_text(_WIDTH / 2, 20, self.title, size=14, anchor="middle"), *body]

    def _draw_bars(self):
        largest = max(value for _, value, _ in self.bars) or 1
        step = (_HEIGHT - _TOP - _BOTTOM) / len(self.bars)
        left, thickness = 150, min(22, 0.7 * step)
        room = _WIDTH - left - 90
        for i, (name, value, text) in enumerate(self.bars):
            y = _TOP + (i + 0.5) * step
            width = max(1, room * value / largest)
            yield _text(left - 6, y + 4, name, anchor="end")
            yield (f'<rect x="{left}" y="{y - thickness / 2:.1f}" width="{width:.1f}" '
                   f'height="{thickness:.1f}" fill="{_COLOURS[0]}"/>')
            yield _text(left + width + 5, y + 4, text or f"{value:.3g}")
        yield _text(left, _HEIGHT - 12, self.x_label)

    def _draw_lines(self, colours):
        points = [p for _, line, _, _ in self.lines for p in line if self._is_drawn(p)]
        if not points:
            yield _text(_WIDTH / 2, _HEIGHT / 2, "no data", anchor="middle")
            return
        x_axis = _Axis([x for x, _ in points] + [x for x, _ in self.marks], self.log_x,
                       _LEFT, _WIDTH - _RIGHT)
        y_axis = _Axis([y for _, y in points], self.log_y, _HEIGHT - _BOTTOM, _TOP)
        yield from self._draw_axes(x_axis, y_axis)
        for x, text in self.marks:
            yield _stroke([(x_axis.place(x), _TOP), (x_axis.place(x), _HEIGHT - _BOTTOM)], _INK, "2 3")
            yield _text(x_axis.place(x) + 3, _HEIGHT - _BOTTOM - 4, text, size=10)
        for name, line, dashed, dots in self.lines:
            colour = colours[name]
            for drawn, run in itertools.groupby(line, self._is_drawn):
                if drawn:
                    places = [(x_axis.place(x), y_axis.place(y)) for x, y in run]
                    yield _stroke(places, colour, "5 4" if dashed else None)
                    if dots or len(places) == 1:
                        for x, y in places:
                            yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5" fill="{colour}"/>'
        x = _LEFT
        for name in dict.fromkeys(name for name, *_ in self.lines):
            yield _stroke([(x, _TOP - 12), (x + 14, _TOP - 12)], colours[name])
            yield _text(x + 18, _TOP - 8, name, size=10)
            x += 30 + 6 * len(name)  # about as wide as the text

    def _is_drawn(self, point):
        return all(value is not None and math.isfinite(value) and (value > 0 or not log)
                   for value, log in zip(point, (self.log_x, self.log_y)))

    def _draw_axes(self, x_axis, y_axis):
        for value in x_axis.ticks():
            x = x_axis.place(value)
            yield _stroke([(x, _TOP), (x, _HEIGHT - _BOTTOM)], _GRID)
            yield _text(x, _HEIGHT - _BOTTOM + 15, _number(value), anchor="middle")
        for value in y_axis.ticks():
            y = y_axis.place(value)
            yield _stroke([(_LEFT, y), (_WIDTH - _RIGHT, y)], _GRID)
            yield _text(_LEFT - 5, y + 4, _number(value), anchor="end")
        yield _text((_LEFT + _WIDTH - _RIGHT) / 2, _HEIGHT - 10, self.x_label, anchor="middle")
        yield _text(14, _HEIGHT / 2, self.y_label, anchor="middle", turned=True)


def page(panels, columns=1, title=""):
    """The panels side by side, as the text of an SVG file."""
    names = dict.fromkeys(name for panel in panels for name, *_ in panel.lines)
    colours = dict(zip(names, itertools.cycle(_COLOURS)))
    top = 36 if title else 0
    width, height = columns * _WIDTH, math.ceil(len(panels) / columns) * _HEIGHT + top
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
             f'viewBox="0 0 {width} {height}" font-family="sans-serif">',
             f'<rect width="{width}" height="{height}" fill="white"/>']
    if title:
        parts.append(_text(width / 2, 24, title, size=15, anchor="middle"))
    for i, panel in enumerate(panels):
        x, y = i % columns * _WIDTH, i // columns * _HEIGHT + top
        parts += [f'<g transform="translate({x} {y})">', *panel.draw(colours), "</g>"]
    return "\n".join([*parts, "</svg>", ""])


class _Axis:
    """Values to places. `start` and `end` are where the smallest and the largest value lie."""

    def __init__(self, values, log, start, end):
        self.log, self.start, self.end = log, start, end
        scaled = [self._scale(value) for value in values]
        self.low, self.high = min(scaled), max(scaled)
        margin = 0.04 * (self.high - self.low) or 0.5
        self.low, self.high = self.low - margin, self.high + margin

    def _scale(self, value):
        return math.log2(value) if self.log else value

    def place(self, value):
        part = (self._scale(value) - self.low) / (self.high - self.low)
        return self.start + part * (self.end - self.start)

    def ticks(self):
        if self.log:
            exponents = range(math.ceil(self.low), math.floor(self.high) + 1)
            return [2.0 ** e for e in exponents[::max(1, len(exponents) // 7)]]
        rough = (self.high - self.low) / 5
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(m * power for m in (1, 2, 5, 10) if m * power >= rough)
        return [i * step for i in range(math.ceil(self.low / step), math.floor(self.high / step) + 1)]


def _number(value):
    if value >= 1024 and math.log2(value).is_integer():
        return f"{value / 1024:.0f}K"
    for unit, suffix in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= unit:
            return f"{value / (1e3 if suffix == 'k' else unit):.4g}{suffix}"
    return f"{value:.4g}"


def _text(x, y, text, size=11, anchor="start", turned=False):
    turn = f' transform="rotate(-90 {x} {y})"' if turned else ""
    return (f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" fill="{_INK}" '
            f'text-anchor="{anchor}"{turn}>{escape(str(text))}</text>')


def _stroke(places, colour, dashes=None):
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    dash = f' stroke-dasharray="{dashes}"' if dashes else ""
    return f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.3"{dash}/>'

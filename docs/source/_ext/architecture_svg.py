"""The figure of a network as SVG, in the colours of the page that it stands on."""

from html import escape

from architecture_layout import place

__all__ = ["as_lines", "as_svg"]

LINE = 17.0
PADDING = 9.0
_WIDEST = 34  # characters of a line, behind which notes go on in the next
_STACK = 4.0  # by how much the boxes behind a box that stands for several look out
#: width of a character in pixels; a little more than that of the usual fonts
_CHARACTER = {"title": 8.4, "text": 7.0}
_LEAST_SCALE = 0.8  # a figure is not made smaller than this; on small screens it can be moved sideways


def as_svg(graph, label):
    """The figure of a graph.

    Parameters
    ----------
    graph : architecture_graph.Graph
    label : str
        What it shows, for those who can't see it.

    Returns
    -------
    str
        An ``svg`` element. Its colours are those of the classes in ``_static/architecture.css``.
    """
    lines = [_lines(box) for box in graph.boxes]
    sizes = [_size(box, rows) for box, rows in zip(graph.boxes, lines, strict=True)]
    layout = place(sizes, graph.arrows)
    parts = [_arrow(points) for points in layout.ways.values()]
    for number, (box, rows) in enumerate(zip(graph.boxes, lines, strict=True)):
        parts.append(_box(box, rows, layout.x[number], layout.y[number], *sizes[number]))
    width, height = round(layout.width), round(layout.height)
    return (
        f'<svg class="architecture" role="img" aria-label="{escape(label)}" xmlns="http://www.w3.org/2000/svg" '
        f'viewBox="0 0 {width} {height}" '
        f'style="max-width: {width}px; min-width: {round(_LEAST_SCALE * width)}px">\n'
        f"<title>{escape(label)}</title>\n" + "\n".join(parts) + "\n</svg>"
    )


def as_lines(graph):
    """The boxes as lines of text, each with what it takes from: for pages without figures."""
    titles = [box.title for box in graph.boxes]
    for number, box in enumerate(graph.boxes):
        above = [titles[start] for start, end in graph.arrows if end == number]
        words = [text for _, text in _lines(box)[1:]]
        yield (
            box.title + (f" (from {', '.join(above)})" if above else "") + (f": {'; '.join(words)}" if words else "")
        )


def _lines(box):
    """Lines of text of a box, as (class, text)."""
    many = f" ({box.number})" if box.number > 1 else ""
    rows = [("title", box.title + many)]
    if box.text not in ("", box.title):
        rows.append(("text", box.text))
    weights = f" · {box.n_weights:,} weight{'s' if box.n_weights > 1 else ''}" if box.n_weights else ""
    rows.append(("text", f"{box.shape}{weights}"))
    rows += [("note", line) for line in _wrapped(box.notes)]
    named = [name for name in box.outputs if name not in (box.title, *box.layers)]
    if named:
        rows.append(("note", f"gives {' and '.join(named)}"))
    return rows


def _wrapped(notes):
    lines = []
    for note in notes:
        if lines and len(lines[-1]) + len(note) + 2 <= _WIDEST:
            lines[-1] += f", {note}"
        else:
            lines.append(note)
    return lines


def _size(box, rows):
    width = max(len(text) * _CHARACTER.get(kind, _CHARACTER["text"]) for kind, text in rows) + 2 * PADDING
    extra = 2 * _STACK if box.number > 1 else 0.0
    return max(width, 90.0) + extra, len(rows) * LINE + 2 * PADDING - 2 + extra


def _box(box, rows, x, y, width, height):
    left, parts = x - width / 2, []
    extra = 2 * _STACK if box.number > 1 else 0.0
    corner = 14 if box.role == "input" else 5
    for shift in (extra, extra / 2, 0.0) if extra else (0.0,):
        parts.append(
            f'<rect x="{left + extra - shift:.1f}" y="{y + shift:.1f}" width="{width - extra:.1f}" '
            f'height="{height - extra:.1f}" rx="{corner}"/>'
        )
    if extra:  # those behind first, up and to the right; the one in front is the last
        parts = [parts[2], parts[1], parts[0]]
    middle, top = left + (width - extra) / 2, y + extra + PADDING + 11
    for number, (kind, text) in enumerate(rows):
        parts.append(f'<text class="{kind}" x="{middle:.1f}" y="{top + number * LINE:.1f}">{escape(text)}</text>')
    return f'<g class="box {box.role}">{"".join(parts)}</g>'


def _arrow(points):
    way = f"M{points[0][0]:.1f},{points[0][1]:.1f}"
    for (x, y), (to_x, to_y) in zip(points, points[1:], strict=False):
        bend = (to_y - y) / 2
        if abs(to_x - x) < 0.5:
            way += f"L{to_x:.1f},{to_y:.1f}"
        else:
            way += f"C{x:.1f},{y + bend:.1f} {to_x:.1f},{to_y - bend:.1f} {to_x:.1f},{to_y:.1f}"
    x, y = points[-1]
    head = f"M{x - 4:.1f},{y - 7:.1f}L{x + 4:.1f},{y - 7:.1f}L{x:.1f},{y:.1f}Z"
    return f'<g class="arrow"><path d="{way}"/><path class="head" d="{head}"/></g>'

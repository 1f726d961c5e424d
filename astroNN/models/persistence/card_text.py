"""Small pieces of Markdown."""

import numpy as np

__all__ = ["cell", "code", "number", "table"]

#: what is meant by itself in a cell of a table
_MEANT = str.maketrans({"\\": "\\\\", "|": "\\|", "<": "&lt;", ">": "&gt;", "`": "\\`", "*": "\\*"})


def cell(value):
    r"""A value as plain text in one cell of a table, on one line.

    Examples
    --------
    >>> print(cell("a|b"))
    a\|b
    """
    return " ".join(str(value).split()).translate(_MEANT)


def code(value):
    """A value as code, on one line."""
    return "`" + " ".join(str(value).split()).replace("`", "'") + "`"


def number(value):
    """A number with the digits that matter; "-" for none.

    Examples
    --------
    >>> number(4812.3456789), number(1e-5), number(None), number(12000000)
    ('4812.35', '1e-05', '-', '12000000')
    """
    if value is None:
        return "-"
    if isinstance(value, int | np.integer) and not isinstance(value, bool):
        return str(value)
    return f"{value:.6g}" if isinstance(value, float | np.floating) else cell(value)


def table(head, rows):
    """Lines of a table; cells are text."""
    lines = [head, ["---"] * len(head), *rows]
    return [f"| {' | '.join(line)} |" for line in lines]

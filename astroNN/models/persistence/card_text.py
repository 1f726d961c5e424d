"""Small pieces of Markdown."""

import numpy as np

__all__ = ["cell", "code", "number", "table"]

#: what is meant by itself in a cell of a table
_MEANT = str.maketrans({"\\": "\\\\", "|": "\\|", "<": "&lt;", ">": "&gt;", "`": "\\`", "*": "\\*"})


def cell(value):
    r"""A value as plain text in one cell of a table, on one line.

    Parameters
    ----------
    value : object
        Its text may hold anything.

    Returns
    -------
    str
        What means something in Markdown is escaped.

    Examples
    --------
    >>> print(cell("a|b"))
    a\|b
    """
    return " ".join(str(value).split()).translate(_MEANT)


def code(value):
    """A value as code, on one line.

    Parameters
    ----------
    value : object
        Its text may hold anything.

    Returns
    -------
    str
        Between backticks; those inside become apostrophes.
    """
    return "`" + " ".join(str(value).split()).replace("`", "'") + "`"


def number(value):
    """A number with the digits that matter.

    Parameters
    ----------
    value : int, float or None
        Anything else becomes text as in `cell`.

    Returns
    -------
    str
        Six digits of a float; "-" for None.

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
    """Lines of a table.

    Parameters
    ----------
    head : list of str
        Cells of the first row.
    rows : list of list of str
        Cells of the others.

    Returns
    -------
    list of str
        Lines of Markdown.
    """
    lines = [head, ["---"] * len(head), *rows]
    return [f"| {' | '.join(line)} |" for line in lines]

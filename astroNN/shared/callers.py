"""Where the user's own code stands, for warnings that point there."""

import sys

__all__ = ["users_level"]


def users_level():
    """`stacklevel` for `warnings.warn` that points to the first line outside astroNN, however deep we are in it.

    Returns
    -------
    int
        At least 1; for a call of `warnings.warn` by the function that asks.
    """
    frame, level = sys._getframe(1), 1
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] == "astroNN":
        frame, level = frame.f_back, level + 1
    return level

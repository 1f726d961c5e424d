"""Messages to the user, through the logger ``astroNN``.

A user who has set up logging gets the messages there. One who has not sees them on standard output, as plain
text; ``verbose=0`` on a network silences them.
"""

import logging
import sys
from contextlib import contextmanager

__all__ = ["logger", "shown", "silent", "tell"]

#: of all messages of the package
logger = logging.getLogger("astroNN")


class _StandardOutput(logging.StreamHandler):
    """Writes to whatever ``sys.stdout`` is at the time (notebooks and test runners replace it)."""

    def __init__(self):
        logging.Handler.__init__(self)
        self.setFormatter(logging.Formatter("%(message)s"))

    def emit(self, record):
        # A user who sets up logging later than our first message must not get everything twice.
        if not logging.getLogger().handlers:
            super().emit(record)

    @property
    def stream(self):
        return sys.stdout


def tell(message, verbose=1):
    """Log an informative message unless `verbose` is 0.

    Parameters
    ----------
    message : str
        One line or several.
    verbose : int, optional
        The network's ``verbose``; 0 says nothing.
    """
    if verbose:
        shown(logging.INFO)(message)


@contextmanager
def silent():
    """Context in which no message is logged.

    Yields
    ------
    None
        Nothing; messages are let through again behind it, whatever happens in it.
    """

    def nothing(record):
        return False

    logger.addFilter(nothing)
    try:
        yield
    finally:
        logger.removeFilter(nothing)


def shown(level):
    """Function that logs a message at a level, where a user without logging of their own sees it.

    Parameters
    ----------
    level : int
        Of `logging`, such as ``logging.INFO``.

    Returns
    -------
    function
        Of a message, with placeholders of `logging`, and what takes their place.
    """

    def say(message, *args):
        """Log a message at the level of this function's name.

        Parameters
        ----------
        message : str
            With placeholders of `logging` for `args`.
        *args
            What takes the place of the placeholders.
        """
        if not logger.hasHandlers():
            logger.addHandler(_StandardOutput())
            if logger.level == logging.NOTSET:
                logger.setLevel(logging.INFO)
        logger.log(level, message, *args)

    return say

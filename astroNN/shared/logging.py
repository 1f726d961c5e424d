"""Messages through the logger ``astroNN``, under their established names."""

import logging

from astroNN.shared.messages import logger, shown

__all__ = ["debug", "error", "fatal", "info", "log", "logger", "warn"]

debug = shown(logging.DEBUG)
info = shown(logging.INFO)
warn = shown(logging.WARNING)
error = shown(logging.ERROR)
fatal = shown(logging.CRITICAL)


def log(level, message, *args):
    """Log a message at a level of `logging`.

    Parameters
    ----------
    level : int
        Such as ``logging.INFO``.
    message : str
        With placeholders of `logging` for `args`.
    *args
        What takes the place of the placeholders.
    """
    shown(level)(message, *args)

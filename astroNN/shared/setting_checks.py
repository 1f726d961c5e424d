"""Checks of the settings that users give, made before any work starts. Errors say what came and what is needed."""

import numpy as np

from astroNN.shared.errors import ConfigurationError

__all__ = ["check_at_least", "check_fraction", "check_one_of"]


def check_at_least(argument, value, minimum):
    """Raise unless a setting is an integer of at least `minimum`.

    Parameters
    ----------
    argument : str
        Name of the user's argument, for errors.
    value : object
        What the user gave.
    minimum : int
        The smallest value allowed.

    Raises
    ------
    ConfigurationError
        If it is smaller, or no integer.
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < minimum:
        raise ConfigurationError(
            f"{argument} cannot be smaller than {minimum} and must be an integer, got {value!r}."
        )


def check_fraction(argument, value):
    """Raise unless a setting is None or a number from 0 to below 1.

    Parameters
    ----------
    argument : str
        Name of the user's argument, for errors.
    value : object
        What the user gave.

    Raises
    ------
    ConfigurationError
        If it is neither.
    """
    is_number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    if value is not None and not (is_number and 0 <= value < 1):
        raise ConfigurationError(f"{argument} must be a fraction from 0 to below 1, got {value!r}.")


def check_one_of(argument, value, allowed):
    """Raise unless a setting is one of those allowed.

    Parameters
    ----------
    argument : str
        Name of the user's argument, for errors.
    value : object
        What the user gave.
    allowed : collection
        All that it may be.

    Raises
    ------
    ConfigurationError
        With all that is allowed.
    """
    if value not in allowed:
        raise ConfigurationError(f"`{argument}` must be one of {', '.join(map(repr, allowed))}, got {value!r}.")

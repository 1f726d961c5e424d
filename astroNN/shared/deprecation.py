"""Old names kept alive, with a warning that names the new one."""

import functools
import inspect
import warnings

__all__ = ["deprecated", "deprecated_alias", "deprecated_copy_signature"]

REMOVAL_VERSION = "3.0"

_DOCSTRING = """Deprecated: use `{0}`.

Parameters
----------
*args, **kwargs
    Of `{0}`.

Returns
-------
object
    What `{0}` returns.
"""


def deprecated_alias(new_name, old_name):
    """Method under an old name that warns and calls the new one.

    Parameters
    ----------
    new_name, old_name : str
        Names of the method today and before. The method is looked up on the object, so that a subclass's
        override is the one called.

    Returns
    -------
    function
        To be put into the class under the old name.
    """

    def alias(self, *args, **kwargs):
        warnings.warn(
            f"{old_name}() is deprecated and will go in version {REMOVAL_VERSION}; use {new_name}() instead.",
            DeprecationWarning,
            stacklevel=2,
        )
        return getattr(self, new_name)(*args, **kwargs)

    alias.__name__ = old_name
    alias.__doc__ = _DOCSTRING.format(new_name)
    return alias


def deprecated(func):
    """Let a function warn that it is deprecated, and will go in version 3.0, whenever it is called.

    Parameters
    ----------
    func : function
        What is to go.

    Returns
    -------
    function
        The same, with a warning before each call.

    Examples
    --------
    >>> @deprecated
    ... def old():
    ...     return 1
    """

    @functools.wraps(func)
    def warning(*args, **kwargs):
        warnings.warn(
            f"Call to deprecated function {func.__name__}(), which will go in version {REMOVAL_VERSION}.",
            DeprecationWarning,
            stacklevel=2,
        )
        return func(*args, **kwargs)

    return warning


def deprecated_copy_signature(signature_source):
    """Let a function under an old name warn, and take the arguments of the function that replaces it.

    Parameters
    ----------
    signature_source : function
        What is to be used instead.

    Returns
    -------
    decorator
        The decorated function is called with the arguments bound to the signature of `signature_source`.

    Examples
    --------
    >>> def new(a, b=2):
    ...     return a + b
    >>> @deprecated_copy_signature(new)
    ... def old(*args, **kwargs):
    ...     return new(*args, **kwargs)
    >>> import inspect
    >>> str(inspect.signature(old))
    '(a, b=2)'
    """
    signature = inspect.signature(signature_source)

    def decorate(func):
        @functools.wraps(func)
        def warning(*args, **kwargs):
            warnings.warn(
                f"Call to function {func.__name__}() is deprecated and will not work in version {REMOVAL_VERSION}. "
                f"Use {signature_source.__name__}() instead.",
                DeprecationWarning,
                stacklevel=2,
            )
            bound = signature.bind(*args, **kwargs)
            return func(*bound.args, **bound.kwargs)

        warning.__signature__ = signature
        return warning

    return decorate

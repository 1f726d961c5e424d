"""Old names kept alive, with a warning that names the new one."""

import warnings

__all__ = ["deprecated_alias"]

REMOVAL_VERSION = "3.0"


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
    """

    def alias(self, *args, **kwargs):
        warnings.warn(
            f"{old_name}() is deprecated and will go in version {REMOVAL_VERSION}; use {new_name}() instead.",
            DeprecationWarning,
            stacklevel=2,
        )
        return getattr(self, new_name)(*args, **kwargs)

    alias.__name__ = old_name
    alias.__doc__ = f"Deprecated: use `{new_name}`."
    return alias

"""Copies of nested configurations."""

__all__ = ["convert_custom_objects"]


def convert_custom_objects(obj):
    """Copy of nested lists and dictionaries; what they hold is not copied.

    Parameters
    ----------
    obj : object
        A list or dictionary, such as the configuration of a Keras model; anything else is returned as it is.

    Returns
    -------
    object
        Equal to `obj`; its lists and dictionaries are new ones.

    Examples
    --------
    >>> from astroNN.models import convert_custom_objects
    >>> stored = {"loss": ["mse_lin_wrapper"]}
    >>> copied = convert_custom_objects(stored)
    >>> copied["loss"].append("mse_var_wrapper")
    >>> stored
    {'loss': ['mse_lin_wrapper']}
    """
    if isinstance(obj, list):
        return [convert_custom_objects(entry) for entry in obj]
    if isinstance(obj, dict):
        return {key: convert_custom_objects(entry) for key, entry in obj.items()}
    return obj

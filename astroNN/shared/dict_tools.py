"""Dictionaries of arrays, of lists, and from lists."""

from collections.abc import Iterable, Mapping

import numpy as np

__all__ = ["dict_list_to_dict_np", "dict_np_to_dict_list", "list_to_dict", "to_iterable"]


def dict_np_to_dict_list(input_dict):
    """Arrays to lists, as JSON wants them.

    Parameters
    ----------
    input_dict : dict or array_like
        A dictionary of arrays, also of dictionaries and lists of them; or an array. Masked elements become NaN, of
        quantities the numbers are kept; plain numbers and strings stay as they are.

    Returns
    -------
    dict, list, or number
        In the nesting of the input.

    Examples
    --------
    >>> dict_np_to_dict_list({"a": np.arange(3), "b": np.float64(0.5)})
    {'a': [0, 1, 2], 'b': 0.5}
    """
    if isinstance(input_dict, Mapping):
        return {name: dict_np_to_dict_list(value) for name, value in input_dict.items()}
    if isinstance(input_dict, list | tuple):
        return [dict_np_to_dict_list(value) for value in input_dict]
    if isinstance(input_dict, np.ma.MaskedArray):
        if np.ma.getmaskarray(input_dict).any():
            input_dict = input_dict.astype(np.result_type(input_dict.dtype, "float32")).filled(np.nan)
        return np.asarray(input_dict).tolist()
    # asarray: a quantity has no `tolist`.
    return np.asarray(input_dict).tolist() if hasattr(input_dict, "tolist") else input_dict


def dict_list_to_dict_np(input_dict):
    """Lists to arrays; the reverse of `dict_np_to_dict_list`.

    Parameters
    ----------
    input_dict : dict or list
        A dictionary of lists, also of dictionaries of them; or a list.

    Returns
    -------
    dict or array
        Dictionaries stay dictionaries; every list in them becomes one array.

    Examples
    --------
    >>> dict_list_to_dict_np({"a": [0, 1, 2]})
    {'a': array([0, 1, 2])}
    """
    if isinstance(input_dict, Mapping):
        return {name: dict_list_to_dict_np(value) for name, value in input_dict.items()}
    return np.asarray(input_dict)


def list_to_dict(names, arrs):
    """Arrays by name.

    Parameters
    ----------
    names : sequence of str
        Names.
    arrs : list, tuple or array
        As many arrays as there are names; or one array, which every name gets. A list of another length gives every
        name its first element. A dictionary, or whatever else, comes back as it is.

    Returns
    -------
    dict
        By name, in the order of `names`.

    Raises
    ------
    ValueError
        If `arrs` is an empty list and there are names.

    Examples
    --------
    >>> list_to_dict(["a", "b"], [1, 2]), list_to_dict(["a", "b"], [1])
    ({'a': 1, 'b': 2}, {'a': 1, 'b': 1})
    """
    names = list(to_iterable(names))
    if isinstance(arrs, list | tuple):
        if len(arrs) == len(names):
            return dict(zip(names, arrs, strict=True))
        if not len(arrs):
            raise ValueError(f"list_to_dict: `arrs` is empty, but there are the names {', '.join(map(str, names))}.")
        return dict.fromkeys(names, arrs[0])
    if isinstance(arrs, np.ndarray):
        return dict.fromkeys(names, arrs)
    return arrs


def to_iterable(var):
    """Something that can be looped over: `var` itself, or a list of it; strings count as one.

    Parameters
    ----------
    var : object
        Whatever it is.

    Returns
    -------
    iterable
        A list of one element for numbers, strings and arrays without an axis; else `var`.

    Examples
    --------
    >>> to_iterable("teff"), to_iterable(["teff"]), to_iterable(3)
    (['teff'], ['teff'], [3])
    """
    if isinstance(var, str | bytes) or not isinstance(var, Iterable) or getattr(var, "ndim", 1) == 0:
        return [var]
    return var

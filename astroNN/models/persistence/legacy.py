"""Parameter files of version 1 (1.0 of 2018, 1.1 of 2023, the development version 1.2), told in today's words.

Version 1.0 wrote plain lists, 1.1 dictionaries by name; both kept the errors of inputs and labels among the inputs,
and the log variance among the labels, with statistics that nothing uses.
"""

import math
import zipfile

__all__ = ["built_otherwise", "modern_parameters"]

# What only the training of version 1 saw.
_NOT_INPUTS = {"input_err", "labels_err"}
_NOT_LABELS = {"variance_output"}
_NESTING_LIMIT = 4  # statistics of images are lists of lists of lists
# Networks that the development version 1.2 built in another way than 1.1 and today.
_OTHERWISE_IN_1_2 = {
    "ApokascEncoderDecoder": "The development version 1.2 built this class without padding its convolutions, so that "
    "the lengths of the layers differ from those of version 1.1 and of today: such weights have no place here. Load "
    "the folder with the version that wrote it, or train the network anew.",
}
_IDENTIFIERS = {"ApogeeKplerEchelle": "ApogeeKeplerEchelle", "SimplePloyNN": "SimplePolyNN"}


def modern_parameters(old):
    """Parameters of version 1 with the keys and types of today.

    Parameters
    ----------
    old : dict
        Content of the JSON file.

    Returns
    -------
    dict
        Not checked: that comes after, as for today's folders. Missing statistics (``null``) become 0 and 1, a
        standard deviation of 0 becomes 1.
    """
    new = {name: value for name, value in old.items() if value is not None}
    new["id"] = _IDENTIFIERS.get(old["id"], old["id"])
    for side, main, unused in (("input", "input", _NOT_INPUTS), ("labels", "output", _NOT_LABELS)):
        shapes = _by_name(old.get(side), [main], unused)
        new[side] = shapes
        new[f"{side}_norm_mode"] = {
            name: str(mode) for name, mode in _by_name(old.get(f"{side}_norm_mode"), shapes, unused).items()
        }
        for statistic, default in (("mean", 0.0), ("std", 1.0)):
            table = _by_name(old.get(f"{side}_{statistic}"), shapes, unused)
            new[f"{side}_{statistic}"] = {name: _numbers(values, default) for name, values in table.items()}
        # What stands for a missing pixel: the centre. Version 1 fed the magic number itself into the network.
        new[f"{side}_fill"] = dict.fromkeys(shapes, 0.0)
    for key, unused in (("input_names", _NOT_INPUTS), ("output_names", _NOT_LABELS)):
        if isinstance(new.get(key), list):
            new[key] = [name for name in new[key] if not (isinstance(name, str) and name in unused)]
    return new


def _by_name(value, names, unused):
    """Values by array; one that was given for all stands for each."""
    named = value if isinstance(value, dict) else dict.fromkeys(names, value)
    return {name: entry for name, entry in named.items() if name not in unused}


def _numbers(values, default):
    """Statistics; what version 1 could not take, null or NaN, is the default, and so is a standard deviation of 0."""

    def sound(value, depth=0):
        if isinstance(value, list) and depth < _NESTING_LIMIT:
            return [sound(entry, depth + 1) for entry in value]
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        useless = value is None or (isinstance(value, float) and not math.isfinite(value))
        return default if useless or (default == 1.0 and is_number and value == 0) else value

    if values is None:
        return [default]
    return sound(values if isinstance(values, list) else [values])


def built_otherwise(identifier, weights):
    """Remark for the error about a network of version 1 that does not fit.

    Parameters
    ----------
    identifier : str
        Name of the class.
    weights : Path
        Its weights: the development version 1.2 wrote Keras archives.

    Returns
    -------
    str
        Empty if there is nothing to remark.
    """
    if identifier not in _OTHERWISE_IN_1_2 or not zipfile.is_zipfile(weights):
        return ""
    return f" {_OTHERWISE_IN_1_2[identifier]}"

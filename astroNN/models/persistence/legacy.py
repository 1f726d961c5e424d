"""Parameter files of version 1 (1.0 of 2018, 1.1 of 2023, the development version 1.2), told in today's words.

Version 1.0 wrote plain lists, 1.1 dictionaries by name; both kept the errors of inputs and labels among the inputs,
and the log variance among the labels, with statistics that nothing uses.
"""

from keras import tree

__all__ = ["modern_parameters"]

# What only the training of version 1 saw.
_NOT_INPUTS = {"input_err", "labels_err"}
_NOT_LABELS = {"variance_output"}
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
            new[key] = [name for name in new[key] if name not in unused]
    return new


def _by_name(value, names, unused):
    """Values by array; one that was given for all stands for each."""
    named = value if isinstance(value, dict) else dict.fromkeys(names, value)
    return {name: entry for name, entry in named.items() if name not in unused}


def _numbers(values, default):
    def sound(value):
        useless = value is None or (default == 1.0 and value == 0)
        return default if useless else value

    if values is None:
        return [default]
    return tree.map_structure(sound, values, none_is_leaf=True) if isinstance(values, list) else [sound(values)]

"""Shapes of a network's inputs and labels: by name, and as the plain shapes that version 1.0 knew."""

__all__ = ["LabelsShape", "MainShape", "ShapesByName", "named_shapes"]

# Names under which version 1.1 kept a second copy of a shape.
_COPIES = {"input_err": "input", "variance_output": "output"}


class _ByName:
    """What the two classes below share: a look at all shapes by name, besides the main one that they are."""

    _shapes = {}

    def __getitem__(self, key):
        if not isinstance(key, str):
            return self._size(key)
        if key not in self._shapes and _COPIES.get(key) in self._shapes:
            key = _COPIES[key]
        if key not in self._shapes:
            raise KeyError(f"{key!r}: the shapes known are those of {', '.join(map(repr, self._shapes))}")
        return self._shapes[key]

    def __contains__(self, key):
        return key in self._shapes

    def get(self, name, default=None):
        """Shape of a name, or `default`."""
        return self._shapes.get(name, default)

    def keys(self):
        """Names of the arrays."""
        return self._shapes.keys()

    def values(self):
        """Shapes of the arrays."""
        return self._shapes.values()

    def items(self):
        """Names and shapes of the arrays."""
        return self._shapes.items()

    def __eq__(self, other):
        if isinstance(other, _ByName):
            return self._shapes == other._shapes
        return self._shapes == other if isinstance(other, dict) else super().__eq__(other)

    def __ne__(self, other):
        return not self == other

    def __hash__(self):
        return super().__hash__()

    def __repr__(self):
        return repr(self._shapes)

    def __format__(self, specification):
        return format(self._plain(), specification) if specification else str(self)

    def __reduce__(self):
        return named_shapes, (self._shapes, self._main)


class MainShape(_ByName, tuple):
    """A shape, that of the main array, which also answers to the names of all.

    Iterating over it gives the sizes of the main array; ``keys()`` gives the names.

    Examples
    --------
    >>> shape = named_shapes({"input": (7514, 1), "aux": (2, 1)}, "input")
    >>> shape["aux"], shape[0], tuple(shape)
    ((2, 1), 7514, (7514, 1))
    """

    def _plain(self):
        return tuple(self)

    def _size(self, key):
        if isinstance(key, int) and not -len(self) <= key < len(self):
            raise IndexError(
                f"{key} is no axis of the shape {self._plain()}. To go through the arrays by name use `.keys()` or "
                "`.items()`."
            )
        return tuple.__getitem__(self, key)


class LabelsShape(_ByName, int):
    """A number of labels, that of the main array, which also answers to the names of all.

    Examples
    --------
    >>> n_labels = named_shapes({"output": 22}, "output")
    >>> n_labels["output"], n_labels + 1
    (22, 23)
    """

    def _plain(self):
        return int(self)

    def _size(self, key):
        raise TypeError(f"The labels are {int(self)} numbers a star, which have no axis {key!r}.")


class ShapesByName:
    """Attribute of a network that holds the shapes of several arrays; a dictionary given becomes one of these.

    Parameters
    ----------
    main : str
        Name of the array whose shape it is when it is used as a plain shape.
    """

    def __init__(self, main):
        self.main = main

    def __set_name__(self, owner, name):
        self.slot = name

    def __get__(self, net, owner=None):
        return self if net is None else vars(net).get(self.slot)

    def __set__(self, net, shapes):
        vars(net)[self.slot] = None if shapes is None else named_shapes(shapes, self.main)


def named_shapes(shapes, main):
    """Shapes by name that act as the plain shape of the main array, too.

    Recipes of version 1.1 write ``Input(shape=self._input_shape["input"])`` and
    ``Dense(self._labels_shape["output"])``; those of version 1.0 ``Input(shape=self._input_shape)`` and
    ``Dense(self._labels_shape)``. Both work with what this returns.

    Parameters
    ----------
    shapes : dict
        Name to a tuple of int, or to an int.
    main : str
        Name of the main array, ``"input"`` or ``"output"``.

    Returns
    -------
    MainShape or LabelsShape
        As the shape of the main array is a tuple or an int.
    """
    shape = shapes[main]
    named = MainShape(shape) if isinstance(shape, tuple | list) else LabelsShape(shape)
    named._shapes, named._main = dict(shapes.items()), main
    return named

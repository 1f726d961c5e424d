"""The check of layers that take two tensors of one shape."""

__all__ = ["check_pair"]


def check_pair(owner, names, shapes, hint=""):
    """Raise `ValueError` unless a layer is called on a list of two tensors of the same shape.

    Parameters
    ----------
    owner : str
        Name of the layer's class, for the error.
    names : tuple of two str
        Names of the tensors, for the error.
    shapes : list of tuples, or tuple of int
        Shapes of the inputs, or of the only one. Lengths that are not known, None, agree with every length.
    hint : str, optional
        What to do where it is no pair: the end of the error.
    """
    if len(shapes) != 2 or not all(isinstance(shape, (list, tuple)) for shape in shapes):
        raise ValueError(
            f"{owner} must be called on a list of two tensors, [{', '.join(names)}], got one or more of shape "
            f"{shapes}.{hint}"
        )
    first, second = (tuple(shape) for shape in shapes)
    if len(first) != len(second) or any(
        None not in pair and pair[0] != pair[1] for pair in zip(first, second, strict=True)
    ):
        raise ValueError(
            f"{owner}: `{names[0]}` and `{names[1]}` must have the same shape, got {first} and {second}."
        )

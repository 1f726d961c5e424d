"""What data a ready-made network can be built for, checked before any work is done on them."""

__all__ = ["check_images", "check_inputs", "check_spectra", "check_spectra_to_draw", "check_table_of_labels"]


def check_spectra(net, least=1):
    """Raise unless the network's inputs are spectra of at least so many pixels.

    Parameters
    ----------
    net : NeuralNetMaster
        Has the shapes of the data, of one star each.
    least : int, optional
        Number of pixels that the layers need, default 1.

    Raises
    ------
    ValueError
        Saying what came and what is needed.
    """
    shape = net._input_shape["input"]
    if len(shape) != 2 or shape[1] != 1:
        raise ValueError(
            f"`input_data` of {type(net).__name__} must be spectra, of shape (n_stars, n_pixels), got "
            f"{_with_stars(shape)}."
        )
    if shape[0] < least:
        raise ValueError(
            f"`input_data` of {type(net).__name__} must be spectra of at least {least} pixels, which the layers of "
            f"this network (`filter_len`, `pool_length`) reduce to one, got {shape[0]}."
        )


def check_images(net, least=(1, 1)):
    """Raise unless the network's inputs are images of at least so many pixels in height and width."""
    shape = net._input_shape["input"]
    if len(shape) != 3:
        raise ValueError(
            f"`input_data` of {type(net).__name__} must be images, of shape (n_images, height, width[, channels]), "
            f"got {_with_stars(shape)}."
        )
    if any(size < needed for size, needed in zip(shape, least, strict=False)):
        raise ValueError(
            f"`input_data` of {type(net).__name__} must be images of at least {least[0]}x{least[1]} pixels, which "
            f"the layers of this network (`filter_len`, `pool_length`) reduce to one, got {shape[0]}x{shape[1]}."
        )


def check_inputs(net, names=("input",)):
    """Raise unless the inputs have these names."""
    if set(net._input_shape.keys()) != set(names):
        wanted = " and ".join(f'"{name}"' for name in names)
        also = "" if len(names) > 1 else ", which is what a bare array is called"
        raise ValueError(
            f"`input_data` of {type(net).__name__} must hold {wanted}{also}; got {sorted(net._input_shape.keys())}."
        )


def check_spectra_to_draw(net):
    """Number of pixels that an autoencoder of spectra is to give; raise unless there is one row of them a star."""
    shape = net._labels_shape["output"]
    if not isinstance(shape, int) and (len(shape) != 2 or shape[1] != 1):
        raise ValueError(
            f"`input_recon_target` of {type(net).__name__} must have the shape (n_stars, n_pixels), got "
            f"{_with_stars(shape)}."
        )
    return shape if isinstance(shape, int) else shape[0]


def check_table_of_labels(net):
    """Raise unless the labels are a table of one row a star."""
    shape = net._labels_shape["output"]
    if not isinstance(shape, int):
        raise ValueError(
            f"`labels` of {type(net).__name__} must have the shape (n_stars, n_labels), got {_with_stars(shape)}."
        )


def _with_stars(shape):
    shape = shape[:-1] if len(shape) > 1 and shape[-1] == 1 else shape
    return f"({', '.join(['n_stars', *map(str, shape)])})"

"""Checks of what is given to the functions of the earlier package: images, labels, choices of layers, numbers."""

import math
import numbers

import numpy as np

from astroNN.data import MORPHOLOGY_CLASSES
from astroNN.gamornet._keras2_weights import LAYER_NUMBERS
from astroNN.models.misc_models.gamornet import checked_input_shape
from astroNN.shared.blocks import row_blocks
from astroNN.shared.checks import as_named_arrays
from astroNN.shared.errors import RowCountError

__all__ = [
    "LAYER_CHOICES",
    "checked_images",
    "checked_sample",
    "checked_shape",
    "check_finite_images",
    "check_flag",
    "check_number",
    "in_float32",
    "layer_choice",
    "one_hot_labels",
]

_N_CLASSES = len(MORPHOLOGY_CLASSES)
_LEAST_PIXELS = 11

#: the documented names of lists for the layers 2, 5, 8, 9, 10, 13, 15, 17; each may stand for any list of that kind
LAYER_CHOICES = {
    "train_bools_SDSS": (True, True, True, True, True, True, True, True),
    "train_bools_CANDELS": (False, False, False, True, True, True, True, True),
    "load_bools_SDSS": (True, True, True, True, True, False, False, False),
    "load_bools_CANDELS": (True, True, True, True, True, True, False, False),
}


def checked_images(argument, images, shape=None):
    """Images as an array, a memory map or an HDF5 data set, unread, of shape (n, height, width, bands).

    Parameters
    ----------
    argument : str
        Name of the user's argument.
    images : array, shape (n, height, width, bands)
    shape : tuple of 3 int, optional
        That each image must have.

    Raises
    ------
    ValueError, TypeError
        If they are no numbers, or of another shape.
    """
    images = _numeric(argument, images, "an array of images, (n, height, width, bands)")
    given = tuple(images.shape)
    if len(given) != 4:
        hint = f" Add the axis of bands: {argument}[..., np.newaxis]." if len(given) == 3 else ""
        raise ValueError(f"`{argument}` must have four axes, (n, height, width, bands); got the shape {given}.{hint}")
    if shape is not None and given[1:] != tuple(shape):
        raise ValueError(
            f"`{argument}` must be images of the shape {tuple(shape)} that `input_shape` gives, got {given[1:]}. "
            "Crop larger ones by astroNN.gamornet.centre_crop (resizing changes the sampling of the PSF), or train a "
            "network for this shape."
        )
    return images


def checked_shape(input_shape):
    """Height, width and bands of images that are large enough for the first kernel; a ValueError for others."""
    shape = checked_input_shape(input_shape)
    if min(shape[:2]) < _LEAST_PIXELS:
        raise ValueError(
            f"`input_shape` must be at least {_LEAST_PIXELS}x{_LEAST_PIXELS} pixels, the size of the first kernel; "
            f"got {shape}."
        )
    return shape


def check_finite_images(argument, images, first=0):
    """Raise if a pixel is NaN or infinite; `first` is the number of the first of these images."""
    for rows in row_blocks(len(images), images.shape[1:]):
        is_finite = np.isfinite(images[rows])
        if not is_finite.all():
            wrong = np.flatnonzero(~is_finite.reshape(len(is_finite), -1).all(axis=1))
            raise ValueError(
                f"`{argument}` holds pixels that are NaN or infinite (in float32), the first in image "
                f"{first + rows.start + wrong[0]}. Leave such images out, or fill the pixels "
                "from their neighbours: images = astroNN.gamornet.fill_bad_pixels(images)."
            )


def in_float32(images):
    """Images as an array of float32, not copied if they are one; those of an HDF5 data set are read."""
    with np.errstate(over="ignore"):  # what is too large becomes infinite, and `check_finite_images` finds it
        return np.asarray(images[:]).astype(np.float32, copy=False)


def one_hot_labels(argument, labels):
    """Labels as float32, of shape (n, 3), with a single 1 in every row.

    Raises
    ------
    ValueError, TypeError
        If they are anything else.
    """
    needed = f"one-hot, of shape (n, {_N_CLASSES}): a 1 for the class ({', '.join(MORPHOLOGY_CLASSES)}) among zeros"
    labels = np.asarray(_numeric(argument, labels, needed))
    if labels.ndim != 2 or labels.shape[1] != _N_CLASSES:
        hint = " Numbers of classes: keras.utils.to_categorical(labels, 3)." if labels.ndim == 1 else ""
        raise ValueError(f"`{argument}` must be {needed}; got the shape {labels.shape}.{hint}")
    wrong = np.flatnonzero(~(np.isin(labels, (0, 1)).all(axis=1) & (labels.sum(axis=1) == 1)))
    if len(wrong):
        raise ValueError(f"`{argument}` must be {needed}; row {wrong[0]} is {labels[wrong[0]]}.")
    return labels.astype("float32")


def checked_sample(training_imgs, training_labels, validation_imgs, validation_labels, shape):
    """Images and labels to train on, and to validate with, as float32.

    Returns
    -------
    training, validation : tuple of two arrays
        Images and labels. Arrays of float32 are not copied; data sets of HDF5 are read.

    Raises
    ------
    ValueError, TypeError, IndexError
        With the reason.
    """
    pairs = {}
    for kind, images, labels in (
        ("training", training_imgs, training_labels),
        ("validation", validation_imgs, validation_labels),
    ):
        images = checked_images(f"{kind}_imgs", images, shape)
        labels = one_hot_labels(f"{kind}_labels", labels)
        if len(images) != len(labels):
            raise RowCountError(
                f"`{kind}_imgs` and `{kind}_labels` must have one row a galaxy, in the same order; got {len(images)} "
                f"images and {len(labels)} labels."
            )
        pairs[kind] = images, labels
    # Read at last: they may be large, and in a file.
    pairs = {kind: (in_float32(images), labels) for kind, (images, labels) in pairs.items()}
    for kind, (images, _) in pairs.items():
        check_finite_images(f"{kind}_imgs", images)
    return tuple(pairs.values())


def layer_choice(argument, bools):
    """Eight times True or False, in a new list, from such a list or one of the documented names.

    Raises
    ------
    ValueError, TypeError
        If it is neither.
    """
    names = ", ".join(map(repr, LAYER_CHOICES))
    needed = (
        f"{len(LAYER_NUMBERS)} times True or False, for the layers {', '.join(map(str, LAYER_NUMBERS))}, or one of "
        f"{names}"
    )
    if isinstance(bools, str):
        if bools not in LAYER_CHOICES:
            raise ValueError(f"`{argument}` must be {needed}; got {bools!r}.")
        return list(LAYER_CHOICES[bools])
    if not isinstance(bools, list | tuple) and not (isinstance(bools, np.ndarray) and bools.ndim == 1):
        raise TypeError(f"`{argument}` must be {needed}; got {bools!r}.")
    if len(bools) != len(LAYER_NUMBERS) or not all(isinstance(b, bool | np.bool_) for b in bools):
        raise ValueError(f"`{argument}` must be {needed}; got {len(bools)} elements: {list(bools)!r}.")
    return [bool(b) for b in bools]


def check_flag(argument, value):
    """Raise unless it is True or False: every text would count as True."""
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"`{argument}` must be True or False, got {value!r}.")


def check_number(argument, value, least=0.0, most=math.inf, is_more=False, or_else=""):
    """Raise unless it is a finite number in this range, without its lower end if `is_more`.

    What else the argument may be, and is not, is told by `or_else`.
    """
    is_number = isinstance(value, numbers.Real) and not isinstance(value, bool) and math.isfinite(value)
    if not is_number or value < least or value > most or (is_more and value == least):
        lower = f"above {least:g}" if is_more else f"of at least {least:g}"
        upper = "" if most == math.inf else f" and at most {most:g}"
        raise ValueError(f"`{argument}` must be a number {lower}{upper}{or_else}, got {value!r}.")


def _numeric(argument, values, needed):
    """An array of numbers, or what gives one by its rows; no dictionary, which networks of astroNN take, too."""
    if values is None or isinstance(values, dict):
        raise TypeError(f"`{argument}` must be {needed}; got {type(values).__name__}.")
    return as_named_arrays(argument, values, argument)[argument]

"""Checks of what is given to the functions of the earlier package: images, labels, choices of layers, numbers."""

import math
import numbers

import numpy as np

from astroNN.data import MORPHOLOGY_CLASSES
from astroNN.gamornet._keras2_weights import LAYER_NUMBERS
from astroNN.shared.checks import as_named_arrays, check_rows

__all__ = [
    "LAYER_CHOICES",
    "checked_images",
    "checked_sample",
    "check_finite_images",
    "check_flag",
    "check_number",
    "layer_choice",
    "one_hot_labels",
]

_N_CLASSES = len(MORPHOLOGY_CLASSES)
_BLOCK_BYTES = 1 << 26

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
    images = as_named_arrays(argument, images, "images")["images"]
    given = tuple(images.shape)
    if len(given) != 4:
        hint = f" Add the axis of bands: {argument}[..., np.newaxis]." if len(given) == 3 else ""
        raise ValueError(f"`{argument}` must have four axes, (n, height, width, bands); got the shape {given}.{hint}")
    if shape is not None and given[1:] != tuple(shape):
        raise ValueError(
            f"`{argument}` must be images of the shape {tuple(shape)} that `input_shape` gives, got {given[1:]}. "
            "Crop larger ones (resizing would change the sampling of the PSF), or train a network for this shape."
        )
    return images


def check_finite_images(argument, images, first=0):
    """Raise if a pixel is NaN or infinite; `first` is the number of the first of these images."""
    size = max(1, _BLOCK_BYTES // max(1, images[0].nbytes))
    for start in range(0, len(images), size):
        block = images[start : start + size]
        is_finite = np.isfinite(block)
        if not is_finite.all():
            wrong = np.flatnonzero(~is_finite.reshape(len(block), -1).all(axis=1))
            raise ValueError(
                f"`{argument}` holds pixels that are NaN or infinite (in float32), the first in image "
                f"{first + start + wrong[0]}. Leave such images out, or fill the pixels: images = "
                "np.nan_to_num(images, posinf=0.0, neginf=0.0)."
            )


def one_hot_labels(argument, labels):
    """Labels as float32, of shape (n, 3), with a single 1 in every row.

    Raises
    ------
    ValueError, TypeError
        If they are anything else.
    """
    labels = np.asarray(as_named_arrays(argument, labels, "labels")["labels"])
    needed = f"one-hot, of shape (n, {_N_CLASSES}): a 1 for the class ({', '.join(MORPHOLOGY_CLASSES)}) among zeros"
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
    pairs = []
    for kind, images, labels in (
        ("training", training_imgs, training_labels),
        ("validation", validation_imgs, validation_labels),
    ):
        images = checked_images(f"{kind}_imgs", images, shape)
        labels = one_hot_labels(f"{kind}_labels", labels)
        check_rows(**{f"{kind}_imgs": images, f"{kind}_labels": labels})
        pairs.append((images, labels))
    return tuple(
        (_in_memory(f"{kind}_imgs", images), labels)
        for kind, (images, labels) in zip(("training", "validation"), pairs, strict=True)
    )


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
    if not isinstance(bools, list | tuple | np.ndarray):
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


def _in_memory(argument, images):
    """Images as float32, checked; those of an HDF5 data set are read."""
    if not (isinstance(images, np.ndarray) and images.dtype == np.float32):
        images = np.asarray(images[:] if not isinstance(images, np.ndarray) else images)
        with np.errstate(over="ignore"):  # what is too large becomes infinite, and is found
            images = images.astype(np.float32)
    check_finite_images(argument, images)
    return images

"""Hessians: how the answer of every label to one pixel depends on another."""

import warnings

import numpy as np

from astroNN.models.inspection._gradients import SecondDerivatives
from astroNN.models.inspection._stars import (
    MAX_MEMORY,
    check_memory,
    checked_stars,
    closing_files,
    label_unit,
    mean_network,
    missing_pixels,
    n_outputs,
    normalised_blocks,
    pixel_shape,
    pixel_unit,
    thinned_network,
)

__all__ = ["network_hessian"]

_WAYS = (
    "Ask for some pixels (`pixels`), for the diagonal alone (diagonal=True), for the mean over the stars "
    "(mean_output=True, which needs the memory of one star), give fewer stars, or a larger `max_memory`."
)


def network_hessian(net, x, mean_output=False, mc_num=None, denormalize=False, mask=None, pixels=None, diagonal=False,
                    max_memory=MAX_MEMORY, input_name="input"):  # fmt: skip
    """Hessian of a network; see `Inspected.hessian`.

    Parameters
    ----------
    net : NeuralNetMaster
        Trained.
    x : array
        As there.
    mean_output, mc_num, denormalize, mask, pixels, diagonal, max_memory, input_name : optional
        As there.

    Returns
    -------
    array of float32, shape (n_stars, n_labels, n_pixels, n_pixels)
        As there.
    """
    inputs, masks = checked_stars(net, "hessian", x, mask, input_name, mc_num)
    whole = pixel_shape(net, input_name)
    chosen = _pixel_numbers(pixels, whole)
    axes = whole if pixels is None else (len(chosen),)
    unit = 1.0 / pixel_unit(net, input_name).ravel()[chosen] if denormalize else None
    n_stars, n_labels = len(inputs["input"]), n_outputs(net)
    shape = (n_labels, *axes) if diagonal else (n_labels, *axes, *axes)
    check_memory("hessian", shape if mean_output else (n_stars, *shape), max_memory, _WAYS)
    flat = (n_labels, len(chosen)) if diagonal else (n_labels, len(chosen), len(chosen))
    result = np.zeros(flat if mean_output else (n_stars, *flat), dtype="float32")
    with closing_files(inputs, masks):
        for _ in range(mc_num or 1):
            _add(result, net, inputs, masks, mc_num, chosen, diagonal, mean_output, input_name)
    if not result.any():
        warnings.warn(
            "hessian: all second derivatives are zero. A network of ReLU or linear units is made of planes; its "
            "curvature sits in the kinks between them. Train it with a smooth `activation`, such as 'tanh'.",
            stacklevel=4,
        )
    if denormalize:
        result *= label_unit(net).reshape(-1, *[1] * (1 if diagonal else 2))
        result *= np.square(unit) if diagonal else unit
        if not diagonal:
            result *= unit[:, None]
    return result.reshape(shape if mean_output else (n_stars, *shape))


def _add(result, net, inputs, masks, mc_num, chosen, diagonal, mean_output, input_name):
    """Add the Hessians of one network, divided by how many there will be, in place."""
    derivatives = _second_derivatives(net, mc_num is not None, input_name)
    n_stars, n_chosen = len(inputs["input"]), len(chosen)
    n_star_rows, n_rows = derivatives.stars_and_rows_at_once(n_stars, n_chosen)
    starts = range(0, n_chosen, n_rows)
    filled = np.resize(chosen, (len(starts), n_rows))  # nothing is compiled for another number of rows
    parts = [
        (label, slice(start, min(start + n_rows, n_chosen)))
        for label in range(result.shape[-2 if diagonal else -3])
        for start in starts
    ]
    chunks = [(label, filled[part.start // n_rows]) for label, part in parts]
    weight = 1.0 / ((mc_num or 1) * (n_stars if mean_output else 1))
    for stars, block in normalised_blocks(net, inputs, masks, n_star_rows):
        there = ~missing_pixels(net, inputs, masks, stars, input_name).reshape(len(stars), -1)[:, chosen]
        for (label, part), rows in zip(parts, derivatives(block, chunks), strict=True):
            rows = rows[: len(stars), : part.stop - part.start]
            if diagonal:
                rows = rows[:, np.arange(rows.shape[1]), chosen[part]] * there[:, part]
            else:
                rows = rows[..., chosen] * (there[:, part, None] & there[:, None])
            if mean_output:
                result[label, part] += weight * rows.sum(axis=0)
            else:
                result[stars, label, part] += weight * rows


def _second_derivatives(net, thinned, input_name):
    key = ("hessian", thinned, input_name)
    if key not in net._derivatives:
        model = thinned_network(net) if thinned else mean_network(net)
        net._derivatives[key] = SecondDerivatives(model, input_name)
    return net._derivatives[key]


def _pixel_numbers(pixels, shape):
    """Numbers of the chosen pixels in the flattened input."""
    n_pixels = int(np.prod(shape))
    if pixels is None:
        return np.arange(n_pixels)
    pixels = np.asarray(pixels)
    if pixels.dtype == bool:
        if pixels.shape != shape and pixels.shape != (n_pixels,):
            raise ValueError(f"`pixels` is a mask of shape {pixels.shape}; the inputs of one star have {shape}.")
        numbers = np.flatnonzero(pixels)
    else:
        if pixels.dtype.kind not in "iu" or pixels.ndim != 1:
            raise ValueError(
                "`pixels` must be a one-dimensional array of pixel numbers, or a mask that is True at the pixels "
                f"wanted, got dtype {pixels.dtype} and shape {pixels.shape}."
            )
        outside = pixels[(pixels < 0) | (pixels >= n_pixels)]
        if len(outside):
            raise ValueError(f"`pixels`: there are pixels 0 to {n_pixels - 1}, got {outside[0]}.")
        numbers = pixels.astype(int)
    if len(numbers) == 0:
        raise ValueError("`pixels` chooses no pixel.")
    return numbers

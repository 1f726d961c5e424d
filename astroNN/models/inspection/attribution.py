"""Integrated gradients: how much every pixel contributes to the difference of a label from a reference."""

import warnings
from dataclasses import dataclass

import numpy as np

from astroNN.models import _data
from astroNN.models.inspection._stars import (
    MAX_MEMORY,
    check_memory,
    checked_stars,
    closing_files,
    label_unit,
    missing_pixels,
    n_outputs,
    pixel_shape,
)
from astroNN.models.inspection.jacobian import star_gradients
from astroNN.shared import setting_checks
from astroNN.shared.errors import ConfigurationError

__all__ = ["Attribution", "network_integrated_gradients"]

_WAYS = "Give fewer stars, the labels of interest (`label`), or a larger `max_memory`."
_STARS = 64  # normalised at a time


@dataclass(frozen=True)
class Attribution:
    """What every pixel contributes to the labels of stars; see `NeuralNetMaster.integrated_gradients`.

    Attributes
    ----------
    attributions : array, shape (n_stars, n_labels, n_pixels), or dict of arrays
        Contributions; by input name if the network has several inputs. For images the last axes are those of the
        image.
    difference : array, shape (n_stars, n_labels)
        Labels of the stars minus those of the baseline: what the contributions add up to.
    error : array, shape (n_stars, n_labels)
        By how much they miss it: their sum over all pixels, minus `difference`.
    steps : array of int, shape (n_stars,)
        Points of the path that were used.
    converged : array of bool, shape (n_stars, n_labels)
        Whether the error is within the tolerance.
    """

    attributions: object
    difference: np.ndarray
    error: np.ndarray
    steps: np.ndarray
    converged: np.ndarray


def network_integrated_gradients(net, x, baseline=None, steps=32, label=None, denormalize=False, mask=None, rtol=0.01,
                                 atol=0.001, max_steps=512, max_memory=MAX_MEMORY):  # fmt: skip
    """Integrated gradients of a network; see `Inspected.integrated_gradients`.

    Parameters
    ----------
    net : NeuralNetMaster
        Trained.
    x : array
        As there.
    baseline, steps, label, denormalize, mask, rtol, atol, max_steps, max_memory : optional
        As there.

    Returns
    -------
    Attribution
        As there.
    """
    inputs, masks = checked_stars(net, "integrated_gradients", x, mask)
    _check_settings(steps, max_steps, rtol, atol)
    columns = _columns(net, label)
    n_stars, n_columns = len(inputs["input"]), len(columns)
    n_pixels = sum(int(np.prod(pixel_shape(net, name))) for name in inputs)
    check_memory("integrated_gradients", (n_stars, n_columns, n_pixels), max_memory, _WAYS)
    path = _Path(net, inputs, masks, baseline, columns)
    attributions = {name: np.zeros((n_stars, n_columns, *net._input_shape[name]), dtype="float32") for name in inputs}
    difference = np.zeros((n_stars, n_columns))
    error, used = np.zeros_like(difference), np.zeros(n_stars, dtype=int)
    with closing_files(inputs, masks):
        for start in range(0, n_stars, _STARS):
            left = np.arange(start, min(start + _STARS, n_stars))
            n_steps = steps
            while len(left):
                contributions, difference[left] = path.integrate(left, n_steps)
                error[left], used[left] = -difference[left], n_steps
                for name, values in contributions.items():
                    attributions[name][left] = values
                    error[left] += values.reshape(len(left), n_columns, -1).sum(axis=-1, dtype="float64")
                missed = (np.abs(error[left]) > atol + rtol * np.abs(difference[left])).any(axis=1)
                left = left[missed] if n_steps < max_steps else left[:0]
                n_steps = min(2 * n_steps, max_steps)
    converged = np.abs(error) <= atol + rtol * np.abs(difference)
    _warn_of_errors(error, converged, max_steps)
    shaped = {
        name: values.reshape(*values.shape[:2], *pixel_shape(net, name)) for name, values in attributions.items()
    }
    if denormalize:
        unit = label_unit(net)[columns]
        difference, error = difference * unit, error * unit
        for values in shaped.values():
            values *= unit.reshape(-1, *[1] * (values.ndim - 2))
    return Attribution(shaped if len(shaped) > 1 else shaped["input"], difference, error, used, converged)


class _Path:
    """The straight line from a baseline to every star, in normalised pixels."""

    def __init__(self, net, inputs, masks, baseline, columns):
        self._net, self._inputs, self._masks, self._columns = net, inputs, masks, columns
        self._gradients = {name: star_gradients(net, input_name=name) for name in inputs}
        self._baseline = self._training_mean() if baseline is None else self._given(baseline)

    def integrate(self, stars, n_steps):
        """Contributions by input, and differences of the labels, of some stars."""
        net = self._net
        ends = net._read_inputs(self._inputs, self._masks, stars)
        starts = {name: self._start(name, ends[name], stars) for name in ends}
        values = self._gradients["input"].values
        difference = values(ends, self._columns).astype("float64") - values(starts, self._columns)
        nodes, weights = np.polynomial.legendre.leggauss(n_steps)
        nodes, weights = 0.5 * (nodes + 1.0), 0.5 * weights
        contributions = {}
        for name, gradients in self._gradients.items():
            mean_slope = np.zeros((len(stars), len(self._columns), *net._input_shape[name]))
            size = min(gradients.stars_at_once(len(self._columns)), len(stars) * n_steps)
            star, node = np.divmod(np.arange(len(stars) * n_steps), n_steps)
            for first in range(0, len(star), size):
                # The last block is filled up, so that nothing is compiled for another shape.
                block = np.minimum(np.arange(first, first + size), len(star) - 1)
                n_real = min(size, len(star) - first)
                slopes = gradients(self._points(starts, ends, star[block], nodes[node[block]]), self._columns)
                for here in np.unique(star[block[:n_real]]):
                    rows = np.flatnonzero(star[block[:n_real]] == here)
                    mean_slope[here] += np.tensordot(weights[node[block[rows]]], slopes[rows], axes=1)
            contributions[name] = (mean_slope * (ends[name] - starts[name])[:, None]).astype("float32")
        return contributions, difference

    def _points(self, starts, ends, star, fraction):
        points = {}
        for name, end in ends.items():
            share = fraction.reshape(-1, *[1] * (end.ndim - 1)).astype("float32")
            points[name] = starts[name][star] + share * (end[star] - starts[name][star])
        return points

    def _start(self, name, end, stars):
        """Normalised baseline of some stars: a missing pixel is the training mean on the whole path."""
        baseline = self._baseline[name]
        baseline = np.broadcast_to(baseline if len(baseline) == 1 else baseline[stars], end.shape)
        return np.where(missing_pixels(self._net, self._inputs, self._masks, stars, name), end, baseline)

    def _training_mean(self):
        """What a missing pixel becomes."""
        first = {name: array[:1] for name, array in self._inputs.items()}
        nothing = {name: np.ones(array.shape, dtype=bool) for name, array in first.items()}
        return self._net._read_inputs(first, nothing, np.arange(1))

    def _given(self, baseline):
        n_stars = len(self._inputs["input"])
        arrays, _ = _data.checked_inputs(self._net, baseline)
        if len(arrays["input"]) not in (1, n_stars):
            raise ValueError(
                f"`baseline` must be one star, or one for each of the {n_stars} stars of `x`, got "
                f"{len(arrays['input'])} rows."
            )
        return self._net._read_inputs(arrays, {}, np.arange(len(arrays["input"])))


def _check_settings(steps, max_steps, rtol, atol):
    setting_checks.check_at_least("steps", steps, 1)
    setting_checks.check_at_least("max_steps", max_steps, steps)
    for name, value in (("rtol", rtol), ("atol", atol)):
        is_number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
        if not is_number or not value >= 0:
            raise ConfigurationError(f"`{name}` must be a number of at least 0, got {value!r}.")


def _columns(net, label):
    """Numbers of the labels that are wanted."""
    n_labels = n_outputs(net)
    if label is None:
        return np.arange(n_labels)
    names = list(net.targetname) if isinstance(net.targetname, list | tuple) else []
    columns = []
    for one in label if isinstance(label, list | tuple | np.ndarray | range) else [label]:
        if isinstance(one, str):
            if one not in names:
                raise ValueError(f"`label`: there is no label {one!r} among {', '.join(map(str, names)) or 'none'}.")
            one = names.index(one)
        is_number = isinstance(one, int | np.integer) and not isinstance(one, bool)
        if not is_number or not 0 <= one < n_labels:
            raise ValueError(f"`label` must be names, or numbers from 0 to {n_labels - 1}, got {one!r}.")
        columns.append(int(one))
    if not columns:
        raise ValueError("`label` is empty.")
    return np.array(columns)


def _warn_of_errors(error, converged, max_steps):
    missed = ~converged.all(axis=1)
    if missed.any():
        warnings.warn(
            f"integrated_gradients: after {max_steps} steps the contributions of {int(missed.sum())} of {len(error)} "
            f"stars do not yet add up to the difference of a label; the worst misses it by {np.abs(error).max():.2g} "
            "of the label's standard deviation. Raise `max_steps`, or accept more with `rtol` and `atol`.",
            stacklevel=4,
        )

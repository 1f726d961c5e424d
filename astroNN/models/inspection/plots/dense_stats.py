"""Histograms of the weights of dense layers."""

import itertools

import keras
import matplotlib
import numpy as np

from astroNN.nn.layers import DenseFlipout, DenseReparameterization
from astroNN.shared.plotting import new_figure, styled

__all__ = ["dense_kernels", "draw_dense_stats"]

BINS, REACH = 200, 2.0
_MANY = 12  # layers, from which on their legend needs a place of its own
_LEGEND_ROWS = 60  # of small print, that the height of the figure holds


def dense_kernels(model):
    """Kernels of all dense layers, those of nested models too.

    Parameters
    ----------
    model : keras.Model
        Built; layers that are not have no kernel yet.

    Returns
    -------
    dict of float64 arrays
        By name of the layer, in the order of the model. Of layers with a distribution of weights (`DenseFlipout`,
        `DenseReparameterization`) the means.
    """
    kernels = {}
    for layer in dict.fromkeys(model._flatten_layers()):  # a shared layer counts once
        if isinstance(layer, keras.layers.Dense) and layer.built:
            name, kernel = layer.name, layer.kernel
        elif isinstance(layer, DenseFlipout | DenseReparameterization) and layer.built:
            name, kernel = f"{layer.name} (means)", layer.kernel_mean
        else:
            continue
        while name in kernels:  # nested models may repeat names
            name += "'"
        kernels[name] = np.asarray(keras.ops.convert_to_numpy(kernel), dtype="float64")
    return kernels


@styled
def draw_dense_stats(kernels, title):
    """Density of the weights of every layer, from -2 to 2 in 200 bins, with their extremes, mean and spread.

    Parameters
    ----------
    kernels : dict of arrays
        By name of the layer, see `dense_kernels`.
    title : str
        Of the figure.

    Returns
    -------
    figure : matplotlib.figure.Figure
        Of no pyplot session.
    axes : matplotlib.axes.Axes
        Its only ones.
    """
    figure = new_figure(15, 10)
    axes = figure.subplots()
    styles = itertools.cycle(_styles(len(kernels)))
    edges = np.linspace(-REACH, REACH, BINS + 1)
    digits = 3 if len(kernels) <= _MANY else 2
    for (name, kernel), style in zip(kernels.items(), styles, strict=False):
        weights = kernel[np.isfinite(kernel)]
        number, _ = np.histogram(weights, edges)
        # Weights beyond the edges don't count: the area under every curve is 1.
        density = number / (max(number.sum(), 1) * np.diff(edges))
        axes.stairs(density, edges, label=f"{name}: {_statistics(weights, kernel.size, digits)}", **style)
    axes.set_title(title, fontsize=15)
    axes.set_xlabel("weight", fontsize=13)
    axes.set_ylabel("density of weights", fontsize=13)
    axes.set_xlim(-REACH, REACH)
    axes.set_ylim(bottom=0.0)
    if len(kernels) <= _MANY:
        axes.legend(loc="upper right", fontsize=11)
    else:
        figure.legend(loc="outside right center", fontsize=6.5, ncols=-(-len(kernels) // _LEGEND_ROWS),
                      labelspacing=0.25, columnspacing=0.8, handlelength=1.6)  # fmt: skip
    return figure, axes


def _statistics(weights, size, digits):
    if not weights.size:
        return "no finite weight"
    numbers = {"max": weights.max(), "min": weights.min(), "mean": weights.mean(), "std": weights.std()}
    text = ", ".join(f"{name} {number:.{digits}g}" for name, number in numbers.items())
    beyond, broken = int((np.abs(weights) > REACH).sum()), size - weights.size
    text += f", {beyond} outside" if beyond else ""
    text += f", {broken} not finite" if broken else ""
    return text.replace("-", "\u2212")


def _styles(n_layers):
    """Colours told apart where there are few layers, and dashes besides where there are many."""
    if n_layers <= 8:
        # Okabe & Ito 2008.
        colours = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#222222", "#999999"]
        return [{"color": colour, "lw": 1.3} for colour in colours]
    colours = matplotlib.colormaps["tab20"].colors
    dashes = itertools.product(("-", "--", ":", "-."), colours)
    return [{"linestyle": dash, "color": colour, "lw": 0.8} for dash, colour in dashes]

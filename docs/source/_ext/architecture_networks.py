"""Ready-made networks for the figures: found by their names, and built for a shape without any data."""

import inspect

import numpy as np

from astroNN import models

__all__ = ["built", "network_class", "shape"]


def built(kind, inputs, labels):
    """A network as `fit` builds it, without any data.

    Parameters
    ----------
    kind : type
        Class of the network.
    inputs : dict of str to tuple of int
        Shapes of one star, without an axis of channels where there is one channel.
    labels : tuple of int
        Number of labels; of an autoencoder the number of pixels that it draws.

    Returns
    -------
    NeuralNetMaster
    """
    net = kind()
    net.verbose, net.seed = 0, 0
    inputs = {name: sizes if len(sizes) == 3 else (*sizes, 1) for name, sizes in inputs.items()}
    net._input_shape = inputs
    net._labels_shape = {"output": (*labels, 1) if issubclass(kind, models.ConvVAEBase) else labels[0]}
    net.input_names, net.output_names = list(inputs), ["output"]
    # Networks that undo the normalisation of a column have its mean and spread as constants.
    net.input_mean = {name: np.zeros(sizes, "float32") for name, sizes in inputs.items()}
    net.input_std = {name: np.ones(sizes, "float32") for name, sizes in inputs.items()}
    net._check_settings()
    net._check_shapes()
    net.compile()
    return net


def network_class(name):
    """A ready-made network by the name of its class.

    Raises
    ------
    ValueError
        If there is none of this name.
    """
    known = sorted(each for each in models.__all__ if _is_network(getattr(models, each)))
    if name not in known:
        raise ValueError(f"there is no ready-made network {name!r} in astroNN.models; there are {', '.join(known)}.")
    return getattr(models, name)


def _is_network(candidate):
    return (
        inspect.isclass(candidate)
        and issubclass(candidate, models.NeuralNetMaster)
        and not inspect.isabstract(candidate)
    )


def shape(text):
    """Shape of one star: whole numbers above 0, with blanks between.

    Raises
    ------
    ValueError
        If it is anything else.
    """
    try:
        numbers = tuple(int(word) for word in (text or "").replace(",", " ").split())
    except ValueError:
        numbers = ()
    if not 1 <= len(numbers) <= 3 or min(numbers) < 1:
        raise ValueError(f"must be one to three whole numbers above 0, such as 7514 or 69 69 3, got {text!r}")
    return numbers

"""Telling layers with a prior of their own how many data weigh against it."""

import numpy as np

from astroNN.shared.missing import missing_elements

__all__ = ["layers_with_n_train", "set_n_train"]


def layers_with_n_train(model):
    """Layers of a model that have the attribute `n_train`.

    Parameters
    ----------
    model : keras.Model
        Nested models and wrappers are looked into.

    Returns
    -------
    list of keras.layers.Layer
        The layers themselves.
    """
    return [layer for layer in model._flatten_layers() if hasattr(layer, "n_train")]


def set_n_train(model, labels, rows, task, only_unknown=False):
    """Set `n_train` of the layers that divide a term of the loss by it (`DenseFlipout`, ...).

    The evidence lower bound is a sum over data; the loss is its mean over the stars and over the labels that were
    measured. So the divergence from the prior is divided by the number of labels measured (classes of one star
    are one datum).

    Parameters
    ----------
    model : keras.Model
        The network in training.
    labels : array, shape (n_stars, n_labels)
        NaN or the magic number marks a missing one.
    rows : array of int
        The training stars.
    task : str
        What the network answers.
    only_unknown : bool, optional
        Leave layers alone that have a number. Default False.
    """
    layers = [layer for layer in layers_with_n_train(model) if not (only_unknown and layer.n_train)]
    if not layers:
        return
    labels = np.asarray(labels)[rows]
    n_terms = len(labels) if task == "classification" else int(np.sum(~missing_elements(labels)))
    for layer in layers:
        layer.n_train = n_terms

"""Layers of every variational kind, and how to give them a posterior: what their tests share."""

import keras
import numpy as np
import pytest
from keras import ops

from astroNN.nn.layers import Conv1DFlipout, Conv2DFlipout, DenseFlipout, DenseReparameterization

DENSE = (DenseFlipout, DenseReparameterization)

# One layer of each kind with the shape of its inputs.
EVERY_LAYER = {
    "DenseFlipout": (DenseFlipout, {"units": 3}, (4,)),
    "DenseReparameterization": (DenseReparameterization, {"units": 3}, (4,)),
    "Conv1DFlipout": (Conv1DFlipout, {"filters": 3, "kernel_size": 3, "padding": "same"}, (9, 2)),
    "Conv2DFlipout": (Conv2DFlipout, {"filters": 3, "kernel_size": (3, 2), "strides": 2}, (7, 6, 2)),
}
every_layer = pytest.mark.parametrize(("cls", "kwargs", "shape"), EVERY_LAYER.values(), ids=EVERY_LAYER)


def as_numpy(tensor):
    return ops.convert_to_numpy(ops.cast(tensor, "float32")).astype("float64")


def inverse_softplus(std):
    return np.log(np.expm1(std))


def set_posterior(layer, mean, std, bias=None):
    layer.kernel_mean.assign(mean)
    layer.kernel_rho.assign(inverse_softplus(std))
    if bias is not None:
        layer.bias.assign(bias)


def model_of(cls, shape, seed=1, **kwargs):
    inputs = keras.Input(shape)
    return keras.Model(inputs, cls(seed=seed, **kwargs)(inputs))

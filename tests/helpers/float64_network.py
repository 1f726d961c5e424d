"""Keras layers by numpy in float64, from their weights alone: the truth for derivatives."""

import numpy as np

ACTIVATIONS = {
    "linear": lambda x: x,
    "relu": lambda x: np.maximum(x, 0),
    "tanh": np.tanh,
    "softmax": lambda x: np.exp(x) / np.exp(x).sum(axis=-1, keepdims=True),
}


def convolve(layer, x):
    """Convolution along one or two axes, channels last, stride 1."""
    kernel, bias = (weight.astype("float64") for weight in layer.get_weights())
    sizes = kernel.shape[:-2]
    axes = tuple(range(1, 1 + len(sizes)))
    if layer.padding == "same":
        # Of an even number of pixels to pad one more goes behind.
        x = np.pad(x, [(0, 0), *(((n - 1) // 2, n // 2) for n in sizes), (0, 0)])
    windows = np.lib.stride_tricks.sliding_window_view(x, sizes, axis=axes)
    # (stars, positions, channels, taps) by (taps, channels, filters)
    taps = list(range(windows.ndim - len(sizes), windows.ndim))
    channel = windows.ndim - len(sizes) - 1
    return np.tensordot(windows, kernel, axes=([*taps, channel], list(range(len(sizes) + 1)))) + bias


def pool(layer, x):
    """Largest value of every window; what is left at the end is dropped."""
    for axis, size in enumerate(layer.pool_size, start=1):
        x = np.moveaxis(x, axis, -1)
        x = x[..., : x.shape[-1] // size * size]
        x = x.reshape(*x.shape[:-1], -1, size).max(axis=-1)
        x = np.moveaxis(x, -1, axis)
    return x


def run(layers, x):
    """Values behind layers in a row; dropout is off."""
    for layer in layers:
        kind = type(layer).__name__
        if kind in ("Conv1D", "Conv2D"):
            x = ACTIVATIONS[layer.activation.__name__](convolve(layer, x))
        elif kind == "Dense":
            kernel, bias = (weight.astype("float64") for weight in layer.get_weights())
            x = ACTIVATIONS[layer.activation.__name__](x @ kernel + bias)
        elif kind == "Activation":
            x = ACTIVATIONS[layer.activation.__name__](x)
        elif kind in ("MaxPooling1D", "MaxPooling2D"):
            x = pool(layer, x)
        elif kind == "Flatten":
            x = x.reshape(len(x), -1)
        elif kind == "Reshape":
            x = x.reshape(len(x), *layer.target_shape)
        elif kind not in ("InputLayer", "Dropout", "MCDropout"):
            raise NotImplementedError(kind)
    return x


def slopes(function, x, pixels, step):
    """Central differences of a function of arrays (n_stars, ...), by the pixels numbered, on the last axis."""
    columns = []
    for pixel in pixels:
        shift = np.zeros(x[0].size)
        shift[pixel] = step
        shift = shift.reshape(x[0].shape)
        columns.append((function(x + shift) - function(x - shift)) / (2 * step))
    return np.stack(columns, axis=-1)


def curvatures(function, x, pixels, step):
    """Second central differences by all pairs of the pixels numbered, on the last two axes."""
    return np.stack(
        [slopes(lambda y, p=p: slopes(function, y, [p], step)[..., 0], x, pixels, step) for p in pixels], axis=-2
    )

r"""Derivatives of the two convolutions and the pooling at the beginning of a network, by hand.

A feature behind two convolutions of 8 pixels and a pooling of 4 sees 18 pixels, and how it answers to them is the
same for every label. So the local derivatives :math:`\partial z_f / \partial x_p` of a star are worked out once, by
the chain rule, and all labels use them:

.. math::

   \frac{\partial y_d}{\partial x_p} = \sum_f \frac{\partial y_d}{\partial z_f} \frac{\partial z_f}{\partial x_p} .

The left factor is that of a small dense network; the sum is a product of small matrices, a block of pixels at a time.
Going backwards through the convolutions for each label instead takes 2.5 times as long on a processor.
"""

from dataclasses import dataclass, field

from keras import activations, layers, ops

from astroNN.nn.layers import MCDropout, MCGaussianDropout

__all__ = ["LocalJacobian", "leading_convolutions"]

_WINDOWS = 8  # pooling windows of a block (found by trial)
# Derivatives of activations from their inputs and outputs.
_SLOPES = {
    activations.linear: lambda x, y: ops.ones_like(x),
    activations.relu: lambda x, y: ops.cast(x > 0, x.dtype),
    activations.tanh: lambda x, y: 1.0 - ops.square(y),
    activations.sigmoid: lambda x, y: y * (1.0 - y),
    activations.softplus: lambda x, y: ops.sigmoid(x),
    activations.elu: lambda x, y: ops.where(x > 0, ops.ones_like(x), y + 1.0),
}
# Layers whose output is the input times numbers that do not depend on it.
_FACTORS = (layers.Dropout, MCDropout, MCGaussianDropout)


@dataclass
class LocalJacobian:
    """Two convolutions and a pooling of a graph, each convolution followed by activations and dropout.

    Attributes
    ----------
    convolutions : list of keras.layers.Conv1D
    elementwise : list of lists of keras.layers.Layer
        What follows each convolution.
    pool_step : Step
        Its result is where the rest of the network begins.
    """

    steps: list
    convolutions: list = field(default_factory=list)
    elementwise: list = field(default_factory=list)

    @property
    def pool_step(self):
        return self.steps[-1]

    def __post_init__(self):
        for step in self.steps[:-1]:
            if type(step.operation) is layers.Conv1D:
                self.convolutions.append(step.operation)
                self.elementwise.append([])
            else:
                self.elementwise[-1].append(step.operation)
        self.pool = self.pool_step.operation.pool_size[0]
        self.n_windows, self.n_filters = self.pool_step.result.shape[1:]
        widths = [conv.kernel_size[0] for conv in self.convolutions]
        self.left = [
            (w - 1) // 2 if c.padding == "same" else 0 for w, c in zip(widths, self.convolutions, strict=True)
        ]
        self.reach = sum(widths) - 1  # pixels that a pixel behind both convolutions sees
        self.n_pixels = self.steps[0].args[0].shape[1]

    @property
    def n_elements(self):
        """Numbers that the work on one star needs, and those that each label adds."""
        block = self.pool * _WINDOWS + self.reach - 1
        return self.n_pixels * (2 * self.n_filters * self.reach + 2 * block * self.n_filters // self.pool), (
            5 * self.n_pixels
        )

    def forward(self, spectra):
        """Features behind the pooling, and their local derivatives as blocks for `contract`.

        Parameters
        ----------
        spectra : tensor, shape (n_stars, n_pixels, 1)

        Returns
        -------
        features : tensor, shape (n_stars, n_windows, n_filters)
        blocks : tensor, shape (n_stars, n_blocks, features of a block, pixels that they see)
        """
        first, second = self.convolutions
        x, slope_1 = self._elementwise(0, _convolved(first, spectra))
        x, slope_2 = self._elementwise(1, _convolved(second, x))
        used = self.n_windows * self.pool
        windows = ops.reshape(x[:, :used], (-1, self.n_windows, self.pool, self.n_filters))
        slope_2 = ops.reshape(slope_2[:, :used], (-1, self.n_windows, self.pool, self.n_filters))
        highest = ops.one_hot(ops.argmax(windows, axis=2), self.pool, axis=2, dtype=x.dtype)
        local = self._behind_second(slope_1, used) * (highest * slope_2)[..., None]
        # From the pixels that each pixel of a window sees to those that the window sees.
        local = sum(
            ops.pad(local[:, :, pixel], [[0, 0]] * 3 + [[pixel, self.pool - 1 - pixel]]) for pixel in range(self.pool)
        )
        return ops.max(windows, axis=2), self._blocks(local)

    def contract(self, by_feature, blocks):
        """Derivatives by pixel from those by feature.

        Parameters
        ----------
        by_feature : tensor, shape (n_stars, n_labels, n_windows, n_filters)
        blocks : tensor
            From `forward`.

        Returns
        -------
        tensor, shape (n_stars, n_labels, n_pixels)
        """
        n_stars, n_labels = by_feature.shape[:2]
        n_blocks, n_features, seen = blocks.shape[1:]
        size = _WINDOWS * self.pool
        padding = n_blocks * _WINDOWS - self.n_windows
        by_feature = ops.pad(by_feature, [[0, 0], [0, 0], [0, padding], [0, 0]])
        by_feature = ops.reshape(by_feature, (n_stars, n_labels, n_blocks, n_features))
        by_pixel = ops.matmul(ops.transpose(by_feature, (0, 2, 1, 3)), blocks)
        by_pixel = ops.transpose(by_pixel, (0, 2, 1, 3))
        # Neighbouring blocks see some of the same pixels: lay their parts over one another and add.
        n_parts = -(-seen // size)
        by_pixel = ops.pad(by_pixel, [[0, 0]] * 3 + [[0, n_parts * size - seen]])
        total = sum(
            ops.pad(
                by_pixel[..., part * size : (part + 1) * size], [[0, 0], [0, 0], [part, n_parts - 1 - part], [0, 0]]
            )
            for part in range(n_parts)
        )
        total = ops.reshape(total, (n_stars, n_labels, (n_blocks + n_parts - 1) * size))
        start = sum(self.left)
        missing = max(0, start + self.n_pixels - total.shape[-1])
        return ops.pad(total, [[0, 0], [0, 0], [0, missing]])[..., start : start + self.n_pixels]

    def _elementwise(self, number, x):
        """Values behind a convolution's own activation and the layers after it, and their slopes."""
        y = self.convolutions[number].activation(x)
        slope = _SLOPES[self.convolutions[number].activation](x, y)
        for layer in self.elementwise[number]:
            if isinstance(layer, layers.Activation):
                x, y = y, layer.activation(y)
                slope = slope * _SLOPES[layer.activation](x, y)
            else:
                factor = layer(ops.ones_like(y))
                y, slope = y * factor, slope * factor
        return y, slope

    def _behind_second(self, slope_1, used):
        """Derivatives behind the second convolution, (n_stars, n_windows, pool, n_filters, reach)."""
        first, second = (ops.convert_to_tensor(conv.kernel) for conv in self.convolutions)
        width_2 = second.shape[0]
        # Pixel r of `reach` is seen through tap j of the second and tap r - j of the first convolution.
        shifted = ops.stack(
            [ops.pad(first[:, 0], [[tap, width_2 - 1 - tap], [0, 0]]) for tap in range(width_2)], axis=0
        )
        kernel = ops.einsum("jio,jri->jior", second, shifted)
        kernel = ops.reshape(kernel, (-1, self.n_filters * self.reach))
        right = max(0, used + width_2 - 1 - self.left[1] - slope_1.shape[1])
        slope_1 = ops.pad(slope_1, [[0, 0], [self.left[1], right], [0, 0]])
        patches = ops.stack([slope_1[:, tap : tap + used] for tap in range(width_2)], axis=2)
        local = ops.matmul(ops.reshape(patches, (-1, kernel.shape[0])), kernel)
        return ops.reshape(local, (-1, self.n_windows, self.pool, self.n_filters, self.reach))

    def _blocks(self, local):
        """Windows of a block as one matrix, each moved on by `pool` pixels against the one before."""
        n_filters, pool, width = self.n_filters, self.pool, local.shape[-1]
        n_blocks = -(-self.n_windows // _WINDOWS)
        seen = _WINDOWS * pool + width - pool
        local = ops.pad(local, [[0, 0], [0, n_blocks * _WINDOWS - self.n_windows], [0, 0], [0, seen + pool - width]])
        local = ops.reshape(local, (-1, n_blocks, _WINDOWS, n_filters, seen + pool))
        local = ops.transpose(local, (0, 1, 3, 2, 4))
        # Rows of length seen + pool, cut anew into rows of length seen, start `pool` later from one to the next.
        local = ops.reshape(local, (-1, n_blocks, n_filters, _WINDOWS * (seen + pool)))[..., : _WINDOWS * seen]
        local = ops.reshape(local, (-1, n_blocks, n_filters, _WINDOWS, seen))
        local = ops.transpose(local, (0, 1, 3, 2, 4))
        return ops.reshape(local, (-1, n_blocks, _WINDOWS * n_filters, seen))


def leading_convolutions(graph, symbol):
    """The `LocalJacobian` of a graph behind one of its inputs, or None if the graph does not begin like that.

    Parameters
    ----------
    graph : Graph
    symbol : keras.KerasTensor
        An input of the graph. Other layers may use it, too.
    """
    if len(symbol.shape) != 3 or symbol.shape[-1] != 1 or symbol.shape[1] is None:
        return None
    starts = [step for step in graph.steps if id(symbol) in step.inputs and _is_plain(step.operation)]
    if len(starts) != 1:
        return None
    chain, n_convolutions = [starts[0]], 1
    while True:
        step = _only_user(graph, chain[-1].result)
        if step is None or len(step.args) != 1:
            return None
        chain.append(step)
        if _is_pooling(step.operation) and n_convolutions == 2:
            return LocalJacobian(chain)
        if _is_plain(step.operation) and n_convolutions == 1:
            n_convolutions = 2
        elif not _is_elementwise(step.operation):
            return None


def _only_user(graph, symbol):
    users = [step for step in graph.steps if id(symbol) in step.inputs]
    return users[0] if len(users) == 1 and not any(symbol is output for output in graph.outputs) else None


def _is_plain(conv):
    return (
        type(conv) is layers.Conv1D
        and conv.activation in _SLOPES
        and conv.strides[0] == conv.dilation_rate[0] == conv.groups == 1
        and conv.padding in ("same", "valid")
        and conv.data_format == "channels_last"
        and conv.compute_dtype == "float32"
    )


def _is_elementwise(layer):
    if type(layer) is layers.Activation:
        return layer.activation in _SLOPES
    return isinstance(layer, _FACTORS) and layer.compute_dtype == "float32"


def _is_pooling(layer):
    return (
        type(layer) is layers.MaxPooling1D
        and layer.strides[0] == layer.pool_size[0]
        and layer.padding == "valid"
        and layer.data_format == "channels_last"
    )


def _convolved(conv, x):
    """A convolution without its activation."""
    x = ops.conv(x, ops.convert_to_tensor(conv.kernel), padding=conv.padding, data_format="channels_last")
    return x + ops.convert_to_tensor(conv.bias) if conv.use_bias else x

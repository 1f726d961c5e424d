"""Convolutions with few channels, arranged for the processor.

A convolution along pixels from 2 to 4 channels uses vector units badly: its inner products are
short. Eight neighbouring output pixels with 4 channels each, taken as one pixel of 32 channels,
are the same sums (some with zero weights) in long rows: twice the arithmetic in half the time. The
pooling that follows then takes the maximum over channels, before bias and activation, which are
monotonic and so may wait until there is less to do.
"""

import keras
from keras import activations, layers, ops

from astroNN.nn.layers._graph import Graph, Step

__all__ = ["BlockedConv", "with_blocked_convolutions"]

_WIDTH = 32  # channels of a block aimed at (found by trial on AVX512 with TensorFlow)
_MONOTONIC = {activations.linear, activations.relu, activations.elu, activations.tanh, activations.sigmoid}


def with_blocked_convolutions(graph):
    """The same network with each Conv1D, activation, MaxPooling1D of few channels as one step."""
    consumers = {}
    for step in graph.steps:
        for i in step.inputs:
            consumers.setdefault(i, []).append(step)
    final = {id(symbol) for symbol in graph.outputs}

    def only_consumer(step):
        users = consumers.get(id(step.result), [])
        return users[0] if len(users) == 1 and id(step.result) not in final else None

    steps, replaced = [], set()
    for step in graph.steps:
        chain = _chain(step, only_consumer)
        if chain is not None:
            steps += _blocked_steps(*chain)
            replaced.update(id(part) for part in chain if part is not None)
        elif id(step) not in replaced:
            steps.append(step)
    return Graph(graph.inputs, graph.output, steps)


def _chain(step, only_consumer):
    """Steps (convolution, activation or None, pooling) that start here and can be fused, or None."""
    conv = step.operation
    if not (type(conv) is layers.Conv1D and _is_plain(conv) and conv.activation in _MONOTONIC):
        return None
    following, middle = only_consumer(step), None
    if following is not None and type(following.operation) is layers.Activation:
        if following.operation.activation not in _MONOTONIC:
            return None
        middle, following = following, only_consumer(following)
    if following is None or type(following.operation) is not layers.MaxPooling1D:
        return None
    pooling = following.operation
    pool = pooling.pool_size[0]
    plain_pool = pooling.strides[0] == pool and pooling.padding == "valid" and _channels_last(pooling)
    if not plain_pool or pool * conv.filters > _WIDTH or None in step.result.shape[1:]:
        return None
    return step, middle, following


def _is_plain(conv):
    simple = conv.strides[0] == 1 and conv.dilation_rate[0] == 1 and conv.groups == 1
    return simple and conv.padding in ("same", "valid") and _channels_last(conv)


def _channels_last(layer):
    return layer.data_format == "channels_last"


def _blocked_steps(conv_step, activation_step, pool_step):
    pooled = BlockedConv(conv_step, activation_step, pool_step)
    kernel = keras.KerasTensor(pooled.kernel_shape, dtype=conv_step.operation.compute_dtype)
    return (
        # A step of its own, without inputs: it belongs to the part that runs once.
        Step(pooled.blocked_kernel, (), {}, kernel),
        Step(pooled, (conv_step.args[0], kernel), {}, pool_step.result),
    )


class BlockedConv:
    """Conv1D, activation and MaxPooling1D in one go, with the blocked kernel as second argument."""

    def __init__(self, conv_step, activation_step, pool_step):
        self.fused_layer = conv = conv_step.operation
        self.activation = None if activation_step is None else activation_step.operation.activation
        self.pool = pool_step.operation.pool_size[0]
        length, self.channels = conv_step.args[0].shape[1:]
        self.windows = pool_step.result.shape[1]
        self.size = self.pool * max(1, _WIDTH // (self.pool * conv.filters))  # output pixels of a block
        width = conv.kernel_size[0]
        self.reach = -(-(self.size + width - 1) // self.size)  # input blocks that an output block sees
        self.blocks = -(-self.windows * self.pool // self.size)
        left = (width - 1) // 2 if conv.padding == "same" else 0
        needed = (self.blocks + self.reach - 1) * self.size
        self.padding, self.used = [left, max(0, needed - left - length)], needed
        self.kernel_shape = (self.reach, self.size * self.channels, self.size * conv.filters)

    def blocked_kernel(self):
        """Kernel between blocks; output channels ordered (pixel in window, window, filter)."""
        conv = self.fused_layer
        kernel = ops.cast(ops.convert_to_tensor(conv.kernel), conv.compute_dtype)
        width, total = conv.kernel_size[0], self.reach * self.size
        shifted = [
            ops.pad(kernel, [[pixel, total - width - pixel], [0, 0], [0, 0]])
            for window_pixel in range(self.pool)
            for pixel in range(window_pixel, self.size, self.pool)
        ]
        return ops.reshape(ops.stack(shifted, axis=2), self.kernel_shape)

    def __call__(self, inputs, kernel):
        filters = self.fused_layer.filters
        inputs = ops.pad(ops.cast(inputs, kernel.dtype), [[0, 0], self.padding, [0, 0]])[:, : self.used]
        blocks = ops.reshape(inputs, (-1, self.used // self.size, self.size * self.channels))
        sums = ops.conv(blocks, kernel, strides=1, padding="valid", data_format="channels_last")
        sums = ops.reshape(sums, (-1, self.blocks, self.pool, self.size // self.pool * filters))
        sums = ops.reshape(ops.max(sums, axis=2), (-1, self.blocks * self.size // self.pool, filters))
        sums = sums[:, : self.windows]
        if self.fused_layer.use_bias:
            sums = sums + ops.cast(ops.convert_to_tensor(self.fused_layer.bias), sums.dtype)
        sums = self.fused_layer.activation(sums)
        return sums if self.activation is None else self.activation(sums)

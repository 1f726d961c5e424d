"""The fast way to sample a network: few thinned networks up to the first dense layer.

Nearly all the work of a convolutional network with dropout is in front of the first dense layer,
whose sums add thousands of inputs and are therefore close to Gaussian. So a few thinned networks
are run up to there. The inputs of the dense layer are divided into regions (neighbouring pixels),
and each network gives the sums of each region. Dropout acts on the regions independently (layers
in between reach a few pixels only), so the sums of a region from any network may stand beside those
of another region from another network. Orthogonal combinations of the deviations from the mean
network give draws whose covariance over stars' hidden units is the one sampled: Gaussian, with the
dropout's mean and variance. The small layers after it are sampled in full.

Unlike the local reparameterisation with a diagonal variance (Kingma, Salimans & Welling 2015,
arXiv:1506.02557), the correlations between hidden units (all see the same mask) are kept: without
them the spread of a trained ApogeeBCNN comes out 4% too small.
"""

import math

import keras
import numpy as np
from keras import layers, ops

from astroNN.nn._backend import compiled
from astroNN.nn.layers._blocked_conv import BlockedConv
from astroNN.nn.layers._exact_sampling import (
    merge_moments,
    moments_of_passes,
    run_with_noise,
    start_moments,
    tiled,
)
from astroNN.nn.layers._graph import Link, has_noise_protocol, is_random
from astroNN.nn.layers._masks import BLOCK, NoiseStream, StratifiedStream
from astroNN.nn.layers.batch_norm import MCBatchNorm

__all__ = ["FastSampler", "find_wide_dense"]

N_NETWORKS = 10  # thinned networks a round; whole numbers of drops for rates of 0.1, 0.2, 0.3, 0.5
N_DRAWS = 256  # Gaussian draws a round, a power of two
PASSES_PER_ROUND = 200  # exact passes that scatter as much as one round (benchmarks/mc_inference.py)

# Layers through which a dropped input reaches its neighbourhood only.
_LOCAL = (
    BlockedConv,
    Link,
    MCBatchNorm,
    layers.Activation,
    layers.AveragePooling1D,
    layers.AveragePooling2D,
    layers.BatchNormalization,
    layers.Conv1D,
    layers.Conv2D,
    layers.ELU,
    layers.Flatten,
    layers.LeakyReLU,
    layers.MaxPooling1D,
    layers.MaxPooling2D,
    layers.PReLU,
    layers.ReLU,
    layers.ZeroPadding1D,
    layers.ZeroPadding2D,
)


class FastSampler:
    """Gaussian draws at the widest dense layer that only local layers separate from the dropout.

    Parameters
    ----------
    graph : Graph
        The network; `find_wide_dense(graph)` must not be None.
    mc_num : int
        Number of exact passes whose precision is wanted; a round is worth about 200.
    seed : int
        Seed of the noise.
    memory : int, optional
        Bytes that may be used to run the thinned networks at once, side by side in one batch, as accelerators need
        it. Default: one at a time, which stays in a processor's cache.
    """

    has_state = False

    def __init__(self, graph, mc_num, seed, memory=None):
        self.seed, self.n_rounds = seed, -(-mc_num // PASSES_PER_ROUND)
        self._graph = graph
        self._dense = dense = find_wide_dense(graph)
        n_inputs = dense.args[0].shape[-1]
        self.n_regions = min((N_DRAWS - 1) // (N_NETWORKS - 1), n_inputs)
        self._padding = [0, -n_inputs % self.n_regions]
        self._before, random = graph.split_at_random()
        below = graph.downstream([dense])
        below_ids = {id(step) for step in below}
        self._tail = below[1:]
        self._head = [step for step in random if id(step) not in below_ids]
        self._cut = graph.crossing(self._before, random)
        made = {id(symbol) for step in self._head for symbol in keras.tree.flatten(step.result)}
        others = graph.crossing([*self._before, *self._head], self._tail)
        self._sampled = [symbol for symbol in others if id(symbol) in made]
        self._given = [symbol for symbol in others if id(symbol) not in made]
        self._head_noisy = [step for step in self._head if is_random(step.operation)]
        self._tail_noisy = [step for step in self._tail if is_random(step.operation)]
        variables, _ = graph.variables()
        self._prefix = compiled(self._run_prefix, variables)
        self._together = 1 if memory is None or memory < self._bytes_together() else N_NETWORKS
        self._networks = compiled(self._run_networks, variables)
        self._combine = compiled(self._run_tail, variables)
        self.n_traces = 0

    def moments(self, rows, block):
        """Mean and population variance of each output for the stars of one block."""
        cut, given, kernel = self._prefix(rows)
        state = start_moments(self._graph.outputs)
        for number in range(self.n_rounds):
            masks = self._noise(self._head_noisy, N_NETWORKS, number, block, 0)
            n = self._together
            networks = [
                self._networks(cut, kernel, [ops.convert_to_tensor(mask[k : k + n]) for mask in masks])
                for k in range(0, N_NETWORKS, n)
            ]
            sums, sampled = zip(*networks, strict=True)
            noise = self._noise(self._tail_noisy, N_DRAWS, number, block, len(self._head_noisy))
            weights = combination_weights(NoiseStream(self.seed, 2**32, number, block), self.n_regions)
            state = self._combine(
                list(sums), list(sampled), given, ops.convert_to_tensor(weights),
                [ops.convert_to_tensor(values) for values in noise], state,
            )  # fmt: skip
        _, means, variances = state
        return means, variances

    def _noise(self, noisy, n, number, block, first_layer):
        """For each layer the noise of n networks or draws, spread evenly over them."""
        noise = []
        for layer, step in enumerate(noisy, start=first_layer):
            shape = step.operation.noise_shape_for((1, *step.args[0].shape[1:]))
            stream = StratifiedStream(self.seed, layer, number, block)
            noise.append(step.operation.sample_noise(stream, (n, *shape[1:])))
        return noise

    def _run_prefix(self, rows):
        self.n_traces += 1
        values = {id(symbol): row for symbol, row in zip(self._graph.inputs, rows, strict=True)}
        for step in self._before:
            step.run(values)
        cut = [values[id(symbol)] for symbol in self._cut]
        return cut, [values[id(symbol)] for symbol in self._given], self._kernel_of_regions()

    def _kernel_of_regions(self):
        """The dense layer's kernel, padded with zeros, shape (regions, inputs, units)."""
        dense = self._dense.operation
        kernel = ops.cast(ops.convert_to_tensor(dense.kernel), dense.compute_dtype)
        kernel = ops.pad(kernel, [self._padding, [0, 0]])
        return ops.reshape(kernel, (self.n_regions, -1, kernel.shape[-1]))

    def _bytes_together(self):
        """Four times the results of all steps of all thinned networks: it is not known which are kept."""
        n_values = sum(math.prod(s.shape[1:]) for step in self._head for s in keras.tree.flatten(step.result))
        return 4 * 4 * N_NETWORKS * BLOCK * n_values

    def _run_networks(self, cut, kernel, noise):
        """Thinned networks: the dense layer's sums, shape (networks, regions, stars, units)."""
        self.n_traces += 1
        n = self._together
        if n > 1:
            cut = tiled(self._cut, cut, n)
            noise = [ops.repeat(value, BLOCK, axis=0) for value in noise]
        values = {id(symbol): value for symbol, value in zip(self._cut, cut, strict=True)}
        run_with_noise(self._head, values, self._head_noisy, noise)
        inputs = ops.cast(values[id(self._dense.args[0])], kernel.dtype)
        inputs = ops.reshape(ops.pad(inputs, [[0, 0], self._padding]), (n, BLOCK, self.n_regions, -1))
        sums = ops.cast(ops.matmul(ops.transpose(inputs, (0, 2, 1, 3)), kernel), "float32")
        sampled = [values[id(symbol)] for symbol in self._sampled]
        return sums, [ops.reshape(value, (n, BLOCK, *value.shape[1:])) for value in sampled]

    def _run_tail(self, sums, sampled, given, weights, noise, state):
        """All draws of a round through the layers after the dense one."""
        self.n_traces += 1
        dense = self._dense.operation
        units = sums[0].shape[-1]
        draws = ops.matmul(weights, ops.reshape(ops.concatenate(sums), (-1, BLOCK * units)))
        draws = ops.reshape(draws, (N_DRAWS * BLOCK, units))
        if dense.use_bias:
            draws = draws + ops.convert_to_tensor(dense.bias)
        draws = ops.cast(draws, dense.compute_dtype)
        values = {id(self._dense.result): draws if dense.activation is None else dense.activation(draws)}
        for symbol, value in zip(self._given, tiled(self._given, given, N_DRAWS), strict=True):
            values[id(symbol)] = value
        network_of_draw = np.arange(N_DRAWS) % N_NETWORKS
        for number, symbol in enumerate(self._sampled):
            every = ops.concatenate([networks[number] for networks in sampled])
            stacked = ops.take(every, network_of_draw, axis=0)
            values[id(symbol)] = ops.reshape(stacked, (-1, *symbol.shape[1:]))
        run_with_noise(self._tail, values, self._tail_noisy, [ops.repeat(x, BLOCK, axis=0) for x in noise])
        outputs = [ops.cast(values[id(symbol)], "float32") for symbol in self._graph.outputs]
        return merge_moments(state, float(N_DRAWS), *moments_of_passes(outputs, N_DRAWS))


def find_wide_dense(graph):
    """The step of the widest dense layer fit for the fast setting, or None.

    Fit is a dense layer on flat inputs that depend on random layers through local layers alone,
    all of which draw each element for itself.
    """
    if not all(has_noise_protocol(s.operation, per_star=True) for s in graph.steps if is_random(s.operation)):
        return None
    _, random = graph.split_at_random()
    maker = {i: step for step in random for i in step.outputs}
    fit = [step for step in random if _is_dense(step.operation) and _locally_random(step, maker)]
    return max(fit, key=lambda step: step.operation.kernel.shape[0] * step.operation.kernel.shape[1], default=None)


def _is_dense(operation):
    return type(operation) is layers.Dense


def _locally_random(dense, maker):
    """Whether `dense` hangs on random layers only through layers that reach a few pixels."""
    if len(dense.args[0].shape) != 2 or dense.inputs[0] not in maker:
        return False
    todo, seen = [maker[dense.inputs[0]]], set()
    while todo:
        step = todo.pop()
        operation = step.operation
        elementwise = is_random(operation) and getattr(operation, "independent_elements", False)
        if not elementwise and type(operation) not in _LOCAL:
            return False
        if getattr(operation, "data_format", None) == "channels_first":
            return False
        seen.add(id(step))
        todo += [maker[i] for i in step.inputs if i in maker and id(maker[i]) not in seen]
    return True


def combination_weights(stream, n_regions):
    """Weights that turn the sums of all networks and regions into draws of the dense layer's sums.

    Columns of a Hadamard matrix, with random signs and order, combine the deviations of the
    networks from their mean (contrasts): over the draws the mean is exactly the mean network, and
    the variance the sum of the regions' variances between networks.

    Returns
    -------
    array, shape (N_DRAWS, N_NETWORKS * n_regions)
    """
    n_columns = (N_NETWORKS - 1) * n_regions
    columns = 1 + np.argsort(stream.integers((N_DRAWS - 1,)), kind="stable")[:n_columns]
    signs = np.where(stream.integers((n_columns,)) < 2**15, 1.0, -1.0)
    rows = np.argsort(stream.integers((N_DRAWS,)), kind="stable")
    chosen = (_hadamard(N_DRAWS)[rows][:, columns] * signs).reshape(N_DRAWS, n_regions, -1)
    weights = np.einsum("dgj,jk->dkg", chosen, _contrasts(N_NETWORKS)) / np.sqrt(N_NETWORKS)
    return (weights + 1.0 / N_NETWORKS).reshape(N_DRAWS, -1).astype("float32")


def _hadamard(n):
    """Sylvester's Hadamard matrix: orthogonal columns of +1 and -1, the first all +1; n a power of two."""
    matrix = np.ones((1, 1))
    while len(matrix) < n:
        matrix = np.block([[matrix, matrix], [matrix, -matrix]])
    return matrix


def _contrasts(n):
    """Helmert's contrasts: n - 1 orthonormal rows that sum to zero."""
    rows = np.zeros((n - 1, n))
    for i in range(1, n):
        rows[i - 1, :i] = 1.0
        rows[i - 1, i] = -i
        rows[i - 1] /= np.sqrt(i * (i + 1))
    return rows

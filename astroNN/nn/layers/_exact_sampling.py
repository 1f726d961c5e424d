"""One thinned network a pass: the exact way to sample a network with random layers."""

import functools
import math

import keras
import numpy as np
from keras import ops

from astroNN.nn._backend import compiled
from astroNN.nn.layers._graph import has_noise_protocol, is_random
from astroNN.nn.layers._masks import BLOCK, NoiseStream

__all__ = ["ExactSampler", "merge_moments", "moments_of_passes", "run_with_noise", "start_moments", "tiled"]


class ExactSampler:
    """Independent passes over one block of stars.

    Parameters
    ----------
    graph : Graph
        The network.
    mc_num : int
        Number of passes.
    seed : int
        Seed of the noise.
    mask_rows : int
        1: the stars of the block share their masks. 64: each star has its own.
    memory : int, optional
        Bytes that may be used to run several passes at once, side by side in one batch, as accelerators need it.
        Default: one pass at a time, which stays in a processor's cache.
    """

    def __init__(self, graph, mc_num, seed, mask_rows, memory=None):
        self.mc_num, self.seed, self.mask_rows = mc_num, seed, mask_rows
        self._graph = graph
        self._before, self._after = graph.split_at_random()
        self._cut = graph.crossing(self._before, self._after)
        random = [step for step in self._after if is_random(step.operation)]
        self._noisy = [step for step in random if has_noise_protocol(step.operation, per_star=mask_rows > 1)]
        # Layers that keep their noise to themselves change their generator's state when called.
        self.has_state = len(self._noisy) < len(random)
        self._together = 1 if memory is None or not self._can_run_together else self._fitting(memory)
        variables, state = graph.variables()
        self._prefix = compiled(self._run_prefix, variables)
        state = state if self.has_state else ()
        sizes = {len(numbers) for numbers in self._groups()}
        self._passes = {n: compiled(functools.partial(self._run_passes, n), variables, state) for n in sizes}
        self.n_traces = 0

    def moments(self, rows, block):
        """Mean and population variance of each output for the stars of one block."""
        cut = self._prefix(rows)
        state = start_moments(self._graph.outputs)
        for numbers in self._groups():
            _, state = self._passes[len(numbers)](cut, self._noise(numbers, block), state)
        _, means, variances = state
        return means, variances

    def draws(self, rows, block):
        """Outputs of each pass: a list of `mc_num` lists of tensors."""
        cut = self._prefix(rows)
        state = start_moments(self._graph.outputs)
        n_passes = None if self._after else self.mc_num
        for numbers in self._groups(n_passes):
            outputs, _ = self._passes[len(numbers)](cut, self._noise(numbers, block), state)
            for number in range(len(numbers)):
                yield [output[number * BLOCK : (number + 1) * BLOCK] for output in outputs]

    @property
    def _can_run_together(self):
        """Whether every layer takes noise of its own for each star: noise of weights belongs to a whole pass."""
        if self.has_state or not self._noisy:
            return False
        return all(has_noise_protocol(step.operation, per_star=True) for step in self._noisy)

    def _fitting(self, memory):
        """Passes whose results of all steps fit into a quarter of the memory, in groups of nearly one size."""
        n_values = sum(math.prod(s.shape[1:]) for step in self._after for s in keras.tree.flatten(step.result))
        fitting = min(self.mc_num, max(1, memory // 4 // (4 * BLOCK * n_values)))
        n_groups = -(-self.mc_num // fitting)
        return -(-self.mc_num // n_groups)

    def _groups(self, n_passes=None):
        """Numbers of the passes that run at once."""
        n_passes = n_passes or (self.mc_num if self._after else 1)
        for first in range(0, n_passes, self._together):
            yield range(first, min(first + self._together, n_passes))

    def _noise(self, numbers, block):
        """For each layer the noise of some passes, one behind the other."""
        noise = []
        for layer, step in enumerate(self._noisy):
            shape = step.operation.noise_shape_for((self.mask_rows, *step.args[0].shape[1:]))
            streams = [NoiseStream(self.seed, layer, number, block) for number in numbers]
            values = [step.operation.sample_noise(stream, shape) for stream in streams]
            noise.append(ops.convert_to_tensor(values[0] if len(values) == 1 else np.concatenate(values)))
        return noise

    def _run_prefix(self, rows):
        self.n_traces += 1
        values = {id(symbol): row for symbol, row in zip(self._graph.inputs, rows, strict=True)}
        for step in self._before:
            step.run(values)
        return [values[id(symbol)] for symbol in self._cut]

    def _run_passes(self, n_passes, cut, noise, state):
        self.n_traces += 1
        if n_passes > 1:
            n_rows = n_passes * BLOCK
            cut = tiled(self._cut, cut, n_passes)
            noise = [ops.repeat(value, n_rows // value.shape[0], axis=0) for value in noise]
        values = {id(symbol): value for symbol, value in zip(self._cut, cut, strict=True)}
        run_with_noise(self._after, values, self._noisy, noise)
        outputs = [ops.cast(values[id(symbol)], "float32") for symbol in self._graph.outputs]
        if n_passes == 1:
            return outputs, merge_moments(state, 1.0, outputs, [ops.zeros_like(output) for output in outputs])
        return outputs, merge_moments(state, float(n_passes), *moments_of_passes(outputs, n_passes))


def moments_of_passes(outputs, n_passes):
    """Means and population variances of outputs in which the passes stand one behind the other."""
    means, variances = [], []
    for output in outputs:
        passes = ops.reshape(output, (n_passes, BLOCK, *output.shape[1:]))
        means.append(ops.mean(passes, axis=0))
        variances.append(ops.mean(ops.square(passes - means[-1]), axis=0))
    return means, variances


def tiled(symbols, values, n):
    """Tensors n times behind themselves, but for those that have no axis for stars, such as kernels."""
    return [
        value if symbol.shape[0] is not None else ops.tile(value, [n] + [1] * (len(value.shape) - 1))
        for symbol, value in zip(symbols, values, strict=True)
    ]


def run_with_noise(steps, values, noisy, noise):
    """Run steps; those in `noisy` get their noise from the list `noise`."""
    noise_of = {id(step): value for step, value in zip(noisy, noise, strict=True)}
    for step in steps:
        if id(step) in noise_of:
            step.run(values, call=_noisy_call(step.operation, noise_of[id(step)]))
        else:
            step.run(values)


def _noisy_call(layer, noise):
    return lambda inputs, *args, **kwargs: layer.call_with_noise(inputs, noise)


def start_moments(outputs):
    """Count, means and variances before the first pass, for symbolic outputs."""
    shapes = [(BLOCK, *output.shape[1:]) for output in outputs]
    return (
        ops.convert_to_tensor(np.float32(0.0)),
        [ops.zeros(shape, "float32") for shape in shapes],
        [ops.zeros(shape, "float32") for shape in shapes],
    )


def merge_moments(state, n_new, new_means, new_variances):
    """Add `n_new` draws, given by mean and population variance, to the running moments.

    Sums of squares would cancel in float32; this doesn't.

    References
    ----------
    Chan, Golub & LeVeque 1983, The American Statistician 37, 242; Welford 1962 for one new draw.
    """
    count, means, variances = state
    total = count + n_new
    share = n_new / total
    shifts = [new - old for new, old in zip(new_means, means, strict=True)]
    means = [old + shift * share for old, shift in zip(means, shifts, strict=True)]
    variances = [
        old + share * (new - old + (1.0 - share) * ops.square(shift))
        for old, new, shift in zip(variances, new_variances, shifts, strict=True)
    ]
    return total, means, variances

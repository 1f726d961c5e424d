"""One thinned network a pass: the exact way to sample a network with random layers."""

import numpy as np
from keras import ops

from astroNN.nn._backend import compiled
from astroNN.nn.layers._graph import has_noise_protocol, is_random
from astroNN.nn.layers._masks import BLOCK, NoiseStream

__all__ = ["ExactSampler", "merge_moments", "run_with_noise", "start_moments"]


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
    """

    def __init__(self, graph, mc_num, seed, mask_rows):
        self.mc_num, self.seed, self.mask_rows = mc_num, seed, mask_rows
        self._graph = graph
        self._before, self._after = graph.split_at_random()
        self._cut = graph.crossing(self._before, self._after)
        random = [step for step in self._after if is_random(step.operation)]
        self._noisy = [step for step in random if has_noise_protocol(step.operation, per_star=mask_rows > 1)]
        # Layers that keep their noise to themselves change their generator's state when called.
        self.has_state = len(self._noisy) < len(random)
        variables, state = graph.variables()
        self._prefix = compiled(self._run_prefix, variables)
        self._pass = compiled(self._run_pass, variables, state if self.has_state else ())
        self.n_traces = 0

    def moments(self, rows, block):
        """Mean and population variance of each output for the stars of one block."""
        cut = self._prefix(rows)
        state = start_moments(self._graph.outputs)
        for number in range(self._n_passes):
            _, state = self._pass(cut, self._noise(number, block), state)
        _, means, variances = state
        return means, variances

    def draws(self, rows, block):
        """Outputs of each pass: a list of `mc_num` lists of tensors."""
        cut = self._prefix(rows)
        state = start_moments(self._graph.outputs)
        for number in range(self.mc_num):
            outputs, _ = self._pass(cut, self._noise(number, block), state)
            yield outputs

    @property
    def _n_passes(self):
        return self.mc_num if self._after else 1

    def _noise(self, number, block):
        noise = []
        for layer, step in enumerate(self._noisy):
            shape = step.operation.noise_shape_for((self.mask_rows, *step.args[0].shape[1:]))
            value = step.operation.sample_noise(NoiseStream(self.seed, layer, number, block), shape)
            noise.append(ops.convert_to_tensor(value))
        return noise

    def _run_prefix(self, rows):
        self.n_traces += 1
        values = {id(symbol): row for symbol, row in zip(self._graph.inputs, rows, strict=True)}
        for step in self._before:
            step.run(values)
        return [values[id(symbol)] for symbol in self._cut]

    def _run_pass(self, cut, noise, state):
        self.n_traces += 1
        values = {id(symbol): value for symbol, value in zip(self._cut, cut, strict=True)}
        run_with_noise(self._after, values, self._noisy, noise)
        outputs = [ops.cast(values[id(symbol)], "float32") for symbol in self._graph.outputs]
        return outputs, merge_moments(state, 1.0, outputs, [ops.zeros_like(output) for output in outputs])


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

"""Monte Carlo inference: mean and variance of a network with random layers over many passes."""

import os
import warnings
from collections import deque
from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np
from keras import ops

from astroNN.nn._backend import accelerator_memory
from astroNN.nn.layers._blocked_conv import with_blocked_convolutions
from astroNN.nn.layers._exact_sampling import ExactSampler
from astroNN.nn.layers._fast_sampling import FastSampler, find_wide_dense
from astroNN.nn.layers._graph import record, structure
from astroNN.nn.layers._half_precision import PRECISIONS, HalfPrecision
from astroNN.nn.layers._masks import BLOCK

__all__ = ["MonteCarloEngine"]

SAMPLINGS = ("exact", "per_star", "fast")


class MonteCarloEngine:
    """Mean and variance of a network's outputs over Monte Carlo passes.

    The network is cut at its random layers. What lies before them runs once for each star; a pass
    draws one thinned network (dropout masks shared by a block of 64 stars), runs it, and updates
    mean and variance, so that memory does not grow with the number of passes.

    Parameters
    ----------
    model : keras.Model
        Functional or Sequential and built; random layers anywhere in it, or none. Weights are
        shared: later training is seen by the engine. Shapes but the batch axis must be fixed.
    mc_num : int, optional
        Number of passes, at least 2. Default 100.
    seed : int, optional
        Seed of the masks. Default 0.
    sampling : {"exact", "per_star", "fast"}, optional
        "exact" (default): independent passes, masks shared by a block of 64 stars. "per_star": the
        classical way, each star has its own masks. "fast": ten networks up to the first dense layer
        and Gaussian draws from there, as precise as 200 passes or more (`mc_num` above 200 repeats
        it); a network in which no dense layer is fit for this is sampled exactly, with a warning.
    precision : {"float32", "bfloat16", "float16"}, optional
        Type in which the passes run, but for the last layers with weights. Default "float32", or rather the types
        that the layers have. Means and variances are always float32. "bfloat16" is for accelerators, and for
        processors that have it (on TensorFlow and torch).

    Notes
    -----
    Masks are drawn from (seed, layer, pass, block of 64 stars). The result for a star depends only
    on its input, its index and the seed: not on batch size, memory or the stars after it. With
    shared masks the Monte Carlo error of a pass is common to the stars of a block: right for each
    star, but averaging stars of one block does not average it away.

    A random layer joins by the protocol described in `MCDropout`. One without it is called once a
    pass and draws its own noise.

    References
    ----------
    Gal & Ghahramani 2016, ICML, arXiv:1506.02142 (dropout as a draw from the posterior);
    Kingma, Salimans & Welling 2015, NIPS, arXiv:1506.02557 (Gaussian sums, for "fast").

    Examples
    --------
    >>> import keras, numpy as np
    >>> from astroNN.nn.layers import MCDropout
    >>> inputs = keras.Input((3,))
    >>> model = keras.Model(inputs, keras.layers.Dense(1, name="label")(MCDropout(0.5)(inputs)))
    >>> mean, var = MonteCarloEngine(model, mc_num=10).predict(np.ones((5, 3), "float32"))["label"]
    >>> mean.shape, var.shape
    ((5, 1), (5, 1))
    """

    def __init__(self, model, mc_num=100, seed=0, sampling="exact", precision="float32"):
        if isinstance(mc_num, bool) or not isinstance(mc_num, (int, np.integer)) or mc_num < 2:
            raise ValueError(
                f"`mc_num` must be an integer of at least 2 (a variance needs two passes), got {mc_num!r}."
            )
        if sampling not in SAMPLINGS:
            raise ValueError(f"`sampling` must be one of {SAMPLINGS}, got {sampling!r}.")
        if precision not in PRECISIONS:
            raise ValueError(f"`precision` must be one of {PRECISIONS}, got {precision!r}.")
        self.mc_num, self.seed, self.sampling, self.precision = int(mc_num), int(seed), sampling, precision
        self._half = None if precision == "float32" else HalfPrecision(model, precision)
        self._graph = with_blocked_convolutions(record(self._half.model if self._half else model))
        self._inputs = self._graph.inputs
        self.input_names, self.output_names = _names(model)
        _check_static_shapes(self._graph)
        self.deterministic = not self._graph.split_at_random()[1]
        self._sampler = self._choose_sampler()

    def predict(self, x, first_star=0, progress=None):
        """Mean and variance over the passes.

        Parameters
        ----------
        x : array, shape (n_stars, ...), or dict or list of such arrays
            Normalised inputs; anything that can be sliced. A missing last axis of length one is added.
        first_star : int, optional
            Index, in the whole set, of the first star of `x`; a multiple of 64. Give it to get the
            same result from a set in pieces as from the whole. Default 0.
        progress : callable, optional
            Called with the number of stars done, after each block.

        Returns
        -------
        dict of str to (array, array)
            For each output its mean and population variance over the passes, float32. The variance
            of a network without random layers is zero.
        """
        return self.predict_pieces([x], first_star, progress)

    def predict_pieces(self, pieces, first_star=0, progress=None):
        """As `predict`, of a set that comes in pieces; the next one is asked for while others are worked on.

        Parameters
        ----------
        pieces : iterable of x
            As in `predict`; every piece but the last has a multiple of 64 stars.
        first_star, progress : int, callable, optional
            As in `predict`.

        Returns
        -------
        dict of str to (array, array)
            As of `predict`, of all pieces together.
        """
        results = {name: ([], []) for name in self.output_names}
        done = 0
        for n_stars, means, variances in self._moments_of_blocks(pieces, first_star):
            for name, mean, variance in zip(self.output_names, means, variances, strict=True):
                results[name][0].append(mean[:n_stars])
                results[name][1].append(variance[:n_stars])
            done += n_stars
            if progress is not None:
                progress(done)
        return {name: (np.concatenate(m), np.concatenate(v)) for name, (m, v) in results.items()}

    def draws(self, x, first_star=0):
        """The outputs of every pass; their mean and variance are those of `predict`.

        Parameters
        ----------
        x, first_star : array, int
            As for `predict`.

        Returns
        -------
        dict of str to array, shape (mc_num, n_stars, ...)
            For each output the values of every pass, float32.

        Raises
        ------
        ValueError
            With ``sampling="fast"``, whose Gaussian draws are not networks.
        """
        if isinstance(self._sampler, FastSampler):
            raise ValueError('`draws` needs sampling="exact" or "per_star": the fast setting has no single networks.')
        blocks = []
        for block, rows, n_stars in self._blocks([x], first_star):
            passes = [
                [ops.convert_to_numpy(value)[:n_stars] for value in outputs]
                for outputs in self._sampler.draws(rows, block)
            ]
            blocks.append([np.stack(values) for values in zip(*passes, strict=True)])
        joined = [np.concatenate(values, axis=1) for values in zip(*blocks, strict=True)]
        return dict(zip(self.output_names, joined, strict=True))

    @property
    def n_traces(self):
        """How often parts of the network were traced (compiled) so far; on torch, run."""
        return self._sampler.n_traces

    def _choose_sampler(self):
        if self.sampling == "fast" and not self.deterministic:
            if find_wide_dense(self._graph) is not None:
                return FastSampler(self._graph, self.mc_num, self.seed, accelerator_memory())
            warnings.warn(
                'sampling="fast" needs a dense layer that only convolutions, pooling and activations separate from '
                f"the dropout before it; this network has none and is sampled exactly with {self.mc_num} passes.",
                stacklevel=3,
            )
        mask_rows = BLOCK if self.sampling == "per_star" else 1
        return ExactSampler(self._graph, self.mc_num, self.seed, mask_rows, accelerator_memory())

    def _moments_of_blocks(self, pieces, first_star):
        """Results block by block, in order, a few blocks at a time."""

        def work(block, rows, n_stars):
            means, variances = self._sampler.moments(rows, block)
            return n_stars, [ops.convert_to_numpy(m) for m in means], [ops.convert_to_numpy(v) for v in variances]

        n_workers = 1 if self._sampler.has_state else _n_workers()
        with ThreadPoolExecutor(n_workers) as pool:
            pending = deque()
            for args in self._blocks(pieces, first_star):
                pending.append(pool.submit(work, *args))
                if len(pending) > n_workers:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()

    def _blocks(self, pieces, first_star):
        """Blocks of 64 stars as lists of tensors, the last one padded with copies of its last star."""
        if self._half:
            self._half.refresh()
        if first_star < 0 or first_star % BLOCK:
            raise ValueError(
                f"`first_star` must be a multiple of {BLOCK} (the stars of a block share masks), got {first_star}."
            )
        first = first_star
        for piece in pieces:
            arrays = self._in_order(piece)
            n_stars = len(arrays[0])
            if first % BLOCK:
                raise ValueError(f"Every piece but the last must hold a multiple of {BLOCK} stars.")
            for start in range(0, n_stars, BLOCK):
                stop = min(start + BLOCK, n_stars)
                rows = [_rows(array, symbol, start, stop) for array, symbol in zip(arrays, self._inputs, strict=True)]
                yield (first + start) // BLOCK, rows, stop - start
            first += n_stars
        if first == first_star:
            raise ValueError("`x` holds no star; at least one is needed.")

    def _in_order(self, x):
        if isinstance(x, dict):
            missing = [name for name in self.input_names if name not in x]
            if missing:
                raise ValueError(f"`x` lacks the inputs {missing} of the network; it has {sorted(x)}.")
            arrays = [x[name] for name in self.input_names]
        else:
            arrays = list(x) if isinstance(x, (list, tuple)) else [x]
        if len(arrays) != len(self._inputs):
            raise ValueError(f"The network has the inputs {self.input_names}, got {len(arrays)} arrays.")
        if len({len(array) for array in arrays}) > 1:
            raise ValueError(f"The inputs have different numbers of stars: {[len(array) for array in arrays]}.")
        return arrays


def _n_workers():
    """Blocks run at the same time: each gains little from a second core."""
    return max(1, min(os.cpu_count() or 1, 4))


def _rows(array, symbol, start, stop):
    rows = np.asarray(array[start:stop], dtype="float32")
    if rows.ndim == len(symbol.shape) - 1 and symbol.shape[-1] == 1:
        rows = rows[..., None]
    if rows.shape[1:] != tuple(symbol.shape[1:]):
        raise ValueError(
            f"Input {symbol.name!r} of the network needs arrays of shape (n_stars, "
            f"{', '.join(map(str, symbol.shape[1:]))}), got {(len(array), *rows.shape[1:])}."
        )
    if len(rows) < BLOCK:
        rows = np.concatenate([rows, np.repeat(rows[-1:], BLOCK - len(rows), axis=0)])
    return ops.convert_to_tensor(rows)


def _names(model):
    """Names of inputs and outputs, in the order in which Keras flattens them (dictionaries: sorted keys)."""
    inputs, outputs = structure(model)
    input_names = sorted(inputs) if isinstance(inputs, dict) else [tensor.name for tensor in model.inputs]
    output_names = sorted(outputs) if isinstance(outputs, dict) else keras.Model(inputs, outputs).output_names
    return input_names, output_names


def _check_static_shapes(graph):
    for symbol in [*graph.inputs, *graph.outputs]:
        if None in symbol.shape[1:]:
            raise ValueError(
                "Monte Carlo inference needs fixed shapes but for the batch axis; "
                f"{symbol.name!r} has {symbol.shape}."
            )

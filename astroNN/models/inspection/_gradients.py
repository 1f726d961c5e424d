"""Compiled first and second derivatives of a network's outputs, a few rows and stars at a time.

A prediction for one star depends on that star alone, so the gradient of a label summed over the stars of a batch
is the gradient for each star.
"""

import keras
import numpy as np
from keras import ops, tree

from astroNN.models.inspection._autodiff import gradient, row_gradients, tangents
from astroNN.models.inspection._local_jacobian import leading_convolutions
from astroNN.nn._backend import compiled
from astroNN.nn.layers._graph import record

__all__ = ["LatentChain", "SecondDerivatives", "StarGradients"]

_ROWS = 32  # labels differentiated at a time
_ELEMENTS = 70_000_000  # numbers held in one backward pass: 280 MB of float32
_STARS = 64
_SIZES = (50, 25, 20, 10, 5, 4, 2, 1)  # of blocks of stars: round numbers of stars make whole blocks
# Time for a number of the local way, against one of the way backwards (measured with 2 and 4, and 4 and 16 filters).
_LOCAL_COST = 0.5


class _Derivatives:
    """What first and second derivatives of a model share: one output by one input, compiled.

    Parameters
    ----------
    model : keras.Model
        From a dictionary of inputs to a dictionary of outputs, or a single output.
    input_name : str
        Input to differentiate with respect to.
    output_name : str, optional
        Output to differentiate, flattened into columns.
    """

    def __init__(self, model, input_name, output_name="output"):
        self._model, self._input_name, self._output_name = model, input_name, output_name
        symbol = model.output[output_name] if isinstance(model.output, dict) else tree.flatten(model.output)[0]
        self.n_outputs = int(np.prod(symbol.shape[1:]))
        self.n_pixels = int(np.prod(next(x for x in model.inputs if x.name == input_name).shape[1:]))
        self._graph = record(model)
        self._n_activations = self.n_pixels + _n_activations(self._graph)
        weights = {id(weight) for weight in model.weights}
        self._state = [variable for variable in model.variables if id(variable) not in weights]
        self._compiled = compiled(self._derivative, model.variables, self._state)
        self._compiled_values = compiled(self._columns, model.variables, self._state)

    def values(self, inputs, columns):
        """Columns of the output, array of shape (n_stars, n_columns)."""
        columns = ops.convert_to_tensor(np.asarray(columns, dtype="int32"))
        return ops.convert_to_numpy(self._compiled_values(_tensors(inputs), columns))

    def _columns(self, inputs, columns):
        """Some columns of the output, (n_stars, n_columns)."""
        return self._taken(self._model(inputs, training=False), columns)

    def _taken(self, outputs, columns):
        labels = outputs[self._output_name] if isinstance(outputs, dict) else tree.flatten(outputs)[0]
        return ops.take(ops.reshape(labels, (ops.shape(labels)[0], -1)), columns, axis=1)

    def _in_chunks(self, inputs, chunks, function=None):
        """Results of the derivative for several sets of arguments, all with the same draws of random layers."""
        function = function or self._compiled
        inputs = _tensors(inputs)
        before = [ops.convert_to_numpy(variable.value) for variable in self._state] if len(chunks) > 1 else []
        for chunk in chunks:
            for variable, value in zip(self._state, before, strict=bool(before)):
                variable.assign(value)
            arguments = [ops.convert_to_tensor(np.asarray(indices, dtype="int32")) for indices in chunk]
            yield ops.convert_to_numpy(ops.stop_gradient(function(inputs, *arguments)))


class StarGradients(_Derivatives):
    """Derivatives of every label with respect to one input; parameters are those of a model, input and output.

    Calling it with a dictionary of normalised inputs, each of shape (n_stars, ...), and optionally the columns of the
    output that are wanted, gives an array of shape (n_stars, n_columns, ...). One of many such calls, with arrays of
    the same shape, is worth compiling for longer.
    """

    def __init__(self, model, input_name, output_name="output"):
        super().__init__(model, input_name, output_name)
        symbol = next(x for x in self._graph.inputs if x.name == input_name)
        self._local = leading_convolutions(self._graph, symbol)
        if self._local is not None:
            done = {id(step) for step in self._local.steps}
            self._rest = [step for step in self._graph.steps if id(step) not in done]
            self._is_used_elsewhere = any(id(symbol) in step.inputs for step in self._rest)
            # Its pads and sums go over large arrays many times: XLA makes them one loop, three times as fast.
            self._compiled_fused = compiled(self._by_local_jacobian, model.variables, self._state, xla=True)

    def stars_at_once(self, n_columns):
        """Number of stars in a block, so that memory is bounded."""
        most = _ELEMENTS // max(self._elements(min(n_columns, _ROWS)).values())
        return next((size for size in _SIZES if size <= most), 1)

    def __call__(self, inputs, columns=None, is_one_of_many=False):
        columns = np.arange(self.n_outputs) if columns is None else np.asarray(columns)
        size = -(-len(columns) // -(-len(columns) // _ROWS))  # chunks of nearly equal size
        chunks = [columns[start : start + size] for start in range(0, len(columns), size)]
        # The last is filled up, so that nothing is compiled for another number.
        filled = [[np.resize(chunk, size)] for chunk in chunks]
        pays = is_one_of_many and self._is_local(size)
        rows = list(self._in_chunks(inputs, filled, self._compiled_fused if pays else None))
        if len(rows) == 1:
            return rows[0]
        return np.concatenate([row[:, : len(chunk)] for row, chunk in zip(rows, chunks, strict=True)], axis=1)

    def _elements(self, n_columns):
        """Numbers that one star needs, by the way that its derivatives are worked out."""
        elements = {"backward": n_columns * self._n_activations}
        if self._local is not None:
            once, each = self._local.n_elements
            elements["local"] = once + n_columns * each
        return elements

    def _is_local(self, n_columns):
        """Whether the derivatives of so many labels are worked out by way of the local Jacobian."""
        elements = self._elements(n_columns)
        return _LOCAL_COST * elements.get("local", np.inf) < elements["backward"]

    def _derivative(self, inputs, columns):
        if self._is_local(columns.shape[0]):
            return self._by_local_jacobian(inputs, columns)
        x = inputs[self._input_name]
        return row_gradients(lambda sources: self._columns({**inputs, self._input_name: sources[0]}, columns), [x])[0]

    def _by_local_jacobian(self, inputs, columns):
        x = inputs[self._input_name]
        features, blocks = self._local.forward(x)

        def rest(sources):
            values = {id(symbol): inputs[symbol.name] for symbol in self._graph.inputs}
            values[id(self._local.pool_step.result)] = sources[0]
            if self._is_used_elsewhere:
                values.update({id(s): sources[1] for s in self._graph.inputs if s.name == self._input_name})
            for step in self._rest:
                step.run(values)
            return self._taken(tree.map_structure(lambda symbol: values[id(symbol)], self._graph.output), columns)

        rows = row_gradients(rest, [features, x] if self._is_used_elsewhere else [features])
        jacobian = self._local.contract(rows[0], blocks)[..., None]
        return jacobian + rows[1] if self._is_used_elsewhere else jacobian


class SecondDerivatives(_Derivatives):
    """Rows of the Hessian of one label; parameters are those of a model, input and output."""

    def stars_and_rows_at_once(self, n_stars, n_rows):
        """Stars, and rows of their Hessians, in a block, so that memory is bounded."""
        # Forward, backward, and both of these backwards.
        available = max(1, _ELEMENTS // (4 * self._n_activations))
        n_rows = min(n_rows, available, 512)
        return max(1, min(n_stars, available // n_rows, _STARS)), n_rows

    def __call__(self, inputs, chunks):
        """Hessian-vector products with the unit vectors of some pixels.

        Parameters
        ----------
        inputs : dict of arrays
            Normalised.
        chunks : list of pairs (int, array of int)
            A label, and pixels, numbered through the flattened input; as many in each chunk.

        Yields
        ------
        array of float32, shape (n_stars, n_pixels of a chunk, n_pixels)
        """
        for rows in self._in_chunks(inputs, [([label], pixels) for label, pixels in chunks]):
            yield rows.reshape(*rows.shape[:2], -1)

    def _derivative(self, inputs, column, pixels):
        def slopes(sources):
            slope = gradient(lambda x: self._columns({**inputs, self._input_name: x}, column)[:, 0], sources[0])
            return ops.take(ops.reshape(slope, (ops.shape(slope)[0], -1)), pixels, axis=1)

        return row_gradients(slopes, [inputs[self._input_name]])[0]


class LatentChain:
    """Derivatives of reconstructions of the mean latent variables, by the chain rule through the few of these.

    Parameters
    ----------
    encoder, decoder : keras.Model
        Deterministic; the encoder has the output ``z_mean``, the decoder one input.
    input_name : str
    """

    def __init__(self, encoder, decoder, input_name):
        self._latent = StarGradients(encoder, input_name, "z_mean")
        self._encoder, self._decoder = encoder, decoder
        self.n_outputs, self.n_pixels = int(np.prod(decoder.outputs[0].shape[1:])), self._latent.n_pixels
        # A star's reconstruction by all pixels is held beside the passes through the network.
        n_elements = self.n_outputs * self.n_pixels + self._latent.n_outputs * _n_activations(record(decoder))
        self._stars = max(1, min(_STARS, _ELEMENTS // n_elements))
        variables = encoder.variables + decoder.variables
        self._compiled = compiled(self._derivative, variables)
        self._compiled_values = compiled(lambda inputs: self._drawn(self._mean(inputs)), variables)

    def stars_at_once(self, n_columns):
        """Number of stars in a block, so that memory is bounded."""
        return min(self._stars, self._latent.stars_at_once(self._latent.n_outputs))

    def __call__(self, inputs, columns=None, is_one_of_many=False):
        by_latent = ops.convert_to_numpy(ops.stop_gradient(self._compiled(_tensors(inputs))))
        by_latent = by_latent if columns is None else by_latent[:, columns]
        latent = self._latent(inputs, is_one_of_many=is_one_of_many)
        flat = np.matmul(by_latent, latent.reshape(*latent.shape[:2], -1))
        return flat.reshape(*flat.shape[:2], *latent.shape[2:])

    def values(self, inputs, columns):
        """Pixels of the reconstructions, array of shape (n_stars, n_columns)."""
        return ops.convert_to_numpy(self._compiled_values(_tensors(inputs)))[:, columns]

    def _derivative(self, inputs):
        return tangents(self._drawn, self._mean(inputs), self._latent.n_outputs)

    def _mean(self, inputs):
        return self._encoder(inputs, training=False)["z_mean"]

    def _drawn(self, z):
        drawn = self._decoder(z, training=False)
        return ops.reshape(drawn, (ops.shape(drawn)[0], -1))


def _tensors(inputs):
    return {name: ops.convert_to_tensor(array, dtype="float32") for name, array in inputs.items()}


def _n_activations(graph):
    """Numbers of one star that all layers of a graph give."""
    total = 0
    for step in graph.steps:
        if isinstance(step.operation, keras.Model):
            total += _n_activations(record(step.operation))
        else:
            total += sum(int(np.prod([n or 1 for n in x.shape[1:]])) for x in tree.flatten(step.result))
    return total

"""Monte Carlo inference as a Keras model, for use where only a model fits (serving, export, `predict`)."""

import keras
import numpy as np
from keras import ops, tree

from astroNN.nn.layers._exact_sampling import merge_moments, run_with_noise
from astroNN.nn.layers._graph import has_noise_protocol, is_random, record, structure

__all__ = ["FastMCInference", "FastMCInferenceMeanVar", "FastMCRepeat", "MonteCarloMoments"]


class FastMCInference:
    """Turn a network with random layers into one that returns mean and variance over n passes.

    Parameters
    ----------
    n : int
        Number of passes.
    model : keras.Model, optional
        Network to transform; the result is then in `transformed_model`. Without it, call the object
        with the network.

    Attributes
    ----------
    transformed_model : keras.Model or None
        Same inputs as `model` (a single one is named ``input``). For each output of shape (N, D),
        in the structure of the model's output, shape (N, D, 2): mean and population variance.

    Raises
    ------
    TypeError
        If `model` is not a Keras model.

    See Also
    --------
    MonteCarloEngine : the same outside a Keras model: repeatable masks, blocks, a faster setting.

    Notes
    -----
    The part before the first random layer runs once. The stars of a batch share the masks of a
    pass, drawn from the random layers' own generators; memory holds one mask a pass, not the
    outputs of all passes.

    Examples
    --------
    >>> import keras, numpy as np
    >>> from astroNN.nn.layers import MCDropout
    >>> inputs = keras.Input((3,))
    >>> model = keras.Model(inputs, keras.layers.Dense(2)(MCDropout(0.5)(inputs)))
    >>> FastMCInference(10)(model).predict(np.ones((1, 3), "float32"), verbose=0).shape
    (1, 2, 2)
    """

    def __init__(self, n, model=None):
        self.n = _positive_integer("FastMCInference", n)
        self.transformed_model = None if model is None else self._transform(model)

    def __call__(self, model):
        self.transformed_model = self._transform(model)
        return self.transformed_model

    def get_config(self):
        return {"n": self.n}

    def _transform(self, model):
        if not isinstance(model, keras.Model):
            raise TypeError(f"FastMCInference: `model` must be a Keras model, got {type(model).__name__}.")
        moments = MonteCarloMoments(model, self.n)
        template, _ = structure(model)
        flat = tree.flatten(template)
        names = ["input"] if len(flat) == 1 and not isinstance(template, dict) else [t.name for t in flat]
        fresh = [
            keras.Input(batch_shape=tensor.shape, dtype=tensor.dtype, name=name)
            for tensor, name in zip(flat, names, strict=True)
        ]
        inputs = tree.pack_sequence_as(template, fresh)
        return keras.Model(inputs, moments(inputs))


@keras.saving.register_keras_serializable(package="astroNN")
class MonteCarloMoments(keras.layers.Layer):
    """Mean and variance of a network over n passes; the layer behind `FastMCInference`.

    Parameters
    ----------
    model : keras.Model
        Functional or Sequential and built; its weights become the layer's.
    n : int
        Number of passes.
    """

    def __init__(self, model, n, name=None, **kwargs):
        super().__init__(name=name, **kwargs)
        self.model = model
        self.n = _positive_integer("MonteCarloMoments", n)
        self._graph = record(model)
        self._before, self._after = self._graph.split_at_random()
        self._cut = self._graph.crossing(self._before, self._after)
        random = [step for step in self._after if is_random(step.operation)]
        self._noisy = [step for step in random if has_noise_protocol(step.operation)]
        self._all_noisy = len(self._noisy) == len(random)
        self.built = True

    def call(self, inputs):
        values = dict(zip([id(symbol) for symbol in self._graph.inputs], tree.flatten(inputs), strict=True))
        for step in self._before:
            step.run(values)
        cut = [values[id(symbol)] for symbol in self._cut]
        noise = [self._draw(step) for step in self._noisy]
        first = self._one_pass(cut, [values[0:1] for values in noise])
        state = (ops.ones(()), first, [ops.zeros_like(output) for output in first])
        n = self.n if self._after else 1

        def add_pass(number, state):
            here = [ops.take(values, ops.reshape(number, (1,)), axis=0) for values in noise]
            outputs = self._one_pass(cut, here)
            return merge_moments(state, 1.0, outputs, [ops.zeros_like(output) for output in outputs])

        if self._all_noisy:
            state = ops.fori_loop(1, n, add_pass, state)
        else:
            # A layer that changes its own generator can't do so inside a compiled loop on JAX.
            for number in range(1, n):
                state = add_pass(np.int32(number), state)
        _, means, variances = state
        stacked = [ops.stack(pair, axis=-1) for pair in zip(means, variances, strict=True)]
        return tree.pack_sequence_as(self._graph.output, stacked)

    def compute_output_spec(self, inputs):
        batch = tree.flatten(inputs)[0].shape[0]
        return tree.map_structure(
            lambda symbol: keras.KerasTensor((batch, *symbol.shape[1:], 2), dtype="float32"), self._graph.output
        )

    def get_config(self):
        config = {"model": keras.saving.serialize_keras_object(self.model), "n": self.n}
        return {**super().get_config(), **config}

    @classmethod
    def from_config(cls, config):
        model = keras.saving.deserialize_keras_object(config.pop("model"))
        return cls(model, **config)

    def _draw(self, step):
        """Noise of one layer for all passes, one row a pass."""
        shape = step.operation.noise_shape_for((1, *step.args[0].shape[1:]))
        return step.operation.draw_noise((self.n, *shape[1:]))

    def _one_pass(self, cut, noise):
        values = {id(symbol): value for symbol, value in zip(self._cut, cut, strict=True)}
        run_with_noise(self._after, values, self._noisy, noise)
        return [ops.cast(values[id(symbol)], "float32") for symbol in self._graph.outputs]


@keras.saving.register_keras_serializable(package="astroNN")
class FastMCInferenceMeanVar(keras.layers.Layer):
    """Mean and population variance over the passes.

    Parameters
    ----------
    axis : int, optional
        Axis of the passes. Default 0, for (n, N, D); 1 fits `FastMCRepeat`.
    name : str, optional
        Name of the layer.

    Notes
    -----
    (n, N, D) becomes (N, D, 2), in tensors, lists or dictionaries of them. No axis is squeezed.
    """

    def __init__(self, axis=0, name=None, **kwargs):
        super().__init__(name=name, **kwargs)
        self.axis = int(axis)

    def call(self, inputs):
        return tree.map_structure(self._mean_var, inputs)

    def _mean_var(self, draws):
        mean = ops.mean(draws, axis=self.axis, keepdims=True)
        # Deviations first: the mean of squares less the square of the mean cancels in float32.
        variance = ops.mean(ops.square(draws - mean), axis=self.axis)
        return ops.stack([ops.squeeze(mean, axis=self.axis), variance], axis=-1)

    def get_config(self):
        return {**super().get_config(), "axis": self.axis}


@keras.saving.register_keras_serializable(package="astroNN")
class FastMCRepeat(keras.layers.Layer):
    """Repeat the inputs n times along a new axis.

    Parameters
    ----------
    n : int
        Number of copies.
    axis : int, optional
        Where the new axis stands in the output. Default 1: (N, ...) becomes (N, n, ...).
    name : str, optional
        Name of the layer.
    """

    def __init__(self, n, axis=1, name=None, **kwargs):
        super().__init__(name=name, **kwargs)
        self.n = _positive_integer("FastMCRepeat", n)
        self.axis = int(axis)

    def call(self, inputs):
        return ops.repeat(ops.expand_dims(inputs, self.axis), self.n, axis=self.axis)

    def get_config(self):
        return {**super().get_config(), "n": self.n, "axis": self.axis}


def _positive_integer(owner, n):
    if isinstance(n, bool) or not isinstance(n, (int, np.integer)) or n < 1:
        raise ValueError(f"{owner}: `n` must be a positive integer, got n={n!r}.")
    return int(n)

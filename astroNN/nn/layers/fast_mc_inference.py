"""Monte Carlo inference as a Keras model, for use where only a model fits (serving, export, `predict`)."""

import keras
from keras import ops, tree

from astroNN.nn.layers._exact_sampling import merge_moments, run_with_noise
from astroNN.nn.layers._graph import has_noise_protocol, is_random, record, structure
from astroNN.shared.setting_checks import check_at_least

__all__ = ["FastMCInference", "FastMCInferenceV2_internal", "MonteCarloMoments"]


class FastMCInference:
    r"""Turn a network with random layers into one that returns mean and variance over n passes.

    .. math:: \bar y = \frac{1}{n} \sum_{t=1}^{n} f_t(x), \qquad
              s^2 = \frac{1}{n} \sum_{t=1}^{n} \left( f_t(x) - \bar y \right)^2

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
    MonteCarloEngine : The same outside a Keras model: repeatable masks, blocks, a faster setting.

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
        check_at_least("FastMCInference: `n`", n, 1)
        self.n = int(n)
        self.transformed_model = None if model is None else self._transform(model)

    def __call__(self, model):
        self.transformed_model = self._transform(model)
        return self.transformed_model

    def get_config(self):
        """Settings of the object.

        Returns
        -------
        dict
            The number of passes, ``n``.
        """
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


class _MonteCarloPasses(keras.layers.Layer):
    """A network with its random part cut off, to run the part before it once and the rest n times.

    The stars of a batch share the noise of a pass. Results are float32, whatever the precision of the
    network.

    Parameters
    ----------
    model : keras.Model
        Functional or Sequential and built; its weights become the layer's.
    n : int
        Number of passes.
    """

    def __init__(self, model, n, name=None, **kwargs):
        # Each layer of the network knows its own precision: a global policy must not round its inputs or weights.
        super().__init__(name=name, **{**kwargs, "dtype": "float32"})
        self.autocast = False
        self.model = model
        check_at_least(f"{type(self).__name__}: `n`", n, 1)
        self.n = int(n)
        self._graph = record(model)
        self._before, self._after = self._graph.split_at_random()
        self._cut = self._graph.crossing(self._before, self._after)
        random = [step for step in self._after if is_random(step.operation)]
        self._noisy = [step for step in random if has_noise_protocol(step.operation)]
        self._all_noisy = len(self._noisy) == len(random)
        self.built = True

    def get_config(self):
        config = {"model": keras.saving.serialize_keras_object(self.model), "n": self.n}
        return {**super().get_config(), **config}

    @classmethod
    def from_config(cls, config):
        return super().from_config({**config, "model": keras.saving.deserialize_keras_object(config["model"])})

    def compute_output_spec(self, inputs):
        return self._specification(tree.flatten(inputs)[0].shape[0])

    def compute_output_shape(self, input_shape):
        shapes = []
        tree.map_shape_structure(shapes.append, input_shape)
        return tree.map_structure(lambda spec: spec.shape, self._specification(shapes[0][0]))

    def _specification(self, batch):
        return tree.map_structure(
            lambda symbol: keras.KerasTensor(self._shape_of_result(batch, symbol.shape[1:]), dtype="float32"),
            self._graph.output,
        )

    def _run_up_to_cut(self, inputs):
        values = dict(zip([id(symbol) for symbol in self._graph.inputs], tree.flatten(inputs), strict=True))
        for step in self._before:
            step.run(values)
        return [values[id(symbol)] for symbol in self._cut]

    def _draw_noise(self, n_passes=1):
        """Noise of each layer that lets us draw it, one row a pass."""
        noise = []
        for step in self._noisy:
            shape = step.operation.noise_shape_for((1, *step.args[0].shape[1:]))
            noise.append(step.operation.draw_noise((n_passes, *shape[1:])))
        return noise

    def _one_pass(self, cut, noise):
        values = {id(symbol): value for symbol, value in zip(self._cut, cut, strict=True)}
        run_with_noise(self._after, values, self._noisy, noise)
        return [ops.cast(values[id(symbol)], "float32") for symbol in self._graph.outputs]


@keras.saving.register_keras_serializable(package="astroNN")
class MonteCarloMoments(_MonteCarloPasses):
    """Mean and variance of a network over n passes; the layer behind `FastMCInference`.

    Parameters
    ----------
    model : keras.Model
        Functional or Sequential and built; its weights become the layer's.
    n : int
        Number of passes.
    name : str, optional
        Name of the layer.
    **kwargs
        Other arguments of `keras.layers.Layer`.
    """

    def call(self, inputs):
        cut = self._run_up_to_cut(inputs)
        first = self._one_pass(cut, self._draw_noise())
        moments = (ops.ones(()), first, [ops.zeros_like(output) for output in first])
        everything, generators = self._graph.variables()
        states = [generator.value for generator in generators]
        changing = {id(generator) for generator in generators}
        fixed = [(variable, variable.value) for variable in everything if id(variable) not in changing]

        def add_pass(number, carry):
            moments, states = carry
            # Drawn pass by pass: the noise of all passes together may be larger than the network. To draw changes
            # the generators, which on JAX can't be done inside a loop: their states go round with it.
            mapping = [*fixed, *zip(generators, states, strict=True)]
            with keras.StatelessScope(state_mapping=mapping) as scope:
                outputs = self._one_pass(cut, self._draw_noise())
            moments = merge_moments(moments, 1.0, outputs, [ops.zeros_like(output) for output in outputs])
            return moments, [scope.get_current_value(generator) for generator in generators]

        (_, means, variances), states = ops.fori_loop(1, self.n if self._after else 1, add_pass, (moments, states))
        for generator, state in zip(generators, states, strict=True):
            generator.assign(state)
        stacked = [ops.stack(pair, axis=-1) for pair in zip(means, variances, strict=True)]
        return tree.pack_sequence_as(self._graph.output, stacked)

    def _shape_of_result(self, batch, shape):
        return (batch, *shape, 2)


@keras.saving.register_keras_serializable(package="astroNN")
class FastMCInferenceV2_internal(_MonteCarloPasses):
    r"""Outputs of a network in each of n passes, :math:`y_t = f_t(x)` for t = 1 to n.

    Parameters
    ----------
    model : keras.Model
        Functional or Sequential and built; its weights become the layer's.
    n : int, optional
        Number of passes. Default 100.
    name : str, optional
        Name of the layer.
    **kwargs
        Other arguments of `keras.layers.Layer`.

    See Also
    --------
    FastMCInference : Only mean and variance, without the memory for all passes.
    MonteCarloEngine : The same outside a Keras model.

    Notes
    -----
    Called on what the network is called on, the layer gives shape (n, N, ...) for each output of shape
    (N, ...), float32, in the structure of the network's output. The stars of a batch share the noise of a
    pass; the passes are independent. `FastMCInferenceMeanVar` takes mean and variance of the result.

    Examples
    --------
    >>> import keras, numpy as np
    >>> from astroNN.nn.layers import MCDropout
    >>> inputs = keras.Input((3,))
    >>> model = keras.Model(inputs, keras.layers.Dense(2)(MCDropout(0.5)(inputs)))
    >>> tuple(FastMCInferenceV2_internal(model, n=10)(np.ones((4, 3), "float32")).shape)
    (10, 4, 2)
    """

    def __init__(self, model, n=100, name=None, **kwargs):
        super().__init__(model, n, name=name, **kwargs)

    def call(self, inputs):
        cut, noise = self._run_up_to_cut(inputs), self._draw_noise(self.n)
        if noise and self._all_noisy:
            passes = ops.map(lambda here: self._one_pass(cut, [ops.expand_dims(x, 0) for x in here]), noise)
        else:
            single = [self._one_pass(cut, [x[k : k + 1] for x in noise]) for k in range(self.n)]
            passes = [ops.stack(outputs) for outputs in zip(*single, strict=True)]
        return tree.pack_sequence_as(self._graph.output, passes)

    def _shape_of_result(self, batch, shape):
        return (self.n, batch, *shape)

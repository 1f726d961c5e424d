"""What variational layers share: a Gaussian over every weight, its distance from the prior, and ways to draw."""

import math
import numbers

import keras
import numpy as np
from keras import ops

from astroNN.nn.layers._precision import wide_dtype
from astroNN.nn.layers._random import RandomLayer

__all__ = ["MeanWeights", "VariationalLayer", "checked_sizes", "flipout", "local_reparameterization"]

# Default noise of a layer's sums at the start, relative to its inputs: small beside the sums, whatever the width.
_INITIAL_NOISE = 0.1


class VariationalLayer(RandomLayer):
    r"""Layer whose kernel has a Gaussian posterior; the base of the variational dense and convolution layers.

    Every weight has a mean and a standard deviation of its own, both learnt,
    :math:`q(w) = N(\mu, \sigma^2)` with :math:`\sigma = \ln(1 + e^\rho)`; the bias is an ordinary weight. The loss
    gains :math:`\mathrm{KL}(q \| p) / n_\mathrm{train}` with the prior :math:`p(w) = N(0, s^2)`,

    .. math:: \mathrm{KL} = \sum_w \left[\ln\frac{s}{\sigma} + \frac{\sigma^2 + \mu^2}{2 s^2} - \frac12\right].

    Subclasses define `_kernel_shape`, `_linear` (the sums for a given kernel) and `_draw` (sums with noise).

    Parameters
    ----------
    activation : str or callable, optional
        Applied to the sums. Default none.
    use_bias : bool, optional
        Add a bias. Default True.
    kernel_initializer, bias_initializer : str or keras.initializers.Initializer, optional
        Of the kernel's means and of the bias. Defaults ``"glorot_uniform"`` and ``"zeros"``.
    initial_std : float, optional
        Standard deviation of every weight at the start. Default 0.1 / sqrt(number of inputs of a sum).
    prior_std : float, optional
        Standard deviation of the prior. Default 1.
    n_train : float, optional
        Number by which the divergence is divided; can be set later, as the attribute of that name.
    disable : bool, optional
        True uses the mean weights and leaves the divergence out of the loss. Default False.
    seed : int, optional
        Seed of the layer's generator.
    name : str, optional
        Name of the layer.
    **kwargs
        Other arguments of `keras.layers.Layer`.
    """

    #: The noise belongs to weights, so it can't be drawn for each star (see `MonteCarloEngine`).
    per_star_noise = False

    def __init__(
        self,
        activation,
        use_bias,
        kernel_initializer,
        bias_initializer,
        initial_std,
        prior_std,
        n_train,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.activation = keras.activations.get(activation)
        self.use_bias = bool(use_bias)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.initial_std = None if initial_std is None else self._positive("initial_std", initial_std)
        self.prior_std = self._positive("prior_std", prior_std)
        self._n_train = None if n_train is None else self._positive("n_train", n_train)
        self._divisor = None

    def build(self, input_shape):
        shape = self._kernel_shape(input_shape)
        std = self.initial_std or _INITIAL_NOISE / math.sqrt(math.prod(shape[:-1]))
        self.kernel_mean = self.add_weight(
            name="kernel_mean",
            shape=shape,
            initializer=self.kernel_initializer,
            # As a regularizer the divergence counts once, however often the layer is called.
            regularizer=self._kl_in_loss,
            autocast=False,
        )
        self.kernel_rho = self.add_weight(
            name="kernel_rho",
            shape=shape,
            initializer=keras.initializers.Constant(_inverse_softplus(std)),
            autocast=False,
        )
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(name="bias", shape=shape[-1:], initializer=self.bias_initializer)
        # A weight, so that compiled training steps see it change. Zero: not known.
        self._divisor = self.add_weight(
            name="n_train",
            shape=(),
            initializer=keras.initializers.Constant(self._n_train or 0.0),
            trainable=False,
            dtype="float32",
            autocast=False,
        )

    @property
    def n_train(self):
        """Number by which the divergence is divided in the loss; None where it is not known."""
        # A new float each time: TensorFlow skips `layer.n_train = number` where the number is the same object.
        stored = 0.0 if self._divisor is None else float(ops.convert_to_numpy(self._divisor.value))
        return stored or self._n_train

    @n_train.setter
    def n_train(self, number):
        self._n_train = self._positive("n_train", number)
        if self._divisor is not None:
            self._divisor.assign(self._n_train)

    @property
    def kernel_std(self):
        """Standard deviations of the weights, a tensor of the kernel's shape (float32 or float64)."""
        return ops.softplus(self._precise(self.kernel_rho))

    def kl_divergence(self):
        """Kullback-Leibler divergence of the posterior from the prior.

        Returns
        -------
        scalar tensor
            In nats, summed over the weights.
        """
        mean, std = self._precise(self.kernel_mean), self.kernel_std
        variances = (ops.square(std / self.prior_std) + ops.square(mean / self.prior_std) - 1.0) / 2.0
        return ops.sum(variances - ops.log(std / self.prior_std))

    def call(self, inputs, training=None):
        if not self.random_at_inference:
            return self.call_without_noise(inputs)
        if training and self._n_train is None:
            raise ValueError(
                f"{type(self).__name__} {self.name!r}: `n_train`, the number of training stars, is not known, and "
                "without it the divergence from the prior can't be weighed against the data. Give it as "
                f"{type(self).__name__}(..., n_train=number), or set `layer.n_train = number` before training (also "
                "after `set_weights`). The networks of astroNN.models do so in `fit`. Compile a model in which this "
                "error was raised anew (with JAX: build it anew, Keras lost its weights)."
            )
        return self._finished(self._draw(ops.cast(inputs, self.compute_dtype)))

    def call_without_noise(self, inputs):
        """Output with the mean weights; the step of a graph where `inputs` is symbolic.

        Parameters
        ----------
        inputs : tensor
            As in a call.

        Returns
        -------
        tensor
            In the dtype of the layer's computations.
        """
        if isinstance(inputs, keras.KerasTensor):
            return MeanWeights(self)(inputs)
        kernel = ops.cast(ops.convert_to_tensor(self.kernel_mean), self.compute_dtype)
        return self._finished(self._linear(ops.cast(inputs, self.compute_dtype), kernel))

    def noise_shape_for(self, input_shape):
        """Shape of the noise of one draw of the weights, which all stars share.

        Parameters
        ----------
        input_shape : tuple
            Not used.

        Returns
        -------
        tuple
            The shape of the kernel behind an axis of length 1.
        """
        return (1, *self.kernel_mean.shape)

    def sample_noise(self, stream, shape):
        """Standard normal numbers from a stream.

        Parameters
        ----------
        stream : NoiseStream
            Of the pass and block.
        shape : tuple
            As `noise_shape_for` gives it, with as many rows as are wanted.

        Returns
        -------
        array of float32
            Of this shape.
        """
        return stream.normal(shape)

    def draw_noise(self, shape):
        """Standard normal numbers from the layer's own generator, for use inside a graph.

        Parameters
        ----------
        shape : tuple
            As `noise_shape_for` gives it.

        Returns
        -------
        tensor of float32
            Of this shape.
        """
        return keras.random.normal(shape, seed=self.seed_generator, dtype="float32")

    def call_with_noise(self, inputs, noise):
        """Output for one draw of the weights.

        Parameters
        ----------
        inputs : tensor
            As in a call.
        noise : tensor, shape (1, ...)
            Standard normal numbers, one a weight.

        Returns
        -------
        tensor
            In the dtype of the layer's computations.
        """
        kernel = self._precise(self.kernel_mean) + self.kernel_std * self._precise(noise[0])
        inputs = ops.cast(inputs, self.compute_dtype)
        return self._finished(self._linear(inputs, ops.cast(kernel, self.compute_dtype)))

    def load_own_variables(self, store):
        known = self._n_train
        super().load_own_variables(store)
        # A number given for this training isn't replaced by that of the training the weights come from.
        number = known or self.n_train
        if number is not None:
            self.n_train = number

    def get_config(self):
        config = {
            "activation": keras.activations.serialize(self.activation),
            "use_bias": self.use_bias,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "bias_initializer": keras.initializers.serialize(self.bias_initializer),
            "initial_std": self.initial_std,
            "prior_std": self.prior_std,
            "n_train": self.n_train,
        }
        return {**super().get_config(), **config}

    def _kernel_shape(self, input_shape):
        """Shape of the kernel, outputs last; checks the inputs' shape."""
        raise NotImplementedError

    def _linear(self, inputs, kernel):
        """Sums of inputs times kernel, without bias."""
        raise NotImplementedError

    def _draw(self, inputs):
        """Sums with noise of its own for every star, without bias."""
        raise NotImplementedError

    def _finished(self, sums):
        if self.use_bias:
            # Cast: outside of the layer's own call (in the engine) Keras doesn't.
            sums = sums + ops.cast(ops.convert_to_tensor(self.bias), sums.dtype)
        return ops.cast(self.activation(sums), self.compute_dtype)

    def _precise(self, values):
        """In float32 at least: squares and exponentials of half precision overflow."""
        return ops.cast(ops.convert_to_tensor(values), wide_dtype(self.compute_dtype))

    def _kl_in_loss(self, kernel_mean):
        divergence = self.kl_divergence()
        number = ops.cast(ops.convert_to_tensor(self._divisor), divergence.dtype)
        # Not known: nothing to add in evaluation (training refuses to start).
        known = 0.0 if self._n_train is None else 1.0 / self._n_train
        share = ops.where(number > 0, 1.0 / ops.maximum(number, 1e-30), known)
        # The type of the loss, to which Keras adds it, whatever the layer's.
        return ops.cast(divergence * (0.0 if self.disable else share), keras.config.floatx())

    def _positive(self, argument, number):
        """A positive number, or a ValueError that names the argument."""
        if isinstance(number, bool) or not isinstance(number, numbers.Real) or not 0 < number < math.inf:
            raise ValueError(
                f"{type(self).__name__}: `{argument}` must be a positive number, got {argument}={number!r}."
            )
        return float(number)


class MeanWeights(keras.layers.Layer):
    """A variational layer with its mean weights: what is left of it in a network without noise.

    Parameters
    ----------
    layer : VariationalLayer
        Built; its weights are shared.
    """

    random_at_inference = False

    def __init__(self, layer):
        super().__init__(dtype=layer.dtype_policy)
        self.layer = layer
        self.built = True

    def call(self, inputs):
        return self.layer.call_without_noise(inputs)

    def compute_output_shape(self, input_shape):
        return self.layer.compute_output_shape(input_shape)


def flipout(layer, inputs):
    r"""Sums with one perturbation of the kernel for the batch, decorrelated between stars by random signs.

    .. math:: y = x * \mu + \left[(x \circ s) * (\sigma \circ \epsilon)\right] \circ r

    with one :math:`\epsilon` for all stars, and for each star signs s of the input channels and r of the output
    channels (the same at all positions): each star sees :math:`\mu + \sigma \circ \epsilon \circ s r^T`, a draw
    of the weights. See Wen et al. 2018, arXiv:1803.04386, equation 4.
    """
    mean, std = ops.cast(ops.convert_to_tensor(layer.kernel_mean), inputs.dtype), layer.kernel_std
    noise = keras.random.normal(std.shape, seed=layer.seed_generator, dtype=std.dtype)
    perturbation = ops.cast(std * noise, inputs.dtype)
    ones = (1,) * (len(inputs.shape) - 2)
    n_stars, n_in, n_out = ops.shape(inputs)[0], inputs.shape[-1], std.shape[-1]
    signs_in = _signs((n_stars, *ones, n_in), layer.seed_generator, inputs.dtype)
    signs_out = _signs((n_stars, *ones, n_out), layer.seed_generator, inputs.dtype)
    return layer._linear(inputs, mean) + layer._linear(inputs * signs_in, perturbation) * signs_out


def local_reparameterization(layer, inputs):
    r"""Draw the sums themselves, which are Gaussian: :math:`y \sim N(x \mu, x^2 \sigma^2)`, for every star and unit.

    See Kingma, Salimans & Welling 2015, arXiv:1506.02557, equation 6.
    """
    mean = layer._linear(inputs, ops.cast(ops.convert_to_tensor(layer.kernel_mean), inputs.dtype))
    variance = layer._linear(ops.square(layer._precise(inputs)), ops.square(layer.kernel_std))
    # The root has no gradient at zero (a star whose inputs are all zero).
    positive = variance > 0
    spread = ops.where(positive, ops.sqrt(ops.where(positive, variance, 1.0)), 0.0)
    noise = keras.random.normal(ops.shape(variance), seed=layer.seed_generator, dtype=variance.dtype)
    return ops.cast(layer._precise(mean) + spread * noise, inputs.dtype)


def _signs(shape, seed, dtype):
    return ops.cast(2 * keras.random.randint(shape, 0, 2, seed=seed) - 1, dtype)


def _inverse_softplus(value):
    return value + math.log(-math.expm1(-value))


def checked_sizes(owner, argument, value, rank=None):
    """A positive integer, or with `rank` a tuple of as many; a ValueError that names the layer otherwise."""
    sizes = value if rank is not None and isinstance(value, (tuple, list)) else (value,) * (rank or 1)
    whole = all(isinstance(size, (int, np.integer)) and not isinstance(size, bool) and size > 0 for size in sizes)
    if not whole or len(sizes) != (rank or 1):
        wanted = "a positive integer" if rank is None else f"a positive integer or a sequence of {rank}"
        raise ValueError(f"{owner}: `{argument}` must be {wanted}, got {argument}={value!r}.")
    return int(sizes[0]) if rank is None else tuple(int(size) for size in sizes)

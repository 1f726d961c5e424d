"""Dropout that learns its rate."""

import math

import keras
import numpy as np
from keras import ops

from astroNN.nn.layers._masks import LEVELS
from astroNN.nn.layers._precision import wide_dtype
from astroNN.nn.layers._random import NoiseLayer

__all__ = ["MCConcreteDropout"]

TEMPERATURE = 0.1  # of the relaxed draws; the paper's value
_CONVOLUTIONS = (keras.layers.Conv1D, keras.layers.Conv2D)


@keras.saving.register_keras_serializable(package="astroNN")
class MCConcreteDropout(NoiseLayer, keras.layers.Wrapper):
    r"""Dropout in front of a layer, always on, with a rate that is learned with the weights.

    Parameters
    ----------
    layer : keras.layers.Layer
        Layer with a kernel (`Dense`, `Conv1D`, `Conv2D`), whose inputs are dropped.
    weight_regularizer : float, optional
        Factor of the kernel's penalty. If the loss is a squared error over the noise variance:
        l^2 / n_stars for a prior length-scale l (half of it for a negative log-likelihood). Default
        5e-13.
    dropout_regularizer : float, optional
        Factor of the entropy. If the loss is a squared error over the noise variance: 2 / n_stars
        (half of it for a negative log-likelihood). The larger, the closer the rate comes to 0.5.
        Default 1e-4.
    init_min, init_max : float, optional
        The rate before training is drawn between them. Default 0.1 and 0.2.
    disable : bool, optional
        True calls the wrapped layer alone, without dropout and without the regularisation. Default
        False.
    seed : int, optional
        Seed of the layer's own random number generator and of its first rate. Default: drawn from
        Python's generator, which `keras.utils.set_random_seed` sets.
    name : str, optional
        Name of the layer.
    **kwargs
        Other arguments of `keras.layers.Layer`.

    Attributes
    ----------
    p_logit : keras.Variable, shape (1,)
        Logit of the rate, at least float32 under every dtype policy. It comes before the wrapped
        layer's weights.

    Raises
    ------
    ValueError
        If `kernel_regularizer` is given, a number is out of its range, or, when built, the shape of
        the inputs is not fixed.
    TypeError
        If the wrapped layer has no kernel.

    Notes
    -----
    With u uniform in (0, 1) for every element and T = 0.1, the inputs x of the layer become

    .. math::

        \tilde x = x\, \frac{1 - z}{1 - p}, \qquad
        z = \mathrm{sigmoid}\left[\frac{1}{T} \left(\ln\frac{p}{1 - p} + \ln\frac{u}{1 - u}\right)\right],

    where z is nearly 0 or 1, but has a gradient. The regularisation added to the model's losses is,
    for a kernel W and D inputs a star (all axes but the first),

    .. math::

        \mathtt{weight\_regularizer}\, \frac{\sum W^2}{1 - p}
        + \mathtt{dropout\_regularizer}\; D \left[p \ln p + (1 - p) \ln(1 - p)\right] .

    It is evaluated anew in every training step, as a regularizer of `p_logit` which also reads the
    kernel: so it acts once however often the layer is called, and in full precision.

    References
    ----------
    Gal, Hron & Kendall 2017, NIPS, arXiv:1705.07832.

    Examples
    --------
    >>> import keras, numpy as np
    >>> layer = MCConcreteDropout(keras.layers.Dense(3), init_min=0.1, init_max=0.1)
    >>> tuple(layer(np.ones((5, 4), "float32")).shape), round(layer.rate, 3)
    ((5, 3), 0.1)
    """

    def __init__(
        self,
        layer,
        weight_regularizer=5e-13,
        dropout_regularizer=1e-4,
        init_min=0.1,
        init_max=0.2,
        disable=False,
        seed=None,
        name=None,
        **kwargs,
    ):
        if "kernel_regularizer" in kwargs:
            raise ValueError(
                "MCConcreteDropout: `kernel_regularizer` can't be given, since the layer regularises the kernel "
                f"itself (got {kwargs['kernel_regularizer']!r}). Set `weight_regularizer` instead."
            )
        super().__init__(disable=disable, seed=seed, name=name, layer=layer, **kwargs)
        self.weight_regularizer = _not_negative("weight_regularizer", weight_regularizer)
        self.dropout_regularizer = _not_negative("dropout_regularizer", dropout_regularizer)
        self.init_min, self.init_max = _checked_range(init_min, init_max)

    @property
    def rate(self):
        """The current rate, a float."""
        if not self.built:
            raise ValueError(
                f"MCConcreteDropout: {self.name!r} has no rate before it is built; it will start between "
                f"{self.init_min:g} and {self.init_max:g}. Call the layer first."
            )
        return float(ops.convert_to_numpy(ops.sigmoid(self.p_logit))[0])

    @property
    def independent_elements(self):
        """Whether the outputs feel the noise of a few inputs each, as the engine's fast setting needs it."""
        return isinstance(self.layer, _CONVOLUTIONS) and self.layer.data_format == "channels_last"

    def build(self, input_shape):
        if None in input_shape[1:]:
            raise ValueError(
                "MCConcreteDropout: the regularisation counts the inputs, so all axes of the inputs but the first "
                f"must be fixed, got shape {tuple(input_shape)}."
            )
        self._n_inputs = math.prod(input_shape[1:])
        dtype = wide_dtype(self.compute_dtype)
        self.p_logit = self.add_weight(
            name="p_logit",
            shape=(1,),
            initializer=keras.initializers.RandomUniform(
                _logit(self.init_min), _logit(self.init_max), seed=self._explicit_seed
            ),
            # Not `add_loss` in `call`: there a half-precision policy would round the kernel and its gradient to zero.
            regularizer=self._regularization,
            dtype=dtype,
            autocast=False,
        )
        super().build(input_shape)
        if getattr(self.layer, "kernel", None) is None:
            raise TypeError(
                f"MCConcreteDropout: the wrapped layer must have a kernel, as Dense, Conv1D and Conv2D have; got "
                f"{type(self.layer).__name__}."
            )

    def sample_noise(self, stream, shape):
        """Uniform numbers from a stream.

        Parameters
        ----------
        stream : NoiseStream
            Of the pass and block.
        shape : tuple
            As `noise_shape_for` gives it.

        Returns
        -------
        array of float32
            Between 0 and 1, both excluded.
        """
        return (stream.integers(shape).astype("float32") + np.float32(0.5)) / np.float32(LEVELS)

    def draw_noise(self, shape):
        """Uniform numbers from the layer's own generator, for use inside a graph.

        Parameters
        ----------
        shape : tuple
            As `noise_shape_for` gives it.

        Returns
        -------
        tensor of float32
            Between 0 and 1.
        """
        return keras.random.uniform(shape, seed=self.seed_generator, dtype="float32")

    def call_with_noise(self, inputs, noise):
        """Output of the wrapped layer with the mask that uniform numbers give.

        Parameters
        ----------
        inputs : tensor
            As in a call.
        noise : tensor
            Uniform numbers; broadcast against the inputs.

        Returns
        -------
        tensor
            Of the wrapped layer.
        """
        inputs = ops.cast(inputs, self.compute_dtype)
        return self.layer(inputs * ops.cast(self._mask(noise), inputs.dtype))

    def call_without_noise(self, inputs):
        """Output of the wrapped layer.

        Parameters
        ----------
        inputs : tensor
            As in a call.

        Returns
        -------
        tensor
            Of the wrapped layer.
        """
        return self.layer(inputs)

    def compute_output_shape(self, input_shape):
        return self.layer.compute_output_shape(input_shape)

    def get_config(self):
        return {
            **super().get_config(),
            "weight_regularizer": self.weight_regularizer,
            "dropout_regularizer": self.dropout_regularizer,
            "init_min": self.init_min,
            "init_max": self.init_max,
            "rate": self.rate if self.built else None,
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        config = dict(config)
        if "layer" not in config:
            raise ValueError(
                "MCConcreteDropout: this configuration, as versions up to 1.1 wrote it, doesn't hold the wrapped "
                "layer. Add it under the key 'layer' (`keras.saving.serialize_keras_object`)."
            )
        rate = config.pop("rate", None)  # at the time of saving; versions up to 1.1 wrote no range beside it
        if rate is not None and not {"init_min", "init_max"} & set(config):
            config["init_min"] = config["init_max"] = rate
        return super().from_config(config, custom_objects)

    def _mask(self, uniform):
        epsilon = keras.backend.epsilon()
        p_logit = ops.convert_to_tensor(self.p_logit)
        uniform = ops.cast(uniform, p_logit.dtype)
        # Both from the logit: 1 - p would lose all digits when p is close to 1.
        drop, keep = ops.sigmoid(p_logit), ops.sigmoid(-p_logit)
        logits = ops.log(drop + epsilon) - ops.log(keep + epsilon)
        logits = logits + ops.log(uniform + epsilon) - ops.log(1.0 - uniform + epsilon)
        return ops.sigmoid(-logits / TEMPERATURE) / keep

    def _regularization(self, p_logit):
        """Penalty of the kernel less the entropy of the mask, a number."""
        p_logit = ops.convert_to_tensor(p_logit)
        if self.disable:
            return ops.zeros((), keras.config.floatx())
        drop, keep = ops.sigmoid(p_logit), ops.sigmoid(-p_logit)
        kernel = ops.cast(self.layer.kernel, p_logit.dtype)
        weights = self.weight_regularizer * ops.sum(ops.square(kernel)) / keep
        negative_entropy = drop * ops.log_sigmoid(p_logit) + keep * ops.log_sigmoid(-p_logit)
        penalty = ops.sum(weights + self.dropout_regularizer * self._n_inputs * negative_entropy)
        # The type of the loss, to which Keras adds it, whatever the layer's.
        return ops.cast(penalty, keras.config.floatx())


def _logit(probability):
    return math.log(probability) - math.log1p(-probability)


def _is_number(value):
    return isinstance(value, (int, float, np.number)) and not isinstance(value, bool) and math.isfinite(value)


def _not_negative(argument, value):
    if not _is_number(value) or value < 0:
        raise ValueError(f"MCConcreteDropout: `{argument}` must be a number of at least 0, got {value!r}.")
    return float(value)


def _checked_range(init_min, init_max):
    if not (_is_number(init_min) and _is_number(init_max) and 0 < init_min <= init_max < 1):
        raise ValueError(
            "MCConcreteDropout: the first rate is drawn between `init_min` and `init_max`, which must be numbers "
            f"with 0 < init_min <= init_max < 1, got {init_min!r} and {init_max!r}."
        )
    return float(init_min), float(init_max)

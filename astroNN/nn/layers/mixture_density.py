"""The head of a mixture density network: a mixture of Gaussians for every label."""

import math

import keras
import numpy as np
from keras import ops

from astroNN.nn.distributions import GaussianMixture

__all__ = ["MixtureDensity"]

_N_PARAMETERS = 3  # mean, log scale, log weight
_START_KERNEL = 0.1  # variance of the outputs at the start, of inputs of unit variance


@keras.saving.register_keras_serializable(package="astroNN")
class MixtureDensity(keras.layers.Layer):
    r"""Predict, for every label, a mixture of Gaussians; the last layer of a mixture density network.

    A dense projection gives three numbers :math:`a, b, c` a component, which become its mean, the logarithm of its
    scale and the logarithm of its weight:

    .. math:: m_k = a_k, \qquad
              \ln s_k = \ln \frac{1}{\left( s_\mathrm{min} + e^{b_k} \right)^{-1} + s_\mathrm{max}^{-1}}, \qquad
              \ln w_k = c_k - \ln \sum_j e^{c_j} .

    Parameters
    ----------
    n_labels : int
        Number of labels. Each has a mixture of its own: the labels of a star are independent, given its spectrum.
    n_components : int, optional
        Gaussians a mixture, K. Default 3.
    min_scale, max_scale : float, optional
        Soft bounds of the scales, in the units of the labels. The lower one keeps a component from collapsing on a
        single label, where the likelihood has no bound; it stands for the precision that labels can have. Defaults
        0.001 and 1000, for normalised labels.
    kernel_initializer : str or keras.initializers.Initializer, optional
        Default: normal, with outputs of variance 0.1 for inputs of unit variance, so that the components start near
        their biases: means evenly spread over -1 to 1, scales 1, equal weights.
    kernel_regularizer : str or keras.regularizers.Regularizer, optional
        Default none.
    seed : int, optional
        Seed of the default initialiser. Default: drawn from Python's generator, which
        `keras.utils.set_random_seed` sets.
    name : str, optional
        Name of the layer.
    **kwargs
        Other arguments of `keras.layers.Layer`.

    Raises
    ------
    ValueError
        For numbers of labels or components below 1, bounds that are not 0 < min_scale < max_scale, inputs that
        are not of shape (n_stars, n_features).

    See Also
    --------
    MixtureMoments : Mean and log variance of the mixtures.
    astroNN.nn.distributions.GaussianMixture : Densities, quantiles and samples of the mixtures.
    astroNN.nn.losses.mixture_nll : The loss to train with.

    Notes
    -----
    Takes (n_stars, n_features), gives (n_stars, n_labels, 3, n_components), of which `distribution` makes
    mixtures with ``log_prob``, ``sample``, ``cdf`` and ``quantile``. Computes in float32 whatever the
    precision of the layers before: a scale is the exponential of an output.

    References
    ----------
    Bishop 1994, Mixture density networks, Aston University NCRG/94/004.

    Examples
    --------
    >>> import keras, numpy as np
    >>> head = MixtureDensity(2, n_components=3, seed=1)
    >>> mixtures = head.distribution(head(np.zeros((5, 8), "float32")))
    >>> mixtures
    GaussianMixture(batch_shape=(5, 2), n_components=3, dtype=float32)
    >>> [round(float(mean), 3) for mean in mixtures.means[0, 0]]
    [-1.0, 0.0, 1.0]
    """

    def __init__(
        self,
        n_labels,
        n_components=3,
        min_scale=1e-3,
        max_scale=1e3,
        kernel_initializer=None,
        kernel_regularizer=None,
        seed=None,
        name=None,
        **kwargs,
    ):
        super().__init__(name=name, **kwargs)
        self.n_labels = _positive_integer("n_labels", n_labels)
        self.n_components = _positive_integer("n_components", n_components)
        are_numbers = all(isinstance(bound, int | float | np.number) for bound in (min_scale, max_scale))
        if not are_numbers or not 0 < min_scale < max_scale < math.inf:
            raise ValueError(
                "MixtureDensity: the scales need numbers as bounds, with 0 < min_scale < max_scale, got "
                f"min_scale={min_scale!r}, max_scale={max_scale!r}."
            )
        self.min_scale, self.max_scale = float(min_scale), float(max_scale)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        self.seed = None if seed is None else int(seed)

    @staticmethod
    def distribution(outputs):
        """Distributions from the outputs of such a layer: densities, quantiles and samples of every label.

        Parameters
        ----------
        outputs : array or tensor, shape (n_stars, n_labels, 3, n_components)
            What the layer, or `predict` of a model that ends in it, gives.

        Returns
        -------
        astroNN.nn.distributions.GaussianMixture
            With the batch shape (n_stars, n_labels), and the methods ``log_prob``, ``sample``, ``cdf`` and
            ``quantile``.

        Raises
        ------
        ValueError
            If the outputs have another shape.
        """
        return GaussianMixture.from_parameters(outputs)

    @property
    def output_dtype(self):
        """Precision of the output: float64 for a layer of that precision, else float32."""
        return "float64" if self.variable_dtype == "float64" else "float32"

    def build(self, input_shape):
        self._check_input(input_shape)
        initializer = self.kernel_initializer
        if initializer is None:
            initializer = keras.initializers.VarianceScaling(_START_KERNEL, "fan_in", "untruncated_normal", self.seed)
        self.kernel = self.add_weight(
            name="kernel",
            shape=(input_shape[-1], self.n_labels * _N_PARAMETERS * self.n_components),
            initializer=initializer,
            regularizer=self.kernel_regularizer,
            autocast=False,
        )
        self.bias = self.add_weight(
            name="bias",
            shape=(self.n_labels, _N_PARAMETERS, self.n_components),
            initializer=_components_apart,
            autocast=False,
        )

    def call(self, inputs):
        dtype = self.output_dtype
        raw = ops.matmul(ops.cast(inputs, dtype), ops.cast(self.kernel, dtype))
        raw = ops.reshape(raw, (-1, *self.bias.shape)) + ops.cast(self.bias, dtype)
        log_scale = self._bounded(raw[:, :, 1])
        return ops.stack([raw[:, :, 0], log_scale, ops.log_softmax(raw[:, :, 2], axis=-1)], axis=2)

    def _bounded(self, log_scale):
        low, high = math.log(self.min_scale), math.log(self.max_scale)
        above = low + ops.softplus(log_scale - low)  # ln(min_scale + exp(log_scale)), without overflow
        return high - ops.softplus(high - above)

    def compute_output_shape(self, input_shape):
        self._check_input(input_shape)
        return (input_shape[0], self.n_labels, _N_PARAMETERS, self.n_components)

    def compute_output_spec(self, inputs):
        return keras.KerasTensor(self.compute_output_shape(inputs.shape), dtype=self.output_dtype)

    def get_config(self):
        config = {
            "n_labels": self.n_labels,
            "n_components": self.n_components,
            "min_scale": self.min_scale,
            "max_scale": self.max_scale,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "kernel_regularizer": keras.regularizers.serialize(self.kernel_regularizer),
            "seed": self.seed,
        }
        return {**super().get_config(), **config}

    def _check_input(self, input_shape):
        if len(input_shape) != 2 or input_shape[-1] is None:
            raise ValueError(
                "MixtureDensity: the inputs must have the shape (n_stars, n_features) with a known number of "
                f"features, got {tuple(input_shape)}. Put keras.layers.Flatten() in front."
            )


def _components_apart(shape, dtype=None):
    """Means evenly over -1 to 1 (0 for a single one), log scales and log weights 0."""
    bias = np.zeros(shape)
    bias[:, 0] = np.linspace(-1.0, 1.0, shape[-1]) if shape[-1] > 1 else 0.0
    return ops.convert_to_tensor(bias, dtype=dtype)


def _positive_integer(argument, value):
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise ValueError(f"MixtureDensity: `{argument}` must be a positive integer, got {argument}={value!r}.")
    return int(value)

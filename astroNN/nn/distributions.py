"""Distributions of labels that networks predict, on every backend."""

import importlib
import math

import keras
import numpy as np
from keras import ops

from astroNN.nn._mixture_quantile import below, density, lower_quantile
from astroNN.nn._mixture_values import (
    check_values,
    dtype_of,
    fits,
    in_one_dtype,
    is_array,
    known_errors,
    two_seeds,
)

__all__ = ["GaussianMixture"]

_NO_WEIGHT = -1e30  # logarithm of a weight of zero; -inf would make the gradient NaN


class GaussianMixture:
    r"""Mixtures of Gaussians, one for every element of a batch (of stars and labels, say).

    .. math:: p(y) = \sum_{k=1}^{K} w_k \, \frac{1}{\sqrt{2 \pi} \, s_k}
              \exp\left( -\frac{(y - m_k)^2}{2 s_k^2} \right), \qquad \sum_k w_k = 1

    Parameters
    ----------
    mean, scale, weight : array or tensor, shape (..., n_components)
        Means :math:`m_k`, standard deviations :math:`s_k` (positive) and weights :math:`w_k` (not negative; divided
        by their sum) of the components.

    Attributes
    ----------
    means, scales, weights, log_weights : tensor, shape (..., n_components)
        In float64 if any argument is of that, else in float32; the weights sum to 1.

    Raises
    ------
    ValueError
        If the shapes differ; if arrays (of tensors only the shape is checked) hold a scale that is not positive, or
        weights that are negative or all zero.

    See Also
    --------
    astroNN.nn.layers.MixtureDensity : A layer that predicts mixtures.
    astroNN.nn.losses.mixture_nll : The loss to train it with.

    References
    ----------
    Bishop 1994, Mixture density networks, Aston University NCRG/94/004.

    Examples
    --------
    >>> mixture = GaussianMixture([-1.0, 1.0], [0.1, 0.1], [0.25, 0.75])
    >>> round(float(mixture.mean()), 4), round(float(mixture.cdf(0.0)), 4)
    (0.5, 0.25)
    >>> round(float(mixture.quantile(0.125)), 4)  # half of the left component
    -1.0
    """

    def __init__(self, mean, scale, weight):
        check_values(scale, weight)
        means, scales, weights = in_one_dtype(mean, scale, weight)
        positive = weights > 0
        logs = ops.where(positive, ops.log(ops.where(positive, weights, ops.ones_like(weights))), _NO_WEIGHT)
        self._set(means, scales, logs)

    @classmethod
    def from_parameters(cls, parameters):
        """Mixtures from the output of a `MixtureDensity` layer.

        Parameters
        ----------
        parameters : array or tensor, shape (..., 3, n_components)
            Means, logarithms of the scales, logarithms of the weights.

        Returns
        -------
        GaussianMixture
            With the batch shape ``parameters.shape[:-2]``.

        Raises
        ------
        ValueError
            If the shape is another.
        """
        (parameters,) = in_one_dtype(parameters)
        if len(parameters.shape) < 2 or parameters.shape[-2] != 3:
            raise ValueError(
                "GaussianMixture.from_parameters: `parameters` must have the shape (..., 3, n_components), means, "
                f"log scales and log weights as a `MixtureDensity` layer gives them; got {tuple(parameters.shape)}."
            )
        return cls._from_logs(parameters[..., 0, :], ops.exp(parameters[..., 1, :]), parameters[..., 2, :])

    @classmethod
    def _from_logs(cls, means, scales, log_weights):
        mixture = cls.__new__(cls)
        mixture._set(means, scales, log_weights)
        return mixture

    def _set(self, means, scales, log_weights):
        shapes = [tuple(values.shape) for values in (means, scales, log_weights)]
        if len(set(shapes)) > 1 or not shapes[0] or shapes[0][-1] == 0:
            raise ValueError(
                "GaussianMixture: `mean`, `scale` and `weight` must have the same shape (..., n_components) with at "
                f"least one component; got {', '.join(map(str, shapes))}."
            )
        self.means, self.scales = means, scales
        self.log_weights = ops.log_softmax(log_weights, axis=-1)

    @property
    def weights(self):
        """Weights of the components, which sum to 1."""
        return ops.exp(self.log_weights)

    @property
    def batch_shape(self):
        """Shape of the parameters without the last axis."""
        return tuple(self.means.shape[:-1])

    @property
    def n_components(self):
        """Number of components of a mixture."""
        return int(self.means.shape[-1])

    def mean(self):
        """Mean of every mixture.

        Returns
        -------
        tensor, shape `batch_shape`
            The weighted mean of the components.
        """
        return ops.sum(self.weights * self.means, axis=-1)

    def variance(self):
        """Variance of every mixture.

        Returns
        -------
        tensor, shape `batch_shape`
            That of the components and that between them.
        """
        deviations = self.means - ops.expand_dims(self.mean(), -1)
        return ops.sum(self.weights * (ops.square(self.scales) + ops.square(deviations)), axis=-1)

    def stddev(self):
        """Standard deviation of every mixture.

        Returns
        -------
        tensor, shape `batch_shape`
            Root of the variance.
        """
        return ops.sqrt(self.variance())

    def log_prob(self, y):
        """Natural logarithm of the probability density.

        Parameters
        ----------
        y : array or tensor
            Broadcast against `batch_shape`.

        Returns
        -------
        tensor
            Finite, with finite gradients, hundreds of standard deviations from every component.
        """
        z = (self._expanded("y", y) - self.means) / self.scales
        log_density = -0.5 * ops.square(z) - ops.log(self.scales) - 0.5 * math.log(2 * math.pi)
        return ops.logsumexp(self.log_weights + log_density, axis=-1)

    def cdf(self, y):
        """Probability of a value below y, precise (relatively) in the lower tail, too.

        Parameters
        ----------
        y : array or tensor
            Broadcast against `batch_shape`.

        Returns
        -------
        tensor
            Between 0 and 1.
        """
        return below(self._expanded("y", y), self.means, self.scales, self.weights)

    def quantile(self, q):
        """Value below which lies the probability q: the inverse of `cdf`.

        Parameters
        ----------
        q : float, array or tensor
            Probabilities, 0 < q < 1, broadcast against `batch_shape`: several of them for all mixtures of shape
            (n_stars, n_labels) are an array of shape (n, 1, 1).

        Returns
        -------
        tensor
            To the precision of its dtype: bisection between quantiles of the components, then Newton's method, in a
            fixed number of steps. Differentiable by the parameters and `q`. NaN where a tensor `q` is outside (0, 1).

        Raises
        ------
        ValueError
            If a number or array `q` is not between 0 and 1.
        """
        q = self._probabilities(q)
        # The upper half mirrored into the lower one, where small probabilities keep their digits.
        side = ops.where(q <= 0.5, ops.ones_like(q), -ops.ones_like(q))
        p = ops.where(q <= 0.5, q, 1.0 - q)
        means = ops.expand_dims(side, -1) * self.means
        start = [ops.stop_gradient(values) for values in (p, means, self.scales, self.weights)]
        found = lower_quantile(*start)
        # The value is found; this term, which is zero, has the gradient of an implicit function.
        zero = below(ops.expand_dims(found, -1), means, self.scales, self.weights) - p
        zero = (zero - ops.stop_gradient(zero)) / density(ops.expand_dims(found, -1), *start[1:])
        return side * ops.where(p > 0, found - zero, math.nan)

    def sample(self, n, seed=None):
        """Draws from every mixture.

        Parameters
        ----------
        n : int
            Number of draws.
        seed : int or keras.random.SeedGenerator, optional
            The same integer gives the same draws; a generator new ones each call. Default: from Python's generator,
            which `keras.utils.set_random_seed` sets.

        Returns
        -------
        tensor, shape (n, ...)
            One draw after the other, each of `batch_shape`.

        Raises
        ------
        ValueError
            If `n` is no positive integer.
        """
        if isinstance(n, bool) or not isinstance(n, int | np.integer) or n < 1:
            raise ValueError(f"GaussianMixture.sample: `n` must be a positive integer, got n={n!r}.")
        choice_seed, normal_seed = two_seeds(seed)
        means, scales, log_weights = (
            ops.reshape(values, (-1, self.n_components)) for values in (self.means, self.scales, self.log_weights)
        )
        chosen = keras.random.categorical(log_weights, int(n), dtype="int32", seed=choice_seed)
        deviates = keras.random.normal(ops.shape(chosen), dtype=dtype_of(means), seed=normal_seed)
        draws = ops.take_along_axis(means, chosen, axis=1) + ops.take_along_axis(scales, chosen, axis=1) * deviates
        return ops.reshape(ops.transpose(draws), (int(n), *ops.shape(self.means)[:-1]))

    def scaled(self, std, mean=0.0):
        """Distribution of ``y * std + mean``: from normalised labels to physical units.

        Parameters
        ----------
        std, mean : float, array or tensor
            Broadcast against `batch_shape`, without changing it; `std` is positive.

        Returns
        -------
        GaussianMixture
            A new one.

        Raises
        ------
        ValueError
            If `std` is not positive, or one of them has another shape.
        """
        if is_array(std) and not np.all(np.asarray(std) > 0):
            raise ValueError(f"GaussianMixture.scaled: `std` must be positive, got {std!r}.")
        std, mean = self._expanded("std", std, False), self._expanded("mean", mean, False)
        return self._from_logs(self.means * std + mean, self.scales * std, self.log_weights)

    def convolved(self, err):
        """Distribution of values with independent Gaussian errors: their variance is added to every component.

        Parameters
        ----------
        err : float, array or tensor
            Standard deviations, broadcast against `batch_shape`, without changing it. One that is missing (magic
            number or NaN) counts as 0.

        Returns
        -------
        GaussianMixture
            A new one.

        Raises
        ------
        ValueError
            If a number or array is negative, or the shape doesn't fit.
        """
        err = self._expanded("err", known_errors(err), False)
        return self._from_logs(self.means, ops.sqrt(ops.square(self.scales) + ops.square(err)), self.log_weights)

    def to_tfp(self):
        """The same as a distribution of tensorflow-probability, which is imported only now.

        Returns
        -------
        tfp.distributions.MixtureSameFamily
            Of the same batch shape.

        Raises
        ------
        RuntimeError
            If the Keras backend is not TensorFlow.
        ImportError
            If tensorflow-probability is not installed.
        """
        backend = keras.backend.backend()
        if backend != "tensorflow":
            raise RuntimeError(
                f"GaussianMixture.to_tfp needs the TensorFlow backend of Keras, and this is {backend}. The methods "
                "`log_prob`, `cdf`, `quantile` and `sample` run on every backend."
            )
        try:
            distributions = importlib.import_module("tensorflow_probability").distributions
        except ImportError as error:
            raise ImportError(
                "GaussianMixture.to_tfp needs tensorflow-probability: pip install tensorflow-probability tf-keras."
            ) from error
        return distributions.MixtureSameFamily(
            distributions.Categorical(logits=self.log_weights), distributions.Normal(self.means, self.scales)
        )

    def __repr__(self):
        return (
            f"GaussianMixture(batch_shape={self.batch_shape}, n_components={self.n_components}, "
            f"dtype={dtype_of(self.means)})"
        )

    def _expanded(self, argument, values, changes_shape=True):
        """Values with an axis for the components."""
        values = ops.convert_to_tensor(values, dtype=dtype_of(self.means))
        shape, batch_shape = tuple(values.shape), self.batch_shape
        if None not in (*shape, *batch_shape):
            if not fits(shape, batch_shape, changes_shape):
                raise ValueError(
                    f"GaussianMixture: `{argument}` of shape {shape} does not fit mixtures of shape {batch_shape}."
                )
        return ops.expand_dims(values, -1)

    def _probabilities(self, q):
        if is_array(q):
            values = np.asarray(q, dtype="float64")
            if not np.all((values > 0) & (values < 1)):
                raise ValueError(f"GaussianMixture.quantile: `q` must lie between 0 and 1, both excluded; got {q!r}.")
        return ops.squeeze(self._expanded("q", q), -1)

"""Dense layers with a distribution over their weights."""

import keras
from keras import ops

from astroNN.nn.layers._variational import VariationalLayer, checked_sizes, flipout, local_reparameterization

__all__ = ["DenseFlipout", "DenseReparameterization"]


class _VariationalDense(VariationalLayer):
    def __init__(
        self,
        units,
        activation=None,
        use_bias=True,
        kernel_initializer="glorot_uniform",
        bias_initializer="zeros",
        initial_std=None,
        prior_std=1.0,
        n_train=None,
        disable=False,
        seed=None,
        name=None,
        **kwargs,
    ):
        super().__init__(
            activation=activation,
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer,
            initial_std=initial_std,
            prior_std=prior_std,
            n_train=n_train,
            disable=disable,
            seed=seed,
            name=name,
            **kwargs,
        )
        self.units = checked_sizes(type(self).__name__, "units", units)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.units)

    def get_config(self):
        return {**super().get_config(), "units": self.units}

    def _linear(self, inputs, kernel):
        return ops.matmul(inputs, kernel)

    def _number_of_features(self, input_shape):
        if input_shape[-1] is None:
            raise ValueError(
                f"{type(self).__name__}: the last axis of the inputs must have a fixed length, got the shape "
                f"{tuple(input_shape)}."
            )
        return input_shape[-1]


@keras.saving.register_keras_serializable(package="astroNN")
class DenseFlipout(_VariationalDense):
    r"""Dense layer whose weights are drawn anew in each call, with the Flipout estimator.

    The weights have the posterior :math:`N(\mu, \sigma^2)`, learnt. Each call draws one perturbation of them,
    :math:`\sigma \circ \epsilon`, which each star of the batch sees with signs :math:`s, r` of its own,

    .. math:: y = x \mu + \left[(x \circ s)(\sigma \circ \epsilon)\right] \circ r + b

    so that the noise of different stars is uncorrelated, at twice the cost of a dense layer. In training and in
    prediction alike. The loss gains the divergence from the prior :math:`N(0, s^2)` over `n_train`,

    .. math:: \mathrm{KL} = \sum_w \left[\ln\frac{s}{\sigma} + \frac{\sigma^2 + \mu^2}{2 s^2} - \frac12\right].

    Parameters
    ----------
    units : int
        Number of outputs.
    activation : str or callable, optional
        Applied to the sums. Default none.
    use_bias : bool, optional
        Add a bias, which is an ordinary weight without distribution. Default True.
    kernel_initializer, bias_initializer : str or keras.initializers.Initializer, optional
        Of the means of the weights and of the bias. Defaults ``"glorot_uniform"`` and ``"zeros"``.
    initial_std : float, optional
        Standard deviation of every weight at the start. Default 0.1 / sqrt(number of inputs): a tenth of the
        inputs' own scale in the sums.
    prior_std : float, optional
        Standard deviation of the prior. Default 1.
    n_train : int, optional
        Number of terms of which the data's loss is the mean: the training stars; stars times labels if the loss
        also averages over labels. The `fit` of astroNN's networks sets it. In a plain Keras model give it here or
        as the attribute ``layer.n_train``, at any time before training: a training without it is refused.
    disable : bool, optional
        True uses the mean weights and leaves the divergence out of the loss. Default False.
    seed : int, optional
        Seed of the layer's own random number generator. Default: drawn from Python's generator, which
        `keras.utils.set_random_seed` sets.
    name : str, optional
        Name of the layer.
    **kwargs
        Other arguments of `keras.layers.Layer`.

    Raises
    ------
    ValueError
        If a size or a standard deviation is not positive; for inputs without a features' axis; in training, if
        `n_train` is not known.

    See Also
    --------
    DenseReparameterization : Draws the sums instead, with less variance still.

    Notes
    -----
    Inputs of shape (n_stars, ..., n_inputs) give (n_stars, ..., units); a star's positions share its weights.

    ``layer.kernel_mean`` and ``layer.kernel_std`` are the posterior, `kl_divergence` its divergence. `n_train` is
    stored as a weight. Reading a file of weights does not replace one that is given, ``set_weights`` does.

    `MonteCarloEngine` draws one set of weights a pass, shared by the stars of a block; with
    ``sampling="per_star"`` the layer's own call is used. ``sampling="fast"`` is for dropout alone.

    References
    ----------
    Wen et al. 2018, arXiv:1803.04386; Blundell et al. 2015, arXiv:1505.05424.

    Examples
    --------
    >>> import numpy as np
    >>> layer = DenseFlipout(3, seed=1)
    >>> x = np.ones((2, 5), "float32")
    >>> once, twice = (keras.ops.convert_to_numpy(layer(x)) for _ in range(2))
    >>> bool(np.allclose(once, twice))
    False
    >>> float(layer.kl_divergence()) > 0
    True
    """

    def _kernel_shape(self, input_shape):
        if len(input_shape) < 2:
            raise ValueError(
                f"DenseFlipout: the inputs must have at least the axes (n_stars, n_inputs), got the shape "
                f"{tuple(input_shape)}."
            )
        return (self._number_of_features(input_shape), self.units)

    def _draw(self, inputs):
        return flipout(self, inputs)


@keras.saving.register_keras_serializable(package="astroNN")
class DenseReparameterization(_VariationalDense):
    r"""Dense layer with a distribution over its weights, with the local reparameterisation.

    The weights have the posterior :math:`N(\mu, \sigma^2)`, learnt. Given the inputs of a star, the sums are
    independent Gaussians, and they are drawn instead of the weights, for every star of the batch,

    .. math:: y \sim N\left(x \mu + b,\; x^2 \sigma^2\right),

    which needs fewer random numbers and gives gradients of less variance. In training and in prediction alike. The
    loss gains the divergence from the prior over `n_train`, as with `DenseFlipout`.

    Parameters
    ----------
    units : int
        Number of outputs.
    activation, use_bias, kernel_initializer, bias_initializer : str, bool, str, str, optional
        As with `DenseFlipout`.
    initial_std, prior_std, n_train, disable, seed, name : float, float, int, bool, int, str, optional
        As with `DenseFlipout`.
    **kwargs
        Other arguments of `keras.layers.Layer`.

    Raises
    ------
    ValueError
        If a size or a standard deviation is not positive; for inputs with other axes than (n_stars, n_inputs); in
        training, if `n_train` is not known.

    See Also
    --------
    DenseFlipout : Draws weights; also for inputs with more axes.

    Notes
    -----
    The layer of this name in tensorflow-probability draws one set of weights for the whole batch; this one is the
    *local* reparameterisation of the paper.

    Inputs of more axes are refused: the positions of a star share its weights, and independent sums would not.

    `MonteCarloEngine` draws one set of weights a pass, shared by the stars of a block. With wide inputs
    ``sampling="per_star"`` is faster here: it uses the layer's own call, with one random number for each sum.

    References
    ----------
    Kingma, Salimans & Welling 2015, arXiv:1506.02557.

    Examples
    --------
    >>> import numpy as np
    >>> layer = DenseReparameterization(1, initial_std=0.5, seed=1)
    >>> x = np.full((10000, 4), 3.0, "float32")  # the standard deviation of the sum is sqrt(4) 3 0.5 = 3
    >>> abs(float(keras.ops.std(layer(x))) - 3.0) < 0.1
    True
    """

    def _kernel_shape(self, input_shape):
        if len(input_shape) != 2:
            raise ValueError(
                f"DenseReparameterization: the inputs must have the axes (n_stars, n_inputs), got the shape "
                f"{tuple(input_shape)}. Flatten them, or use DenseFlipout, which takes more axes."
            )
        return (self._number_of_features(input_shape), self.units)

    def _draw(self, inputs):
        return local_reparameterization(self, inputs)

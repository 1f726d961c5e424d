"""Mean and variance of predicted mixtures, as the outputs that a Bayesian network has."""

import keras
from keras import ops

from astroNN.nn.distributions import GaussianMixture

__all__ = ["MixtureMoments"]


@keras.saving.register_keras_serializable(package="astroNN")
class MixtureMoments(keras.layers.Layer):
    r"""Mean and logarithm of the variance of mixtures of Gaussians.

    .. math:: \mu = \sum_k w_k m_k , \qquad
              \ln \sigma^2 = \ln \sum_k w_k \left[ s_k^2 + (m_k - \mu)^2 \right]

    Takes the output of `MixtureDensity`, shape (n_stars, n_labels, 3, n_components), and gives the dictionary
    ``{"output": mean, "variance_output": log_variance}``, each of shape (n_stars, n_labels): what
    `astroNN.models.BayesianCNNBase` expects of a network. It has no weights.

    Parameters
    ----------
    name : str, optional
        Name of the layer.
    **kwargs
        Other arguments of `keras.layers.Layer`.

    Raises
    ------
    ValueError
        If the inputs have another shape.

    See Also
    --------
    astroNN.nn.distributions.GaussianMixture : The whole distribution.

    Examples
    --------
    >>> import numpy as np
    >>> parameters = np.array([[[[-1.0, 1.0], [0.0, 0.0], [0.0, 0.0]]]], "float32")  # means -1 and 1, scales 1
    >>> moments = MixtureMoments()(parameters)
    >>> round(float(moments["output"][0, 0]), 4), round(float(np.exp(moments["variance_output"][0, 0])), 4)
    (0.0, 2.0)
    """

    def __init__(self, name=None, **kwargs):
        super().__init__(name=name, **kwargs)
        # In half precision means of close components would fall together: the inputs stay as they are.
        self.autocast = False

    def call(self, inputs):
        mixture = GaussianMixture.from_parameters(inputs)
        return {"output": mixture.mean(), "variance_output": ops.log(mixture.variance())}

    def compute_output_spec(self, inputs):
        _check_shape(inputs.shape)
        dtype = "float64" if inputs.dtype == "float64" else "float32"
        return {
            name: keras.KerasTensor(shape, dtype) for name, shape in self.compute_output_shape(inputs.shape).items()
        }

    def compute_output_shape(self, input_shape):
        _check_shape(input_shape)
        return {"output": tuple(input_shape[:2]), "variance_output": tuple(input_shape[:2])}


def _check_shape(shape):
    if len(shape) != 4 or shape[2] != 3:
        raise ValueError(
            "MixtureMoments: the inputs must have the shape (n_stars, n_labels, 3, n_components) that a "
            f"`MixtureDensity` layer gives, got {tuple(shape)}."
        )

"""Convolution layers with a distribution over their weights."""

import keras
from keras import ops

from astroNN.nn.layers._variational import VariationalLayer, checked_sizes, flipout

__all__ = ["Conv1DFlipout", "Conv2DFlipout"]

_PADDINGS = ("valid", "same")


class _VariationalConv(VariationalLayer):
    _rank = None  # number of spatial axes

    def __init__(
        self,
        filters,
        kernel_size,
        strides=1,
        padding="valid",
        data_format=None,
        dilation_rate=1,
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
        owner = type(self).__name__
        self.filters = checked_sizes(owner, "filters", filters)
        self.kernel_size = checked_sizes(owner, "kernel_size", kernel_size, self._rank)
        self.strides = checked_sizes(owner, "strides", strides, self._rank)
        self.dilation_rate = checked_sizes(owner, "dilation_rate", dilation_rate, self._rank)
        if padding not in _PADDINGS:
            raise ValueError(f"{owner}: `padding` must be one of {_PADDINGS}, got padding={padding!r}.")
        if data_format not in (None, "channels_last"):
            raise ValueError(
                f'{owner}: `data_format` must be "channels_last" (or None, which means it here), got '
                f"data_format={data_format!r}. Move the channels to the last axis with keras.layers.Permute."
            )
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise ValueError(
                f"{owner}: `strides` and `dilation_rate` can't both be above 1, got strides={self.strides} and "
                f"dilation_rate={self.dilation_rate}."
            )
        self.padding, self.data_format = padding, "channels_last"

    def compute_output_shape(self, input_shape):
        spatial = zip(input_shape[1:-1], self.kernel_size, self.strides, self.dilation_rate, strict=True)
        return (input_shape[0], *(self._output_length(*axis) for axis in spatial), self.filters)

    def get_config(self):
        config = {
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "padding": self.padding,
            "data_format": self.data_format,
            "dilation_rate": self.dilation_rate,
        }
        return {**super().get_config(), **config}

    def _output_length(self, length, kernel, stride, dilation):
        if length is None:
            return None
        if self.padding == "valid":
            length -= dilation * (kernel - 1)
        if length < 1:
            raise ValueError(
                f"{type(self).__name__}: the inputs are shorter than the kernel (kernel_size={self.kernel_size}, "
                f"dilation_rate={self.dilation_rate}, padding={self.padding!r})."
            )
        return (length - 1) // stride + 1

    def _kernel_shape(self, input_shape):
        if len(input_shape) != self._rank + 2 or input_shape[-1] is None:
            axes = ", ".join(("n_pixels",) if self._rank == 1 else ("height", "width"))
            raise ValueError(
                f"{type(self).__name__}: the inputs must have the axes (n_stars, {axes}, channels), with a fixed "
                f"number of channels, got the shape {tuple(input_shape)}."
            )
        self.compute_output_shape(input_shape)
        return (*self.kernel_size, input_shape[-1], self.filters)

    def _linear(self, inputs, kernel):
        return ops.conv(
            inputs,
            kernel,
            strides=self.strides,
            padding=self.padding,
            data_format=self.data_format,
            dilation_rate=self.dilation_rate,
        )

    def _draw(self, inputs):
        return flipout(self, inputs)


@keras.saving.register_keras_serializable(package="astroNN")
class Conv1DFlipout(_VariationalConv):
    r"""Convolution along spectra whose kernel is drawn anew in each call, with the Flipout estimator.

    As `DenseFlipout`, with a convolution (:math:`*`) in place of the product. The signs of a star are those of its
    input channels (s) and filters (r), the same at all pixels, so that each star sees one kernel:

    .. math:: y = x * \mu + \left[(x \circ s) * (\sigma \circ \epsilon)\right] \circ r + b

    Parameters
    ----------
    filters : int
        Number of output channels.
    kernel_size : int or sequence of one int
        Pixels of the kernel.
    strides : int or sequence of one int, optional
        As in `keras.layers.Conv1D`. Default 1.
    padding : {"valid", "same"}, optional
        Default "valid".
    data_format : {"channels_last"}, optional
        Only (n_stars, n_pixels, channels) is taken, whatever Keras' settings.
    dilation_rate : int or sequence of one int, optional
        As in `keras.layers.Conv1D`; this or `strides` must be 1. Default 1.
    activation, use_bias, kernel_initializer, bias_initializer : str, bool, str, str, optional
        As with `DenseFlipout`.
    initial_std, prior_std, n_train, disable, seed, name : float, float, int, bool, int, str, optional
        As with `DenseFlipout`.
    **kwargs
        Other arguments of `keras.layers.Layer`.

    Raises
    ------
    ValueError
        If a size or a standard deviation is not positive; for inputs with other axes, or shorter than the kernel;
        in training, if `n_train` is not known.

    See Also
    --------
    DenseFlipout : What the posterior, the prior and `n_train` are.

    References
    ----------
    Wen et al. 2018, arXiv:1803.04386.

    Examples
    --------
    >>> import numpy as np
    >>> layer = Conv1DFlipout(4, 8, padding="same", activation="relu", seed=1)
    >>> tuple(layer(np.ones((2, 100, 1), "float32")).shape)
    (2, 100, 4)
    """

    _rank = 1


@keras.saving.register_keras_serializable(package="astroNN")
class Conv2DFlipout(_VariationalConv):
    r"""Convolution over images whose kernel is drawn anew in each call, with the Flipout estimator.

    As `Conv1DFlipout`, with two axes,

    .. math:: y = x * \mu + \left[(x \circ s) * (\sigma \circ \epsilon)\right] \circ r + b

    Parameters
    ----------
    filters : int
        Number of output channels.
    kernel_size : int or sequence of two ints
        Height and width of the kernel.
    strides : int or sequence of two ints, optional
        As in `keras.layers.Conv2D`. Default 1.
    padding : {"valid", "same"}, optional
        Default "valid".
    data_format : {"channels_last"}, optional
        Only (n_stars, height, width, channels) is taken, whatever Keras' settings.
    dilation_rate : int or sequence of two ints, optional
        As in `keras.layers.Conv2D`; this or `strides` must be 1. Default 1.
    activation, use_bias, kernel_initializer, bias_initializer : str, bool, str, str, optional
        As with `DenseFlipout`.
    initial_std, prior_std, n_train, disable, seed, name : float, float, int, bool, int, str, optional
        As with `DenseFlipout`.
    **kwargs
        Other arguments of `keras.layers.Layer`.

    Raises
    ------
    ValueError
        As `Conv1DFlipout`.

    See Also
    --------
    DenseFlipout : What the posterior, the prior and `n_train` are.

    References
    ----------
    Wen et al. 2018, arXiv:1803.04386.

    Examples
    --------
    >>> import numpy as np
    >>> layer = Conv2DFlipout(4, (3, 5), strides=2, seed=1)
    >>> tuple(layer(np.ones((2, 28, 28, 1), "float32")).shape)
    (2, 13, 12, 4)
    """

    _rank = 2

"""GaMorNet: are galaxies dominated by their disk or by their bulge? The network, and its Bayesian sister."""

from dataclasses import dataclass

import keras
import numpy as np
from keras import layers

from astroNN.data import MORPHOLOGY_CLASSES
from astroNN.models import _data
from astroNN.models._blocks import Blocks
from astroNN.models._requirements import check_images, check_inputs, check_table_of_labels
from astroNN.models.base_bayesian_cnn import BayesianCNNBase
from astroNN.models.base_cnn import CNNBase, blank
from astroNN.nn.layers import ChannelResponseNormalization, SpatialResponseNormalization
from astroNN.nn.utilities.normalizer import Normalizer
from astroNN.shared.errors import ConfigurationError
from astroNN.shared.setting_checks import check_one_of

__all__ = ["FIRST_SPREAD", "FLAVOURS", "INPUT_SHAPES", "GaMorNet", "GaMorNetBCNN", "checked_input_shape"]

#: shapes of the images that the published networks take: SDSS g band, CANDELS H band
INPUT_SHAPES = {"SDSS": (167, 167, 1), "CANDELS": (83, 83, 1)}

#: bias before the softplus with which the head of the spreads starts, its kernel being 0: a spread of 0.018 for all.
#: From a large one the quickest way down is to make all images look alike, and the classes are never learnt.
FIRST_SPREAD = -4.0

_FIRST_STRIDE = 4
_POOL_STRIDE = 2
_POOLED = (1, 2, 5)  # convolutions with a pooling and a normalisation behind them
_DENSE_ACTIVATION = "tanh"


@dataclass(frozen=True)
class Flavour:
    """In what the two published versions of the network differ."""

    normalisation: type
    #: standard deviation of the initial weights of dense layers
    dense_stddev: float
    #: largest norm of the gradient of all weights together, None: any
    gradient_norm: float | None


FLAVOURS = {
    "keras": Flavour(SpatialResponseNormalization, 0.05, None),
    "tflearn": Flavour(ChannelResponseNormalization, 0.02, 5.0),
}


class _GaMorNetLayers(Blocks):
    """Mixin: settings, layers and optimiser that both networks share."""

    _references = ("ghosh2020",)
    _tasks = ("classification",)

    def _set_defaults(self, lr, flavour, dropout_rate):
        check_one_of("flavour", flavour, FLAVOURS)
        self.lr, self.flavour, self.dropout_rate = lr, flavour, dropout_rate
        self.momentum, self.nesterov = 0.9, False
        self.initializer = keras.initializers.VarianceScaling(1.0, "fan_in", "uniform")
        self.activation = "relu"
        self.num_filters = [96, 256, 384, 384, 256]
        self.filter_len = [11, 5, 3, 3, 3]
        self.pool_length = 3
        self.num_hidden = [4096, 4096]
        self.max_epochs = 100
        self.task = "classification"
        self.input_norm_mode = self.labels_norm_mode = 0
        self.targetname = list(MORPHOLOGY_CLASSES)

    def build(self, input_shape):
        """Build the network for images of a shape without training it, so that weights can be put into it.

        `fit` and `load_folder` build networks by themselves. A network that is built here predicts from its initial
        weights until others are put in, see :doc:`/gamornet`; missing pixels count as 0.

        Parameters
        ----------
        input_shape : {"SDSS", "CANDELS"} or tuple of 3 int
            Height, width and bands of the images, or the survey: (167, 167, 1) or (83, 83, 1).

        Returns
        -------
        GaMorNet or GaMorNetBCNN
            This network.

        Raises
        ------
        ConfigurationError
            (a ValueError) If the network is built already, or is to normalise images, for which it needs some.
        ValueError
            For a shape that can't be used.

        Examples
        --------
        >>> from astroNN.models import GaMorNet
        >>> net = GaMorNet()
        >>> net.num_filters, net.num_hidden = [4, 4, 4, 4, 4], [8, 8]  # small, for the example
        >>> net.build("CANDELS").input_shape
        (None, 83, 83, 1)
        """
        if self.has_model:
            raise ConfigurationError(
                f"build: this {type(self).__name__} is built already, for images of the shape "
                f"{self.input_shape[1:]}. Make a new one."
            )
        self._check_settings()
        if str(self.input_norm_mode) != "0":
            raise ConfigurationError(
                f"build: with input_norm_mode {self.input_norm_mode!r} the images to train on give the "
                "normalisation. Call `fit`, or set input_norm_mode = 0, with which GaMorNet was published."
            )
        self._input_shape = {"input": checked_input_shape(input_shape)}
        self._labels_shape = {"output": len(self.targetname)}
        self.input_names, self.output_names = ["input"], ["output"]
        self._check_shapes()
        self.input_normalizer = _without_effect("input", self.verbose)
        self.labels_normalizer = _without_effect("output", self.verbose)
        self._publish_statistics()
        self.compile()
        self._is_only_built = True
        return self

    def _check_shapes(self):
        for setting, number in (("num_filters", 5), ("filter_len", 5), ("num_hidden", 2)):
            values = getattr(self, setting)
            if not isinstance(values, list | tuple) or len(values) != number:
                raise ConfigurationError(
                    f"{setting} of {type(self).__name__} must be {number} numbers, got {values}."
                )
        check_inputs(self)
        check_images(self, (self.filter_len[0],) * 2)
        check_table_of_labels(self)
        n_labels = self._labels_shape["output"]
        if n_labels != len(self.targetname):
            raise ValueError(
                f"`labels` of {type(self).__name__} must have the {len(self.targetname)} columns "
                f"{', '.join(self.targetname)}, of which one is 1 in every row, got {n_labels}. For other classes "
                "set `targetname` to their names first."
            )

    def _features(self, images):
        """Layers 2 to 12 of the paper, and their output as one row an image."""
        x = images
        for number in range(1, 6):
            x = layers.Activation(self.activation)(self._convolution(number)(x))
            if number in _POOLED:
                x = layers.MaxPooling2D(self.pool_length, strides=_POOL_STRIDE, padding="same")(x)
                x = self._flavour.normalisation()(x)
        return layers.Flatten()(x)

    def _convolution(self, number):
        return layers.Conv2D(
            self.num_filters[number - 1],
            self.filter_len[number - 1],
            strides=_FIRST_STRIDE if number == 1 else 1,
            padding="same",
            name=f"conv_{number}",
            **self.weight_settings(),
        )

    def _hidden(self, x, dropout):
        """Layers 13 to 16: two dense ones, with dropout behind each."""
        for number in (1, 2):
            dense = self._dense(self.num_hidden[number - 1], f"hidden_{number}")
            x = dropout()(layers.Activation(_DENSE_ACTIVATION)(dense(x)))
        return x

    def _dense(self, units, name, **settings):
        initializer = keras.initializers.TruncatedNormal(stddev=self._flavour.dense_stddev)
        settings |= self.weight_settings() | {"kernel_initializer": self.fresh_initializer(initializer)}
        return layers.Dense(units, name=name, **settings)

    @property
    def _flavour(self):
        check_one_of("flavour", self.flavour, FLAVOURS)
        return FLAVOURS[self.flavour]

    def _new_optimizer(self, optimizer=None):
        if optimizer is not None or self.optimizer is not None:
            return super()._new_optimizer(optimizer)
        self._rate_is_ours = True
        return keras.optimizers.SGD(
            self.lr, momentum=self.momentum, nesterov=self.nesterov, global_clipnorm=self._flavour.gradient_norm
        )


class GaMorNet(_GaMorNetLayers, CNNBase):
    r"""Galaxy Morphology Network: probabilities that a galaxy's light is that of a disk, of a bulge, or of both.

    An AlexNet on images of one band (or more): five convolutions, three of them with a maximum over 3x3 pixels and
    local response normalisation behind, and three dense layers with dropout between. The classes, in this order, are
    disk-dominated (bulge-to-total light ratio below 0.45), indeterminate, and bulge-dominated (above 0.55).

    Parameters
    ----------
    lr : float, optional
        Learning rate, default 1e-4.
    flavour : {"keras", "tflearn"}, optional
        Which of the two published versions. ``"keras"`` (default) normalises over space
        (`astroNN.nn.layers.SpatialResponseNormalization`); ``"tflearn"``, the network of the paper, across channels
        (`astroNN.nn.layers.ChannelResponseNormalization`), starts from smaller dense weights, and limits the norm of
        the gradient to 5. Weights belong to one flavour.

    Attributes
    ----------
    momentum : float
        Of the gradient descent, default 0.9.
    nesterov : bool
        Whether it is Nesterov's. Default False.

    See Also
    --------
    GaMorNetBCNN : With uncertainties.

    Notes
    -----
    Images are not normalised (``input_norm_mode`` 0), as in the paper: raw fluxes go in. Trained by stochastic
    gradient descent with momentum, 64 images a step, unless ``optimizer`` is set. `build` makes the network without
    training.

    References
    ----------
    Ghosh, Urry, Wang, Schawinski, Turp & Powell 2020, ApJ 895, 112, arXiv:2006.14639.

    Examples
    --------
    >>> from astroNN.models import GaMorNet
    >>> GaMorNet().targetname
    ['disk-dominated', 'indeterminate', 'bulge-dominated']
    """

    def __init__(self, lr=0.0001, flavour="keras"):
        super().__init__()
        self._set_defaults(lr, flavour, dropout_rate=0.5)

    def model(self):
        """Functional Keras model from ``input`` to ``output``.

        Returns
        -------
        keras.Model
            Not compiled.
        """
        images = keras.Input(self._input_shape["input"], name="input")
        x = self._hidden(self._features(images), self.dropout)
        classes = self._dense(self._labels_shape["output"], "output", activation=self._last_layer_activation)(x)
        return keras.Model(inputs={"input": images}, outputs=classes)


class GaMorNetBCNN(_GaMorNetLayers, BayesianCNNBase):
    r"""`GaMorNet` whose dropout stays on (Monte Carlo dropout), so that its probabilities have a spread.

    A second head beside the classes predicts the standard deviations of their logits (Kendall & Gal 2017). It starts
    with next to none for all images.

    Parameters
    ----------
    lr : float, optional
        Learning rate, default 1e-4.
    dropout_rate : float, optional
        Fraction of units dropped behind each of the two dense layers, default 0.5.
    flavour : {"keras", "tflearn"}, optional
        As in `GaMorNet`. Default ``"keras"``.

    Attributes
    ----------
    momentum, nesterov : float, bool
        As in `GaMorNet`.

    See Also
    --------
    GaMorNet : Without uncertainties.

    References
    ----------
    Ghosh et al. 2020, ApJ 895, 112, arXiv:2006.14639; Gal & Ghahramani 2016, arXiv:1506.02142.

    Examples
    --------
    >>> from astroNN.models import GaMorNetBCNN
    >>> GaMorNetBCNN(flavour="tflearn").mc_num
    100
    """

    def __init__(self, lr=0.0001, dropout_rate=0.5, flavour="keras"):
        super().__init__()
        self._set_defaults(lr, flavour, dropout_rate)

    def model(self):
        """Functional Keras models: with logits, to train; with probabilities, to predict.

        Returns
        -------
        training : keras.Model
            From ``input`` to ``output``, the logits, and ``variance_output``.
        prediction : keras.Model
            The same layers, with probabilities in the place of the logits.
        """
        images = keras.Input(self._input_shape["input"], name="input")
        x = self._hidden(self._features(images), self.mc_dropout)
        logits = self._dense(self._labels_shape["output"], "output")(x)
        first = keras.initializers.Constant(FIRST_SPREAD)
        variance = self.head("variance_output", "softplus", initializer="zeros", bias_initializer=first)(x)
        probabilities = layers.Activation(self._last_layer_activation)(logits)
        inputs = {"input": images}
        return (
            keras.Model(inputs=inputs, outputs={"output": logits, "variance_output": variance}),
            keras.Model(inputs=inputs, outputs={"output": probabilities, "variance_output": variance}),
        )

    def predict_probabilities(self, input_data, *, mask=None, sampling="exact"):
        """Probabilities of the classes, with their spread, where `predict` gives the most probable class.

        Parameters
        ----------
        input_data, mask : array or dict of arrays
            As in `predict`.
        sampling : {"exact", "per_star", "fast"}, optional
            As in `predict`. Default ``"exact"``.

        Returns
        -------
        probabilities : array of float32, shape (n_images, n_classes)
            Means over ``mc_num`` thinned networks.
        spread : array of float32, shape (n_images, n_classes)
            Their standard deviations. Both are NaN, with a warning, for an image without a good pixel.

        Raises
        ------
        AttributeError
            If the network was not trained, or ``mc_num`` is below 2.
        ValueError, TypeError
            For data that can't be used.
        """
        self.has_model_check()
        self._check_settings()
        inputs, masks = _data.checked_inputs(self, input_data, mask)
        mean, variance, _ = self._monte_carlo(inputs, masks, sampling)
        probabilities, spread = mean.astype("float32"), np.sqrt(variance).astype("float32")
        return blank(_data.empty_stars(inputs, masks), probabilities, spread)


def checked_input_shape(input_shape):
    """Height, width and bands of images, from those numbers or from the name of a survey.

    Parameters
    ----------
    input_shape : {"SDSS", "CANDELS"} or sequence of 3 int
        Name or numbers.

    Returns
    -------
    tuple of 3 int
        Height, width and bands.

    Raises
    ------
    ValueError
        If it is neither.

    Examples
    --------
    >>> checked_input_shape("CANDELS")
    (83, 83, 1)
    """
    known = ", ".join(f'"{name}" {shape}' for name, shape in INPUT_SHAPES.items())
    if isinstance(input_shape, str) and input_shape in INPUT_SHAPES:
        return INPUT_SHAPES[input_shape]
    is_shape = isinstance(input_shape, tuple | list | np.ndarray) and len(input_shape) == 3
    if not is_shape or not all(_is_size(n) for n in input_shape):
        raise ValueError(
            f"`input_shape` must be three whole numbers, (height, width, bands), or one of {known}; got "
            f"{input_shape!r}."
        )
    return tuple(int(n) for n in input_shape)


def _is_size(n):
    return isinstance(n, int | np.integer) and not isinstance(n, bool) and n > 0


def _without_effect(name, verbose):
    """A normaliser that leaves what has this name as it is."""
    normalizer = Normalizer("0", verbose)
    normalizer.mean_labels, normalizer.std_labels = {name: np.zeros(1, "float32")}, {name: np.ones(1, "float32")}
    normalizer.fill = {name: np.zeros(1, "float32")}
    return normalizer

"""A Bayesian network in which every element is measured from its own spectral windows."""

import keras
from keras import layers

from astroNN.apogee import aspcap_mask
from astroNN.models._blocks import Blocks
from astroNN.models._plotted import ASPCAP_plots
from astroNN.models.base_bayesian_cnn import BayesianCNNBase
from astroNN.nn.layers import BoolMask, StopGrad

__all__ = ["ApogeeBCNNCensored"]

#: order of the labels; Fe, with Teff and log g, comes from the whole spectrum
CENSORED_LABELS = "teff logg C C1 N O Na Mg Al Si P S K Ca Ti Ti2 V Cr Mn Fe Co Ni".split()
_WHOLE_SPECTRUM = ("teff", "logg", "Fe")
_N_PIXELS = 7514
# The windows of these two, molecular bands, are wide: their layers have more units by these factors.
_WIDE = ("C", "N")
_WIDER_BY = (8, 4)


class ApogeeBCNNCensored(Blocks, ASPCAP_plots, BayesianCNNBase):
    """Bayesian network in which every element sees only its own ASPCAP windows (data release 14).

    Abundances are correlated in the training set (Al rises with Mg), and a network that sees the whole spectrum
    learns to infer one element from the lines of another. Here Teff, log g and [Fe/H] come from the whole spectrum,
    as in `ApogeeBCNN`; each other element from the pixels of its windows, two dense layers, the three labels (whose
    gradient is stopped) and two further numbers from the whole spectrum, held small by a norm constraint.

    Parameters
    ----------
    lr : float, optional
        Learning rate, default 0.0005.
    dropout_rate : float, optional
        Fraction of units dropped, default 0.3.

    Attributes
    ----------
    num_hidden : list of 5 int
        Units of the two layers on the whole spectrum (192, 96), of the two on the windows (32, 16; 8 and 4 times as
        many for C and N), and of the numbers from the whole spectrum that every element gets (2).
    maxnorm : float
        Largest norm of the weights of these numbers, default 0.5.

    References
    ----------
    Leung & Bovy 2019, MNRAS 483, 3255, section 3.2; windows: García Pérez et al. 2016, AJ 151, 144.

    Examples
    --------
    >>> from astroNN.models import ApogeeBCNNCensored
    >>> len(ApogeeBCNNCensored().targetname)
    22
    """

    _references = ("leung2019a", "garcia2016")
    _made_in_order = (
        "conv_1", "conv_2", "hidden_1", "hidden_2", "teff", "logg", "fe", "teff_var", "logg_var", "fe_var",
    )  # fmt: skip

    _tasks = ("regression",)

    def __init__(self, lr=0.0005, dropout_rate=0.3):
        super().__init__()
        self.lr = lr
        self.dropout_rate = dropout_rate
        self.initializer = keras.initializers.RandomNormal(mean=0.0, stddev=0.05)
        self.activation = "relu"
        self.num_filters = [2, 4]
        self.filter_len = 8
        self.pool_length = 4
        self.num_hidden = [192, 96, 32, 16, 2]
        self.max_epochs = 50
        self.maxnorm = 0.5
        self.l2 = 5e-9
        self.reduce_lr_epsilon = 0.00005
        self.reduce_lr_min = 1e-8
        self.reduce_lr_patience = 2
        self.input_norm_mode = 3
        self.labels_norm_mode = 2
        self.targetname = list(CENSORED_LABELS)

    def model(self):
        """Functional Keras model from ``input`` to ``output`` and ``variance_output``.

        Returns
        -------
        keras.Model
            Not compiled.
        """
        self._check_shapes()
        spectra = keras.Input(self._input_shape["input"], name="input")
        x = self.bayesian_dense(self.bayesian_convolutions(spectra))
        labels = {label: self._scalar(label.lower())(x) for label in _WHOLE_SPECTRUM}
        log_variances = {label: self._scalar(f"{label.lower()}_var")(x) for label in _WHOLE_SPECTRUM}
        hints = layers.Dense(
            self.num_hidden[4],
            kernel_initializer=self.fresh_initializer(),
            kernel_constraint=keras.constraints.MaxNorm(self.maxnorm),
            name="aux_fullspec",
        )(x)
        known = StopGrad()(layers.Concatenate()([labels[label] for label in _WHOLE_SPECTRUM]))
        hints = layers.Concatenate()([hints, known])
        flat = layers.Flatten()(spectra)
        for element in CENSORED_LABELS:
            if element not in _WHOLE_SPECTRUM:
                labels[element], log_variances[element] = self._element(element, flat, hints)
        outputs = {
            name: layers.Concatenate(name=name)([values[label] for label in CENSORED_LABELS])
            for name, values in (("output", labels), ("variance_output", log_variances))
        }
        return keras.Model(inputs={"input": spectra}, outputs=outputs)

    def _element(self, element, flat, hints):
        """Abundance and log variance of one element, from its windows and the hints."""
        first, second = _WIDER_BY if element in _WIDE else (1, 1)
        name = element.lower()
        x = BoolMask(aspcap_mask(element, dr=14), name=f"{element}_Mask")(flat)
        x = layers.Dense(self.num_hidden[2] * first, self.activation, name=f"{name}_dense", **self.weight_settings())(
            x
        )
        x = self.mc_dropout()(x)
        settings = self.weight_settings(regularized=False)
        x = layers.Dense(self.num_hidden[3] * second, self.activation, name=f"{name}_dense_2", **settings)(x)
        x = layers.Concatenate()([self.mc_dropout()(x), hints])
        return self._scalar(f"{name}_concat")(x), self._scalar(f"{name}_concat_var")(x)

    def _scalar(self, name):
        return self.head(name, units=1)

    def _check_shapes(self):
        super()._check_shapes()
        n_pixels, n_labels = self._input_shape["input"][0], self._labels_shape["output"]
        if n_pixels != _N_PIXELS:
            raise ValueError(
                f"ApogeeBCNNCensored: spectra (`input_data`) must have {_N_PIXELS} pixels (the windows are those of "
                f"data release 14), got {n_pixels}."
            )
        if n_labels != len(CENSORED_LABELS):
            raise ValueError(
                f"ApogeeBCNNCensored: `labels` must have the {len(CENSORED_LABELS)} columns "
                f"{' '.join(CENSORED_LABELS)}, in this order, got {n_labels}. Missing ones may be NaN."
            )

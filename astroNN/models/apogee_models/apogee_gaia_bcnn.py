"""Spectro-photometric distances: luminosities from spectra, learned from Gaia's parallaxes."""

import math

import keras
import numpy as np
from keras import layers, ops

from astroNN.models._blocks import Blocks
from astroNN.models.apogee_models._gaia_layers import FAKEMAG_SCALE, ApparentParallax, DeNormAdd
from astroNN.models.base_bayesian_cnn import BayesianCNNBase
from astroNN.nn.layers import BoolMask
from astroNN.shared.missing import missing_elements

__all__ = ["ApogeeDR14GaiaDR2BCNN"]

_N_PIXELS = 7514


class ApogeeDR14GaiaDR2BCNN(Blocks, BayesianCNNBase):
    """Bayesian network that is trained on parallaxes and predicts luminosities (fakemag).

    Luminosity is what a spectrum tells; a parallax is what is measured. One part of the network turns the spectrum
    into a luminosity, which with the apparent magnitude gives the parallax; another, which sees colour, magnitude or
    temperature, learns the zero-point offset of Gaia's parallaxes. `fit` takes parallaxes (mas), `predict` gives the
    pseudo-luminosity fakemag, parallax times 10^(m/5). The spreads are calibrated on the fakemag that the parallaxes
    of the validation stars stand for, the offset taken off.

    Parameters
    ----------
    lr : float, optional
        Learning rate, default 0.001.
    dropout_rate : float, optional
        Fraction of units dropped, default 0.3.

    Notes
    -----
    Columns of the input: 7514 pixels; the apparent Ks magnitude, corrected for extinction; one or more columns for
    the zero-point offset. All are centred only (``input_norm_mode`` 3).

    The labels are scaled but not centred (``labels_norm_mode`` 4), since a prediction is no parallax: with mode 2,
    the default of version 1, the mean parallax is added to the predicted fakemag. Old folders keep their mode.

    References
    ----------
    Leung & Bovy 2019, MNRAS 489, 2079, arXiv:1902.08634.

    Examples
    --------
    >>> from astroNN.models import ApogeeDR14GaiaDR2BCNN
    >>> ApogeeDR14GaiaDR2BCNN().num_hidden  # two layers for the luminosity, two for the offset
    [162, 64, 32, 16]
    """

    _references = ("leung2019b",)
    _made_in_order = ("offset_1", "offset_2", "conv_1", "conv_2", "hidden_1", "hidden_2")

    _tasks = ("regression",)

    def __init__(self, lr=0.001, dropout_rate=0.3):
        super().__init__()
        self.lr = lr
        self.dropout_rate = dropout_rate
        self.initializer = keras.initializers.RandomNormal(mean=0.0, stddev=0.05)
        self.activation = "relu"
        self.num_filters = [2, 4]
        self.filter_len = 8
        self.pool_length = 4
        self.num_hidden = [162, 64, 32, 16]
        self.max_epochs = 100
        self.l2 = 5e-9
        self.reduce_lr_epsilon = 0.00005
        self.reduce_lr_min = 1e-8
        self.reduce_lr_patience = 2
        self.input_norm_mode = 3
        self.labels_norm_mode = 4
        self.targetname = ["Ks-band fakemag"]

    def _check_shapes(self):
        super()._check_shapes()
        self._n_columns()

    def specmask(self):
        """Which input columns are the spectrum.

        Returns
        -------
        array of bool, shape (n_columns,)
            True at the first 7514.
        """
        return np.arange(self._n_columns()) < _N_PIXELS

    def magmask(self):
        """Which input column is the apparent magnitude.

        Returns
        -------
        array of bool, shape (n_columns,)
            True at the one behind the spectrum.
        """
        return np.arange(self._n_columns()) == _N_PIXELS

    def gaia_aux_mask(self):
        """Which input columns are for the zero-point offset.

        Returns
        -------
        array of bool, shape (n_columns,)
            True at those behind the magnitude.
        """
        return np.arange(self._n_columns()) > _N_PIXELS

    def model(self):
        """Two functional Keras models: from ``input`` to parallaxes, for training, and to fakemag.

        Returns
        -------
        training : keras.Model
            From ``input`` to ``output``, the parallax, and ``variance_output``.
        prediction : keras.Model
            The same layers as far as ``output``, the fakemag, and ``variance_output``.
        """
        columns = keras.Input(self._input_shape["input"], name="input")
        flat = layers.Flatten()(columns)
        magnitude = self._magnitude(flat)
        offset = self._offset(BoolMask(self.gaia_aux_mask())(flat))
        spectra = layers.Reshape((_N_PIXELS, 1))(BoolMask(self.specmask())(flat))
        x = self.bayesian_dense(self.bayesian_convolutions(spectra))
        luminosity = self.head("fakemag_output", "softplus")(x)
        log_variance = self.head("fakemag_variance_output")(x)
        parallax, parallax_log_variance = ApparentParallax()([luminosity, log_variance, magnitude, offset])
        inputs = {"input": columns}
        training = {"output": parallax, "variance_output": parallax_log_variance}
        prediction = {
            "output": ops.multiply(luminosity, FAKEMAG_SCALE),
            "variance_output": ops.add(log_variance, math.log(FAKEMAG_SCALE)),
        }
        return keras.Model(inputs=inputs, outputs=training), keras.Model(inputs=inputs, outputs=prediction)

    def _magnitude(self, flat):
        """Apparent magnitude as it was before normalisation."""
        column = np.flatnonzero(self.magmask())
        mean, std = self._column_statistics()
        normalised = BoolMask(self.magmask())(flat)
        return DeNormAdd(mean[column])(ops.multiply(normalised, float(std[column][0])))

    def _offset(self, aux):
        x = aux
        for number, units in enumerate(self.num_hidden[2:], start=1):
            x = layers.Dense(units, "tanh", name=f"offset_{number}", **self.weight_settings())(x)
            x = self.mc_dropout()(x)
        settings = self.weight_settings(regularized=False)
        return layers.Dense(1, "tanh", name="offset_output", **settings)(x)

    def _labels_as_predicted(self, inputs, masks, labels, labels_err):
        """Fakemag that parallaxes stand for, without the zero-point offset; its error is that of the parallax."""
        if type(self).model is not ApogeeDR14GaiaDR2BCNN.model:  # a user's own may predict what it is trained on
            return labels, labels_err
        columns = self._read_inputs(inputs, masks, np.arange(len(labels)))["input"]
        columns = np.asarray(columns, "float64").reshape(len(labels), -1)
        offset = columns[:, self.gaia_aux_mask()]
        for layer in self.keras_model.layers:
            if layer.name.startswith("offset_"):  # one behind the other; dropout off
                kernel, bias = layer.get_weights()
                offset = np.tanh(offset @ kernel + bias)
        magnitude, lacks_one = self._apparent_magnitudes(inputs, masks, columns)
        per_parallax = 10.0 ** (0.2 * magnitude)
        parallaxes = self.labels_normalizer.normalize({"output": labels}, calc=False)["output"]
        parallaxes = np.where(missing_elements(labels) | lacks_one, np.nan, parallaxes)
        fakemag = self.labels_normalizer.denormalize({"output": (parallaxes - offset) * per_parallax})["output"]
        return fakemag, None if labels_err is None else labels_err * per_parallax

    def _apparent_magnitudes(self, inputs, masks, columns):
        """Magnitudes from normalised columns, and which stars have none; both of shape (n_stars, 1)."""
        mean, std = self._column_statistics()
        column = self.magmask()
        given = np.reshape(inputs["input"], (len(columns), -1))[:, column]
        mask = np.reshape(masks["input"], (len(columns), -1))[:, column] if "input" in masks else None
        return columns[:, column] * std[column] + mean[column], missing_elements(given, mask)

    def _column_statistics(self):
        """Mean and scale of every input column in the normalisation."""
        return (np.broadcast_to(np.ravel(s["input"]), self._n_columns()) for s in (self.input_mean, self.input_std))

    def _n_columns(self):
        n_columns = self._input_shape["input"][0]
        needed = (
            f"ApogeeDR14GaiaDR2BCNN: `input_data` must have {_N_PIXELS} pixels, the apparent magnitude, and at least "
            f"one column for the zero-point offset, got {n_columns} columns."
        )
        if n_columns <= _N_PIXELS:
            raise IndexError(needed)
        if n_columns == _N_PIXELS + 1:
            raise ValueError(needed)
        return n_columns

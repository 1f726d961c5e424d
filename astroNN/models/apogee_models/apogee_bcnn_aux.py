"""A Bayesian network from spectra and a few further numbers a star."""

import keras
import numpy as np
from keras import layers

from astroNN.models._blocks import Blocks
from astroNN.models._requirements import check_inputs, check_spectra, check_table_of_labels
from astroNN.models.base_bayesian_cnn import BayesianCNNBase
from astroNN.nn.layers import BoolMask

__all__ = ["ApogeeBCNNaux"]


class ApogeeBCNNaux(Blocks, BayesianCNNBase):
    """Bayesian network whose inputs are a spectrum followed by auxiliary columns.

    The spectrum goes through the convolutions of `ApogeeBCNN`; the auxiliary columns (such as Teff and [Fe/H], to
    predict a mass) join before the dense layers (162 and 64 units).

    Parameters
    ----------
    lr : float, optional
        Learning rate, default 0.001.
    dropout_rate : float, optional
        Fraction of units dropped, default 0.3.

    Attributes
    ----------
    aux_length : int
        Number of auxiliary columns, the last ones of the input. Default 2.

    Examples
    --------
    >>> import numpy as np
    >>> from astroNN.models import ApogeeBCNNaux
    >>> spectra, teff_fe = np.ones((10, 7514)), np.ones((10, 2))
    >>> np.hstack([spectra, teff_fe]).shape  # what `fit` and `predict` take
    (10, 7516)
    """

    _made_in_order = ("conv_1", "conv_2", "hidden_1", "hidden_2")

    def __init__(self, lr=0.001, dropout_rate=0.3):
        super().__init__()
        self.lr = lr
        self.dropout_rate = dropout_rate
        self.initializer = keras.initializers.RandomNormal(mean=0.0, stddev=0.05)
        self.activation = "relu"
        self.num_filters = [2, 4]
        self.filter_len = 8
        self.pool_length = 4
        self.num_hidden = [162, 64, 32, 16]  # the last two have no layer
        self.max_epochs = 100
        self.l2 = 5e-9
        self.reduce_lr_epsilon = 0.00005
        self.reduce_lr_min = 1e-8
        self.reduce_lr_patience = 2
        self.aux_length = 2
        self.input_norm_mode = 2
        self.labels_norm_mode = 2
        self.targetname = ["Mass"]

    def _check_shapes(self):
        check_inputs(self)
        self.aux_mask()
        check_spectra(self, self.pool_length + self.aux_length)
        check_table_of_labels(self)

    def specmask(self):
        """Which input columns are the spectrum.

        Returns
        -------
        array of bool, shape (n_columns,)
            True at the spectrum, which comes first.
        """
        return ~self.aux_mask()

    def aux_mask(self):
        """Which input columns are auxiliary.

        Returns
        -------
        array of bool, shape (n_columns,)
            True at the last ``aux_length`` columns.

        Raises
        ------
        ValueError
            If the input has no column left for the spectrum, or there is no auxiliary column.
        """
        n_columns = self._input_shape["input"][0]
        if not isinstance(self.aux_length, int | np.integer) or not 0 < self.aux_length < n_columns:
            raise ValueError(
                f"ApogeeBCNNaux: `aux_length` must be a whole number from 1 to less than the {n_columns} columns of "
                f"the input (a spectrum followed by the auxiliary columns), got {self.aux_length!r}."
            )
        return np.arange(n_columns) >= n_columns - self.aux_length

    def model(self):
        """Functional Keras model from ``input`` to ``output`` and ``variance_output``.

        Returns
        -------
        keras.Model
            Not compiled.
        """
        columns = keras.Input(self._input_shape["input"], name="input")
        flat = layers.Flatten()(columns)
        spectra = layers.Reshape((-1, 1))(BoolMask(self.specmask())(flat))
        aux = BoolMask(self.aux_mask())(flat)
        x = self.bayesian_dense(layers.Concatenate()([self.bayesian_convolutions(spectra), aux]))
        labels = self.head("output", self._last_layer_activation)(x)
        log_variances = self.head("variance_output")(x)
        return keras.Model(inputs={"input": columns}, outputs={"output": labels, "variance_output": log_variances})

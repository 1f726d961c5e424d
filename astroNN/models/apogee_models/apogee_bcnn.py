"""A Bayesian convolutional network from APOGEE spectra to labels with uncertainties."""

import keras

from astroNN.models._blocks import Blocks
from astroNN.models._plotted import ASPCAP_plots
from astroNN.models.apogee_models._labels import APOGEE_LABELS
from astroNN.models.base_bayesian_cnn import BayesianCNNBase

__all__ = ["ApogeeBCNN"]


class ApogeeBCNN(Blocks, ASPCAP_plots, BayesianCNNBase):
    """Bayesian convolutional network from continuum-normalised spectra to stellar labels.

    Two convolutions (2 and 4 filters of 8 pixels), pooling by 4, two dense layers (196 and 96 units), dropout
    that stays on after all of them but the last, and two heads: the labels and their log variances.

    Parameters
    ----------
    lr : float, optional
        Learning rate, default 0.0005.
    dropout_rate : float, optional
        Fraction of units dropped, default 0.3.

    See Also
    --------
    ApogeeCNN : Without uncertainties.

    References
    ----------
    Leung & Bovy 2019, MNRAS 483, 3255.

    Examples
    --------
    >>> from astroNN.models import ApogeeBCNN
    >>> net = ApogeeBCNN(dropout_rate=0.1)
    >>> net.mc_num
    100
    """

    _references = ("leung2019a",)
    _made_in_order = ("conv_1", "conv_2", "hidden_1", "hidden_2")

    def __init__(self, lr=0.0005, dropout_rate=0.3):
        super().__init__()
        self.lr = lr
        self.dropout_rate = dropout_rate
        self.initializer = keras.initializers.RandomNormal(mean=0.0, stddev=0.05)
        self.activation = "relu"
        self.num_filters = [2, 4]
        self.filter_len = 8
        self.pool_length = 4
        self.num_hidden = [196, 96]
        self.max_epochs = 100
        self.l2 = 5e-9
        self.reduce_lr_min = 1e-8
        self.reduce_lr_patience = 2
        self.reduce_lr_epsilon = 0.00005
        self.input_norm_mode = 3
        self.labels_norm_mode = 2
        self.targetname = list(APOGEE_LABELS)

    def model(self):
        """Functional Keras model from ``input`` to ``output`` and ``variance_output``.

        Returns
        -------
        keras.Model
            Not compiled.
        """
        spectra = keras.Input(self._input_shape["input"], name="input")
        x = self.bayesian_dense(self.bayesian_convolutions(spectra))
        labels = self.head("output", self._last_layer_activation)(x)
        log_variances = self.head("variance_output")(x)
        return keras.Model(inputs={"input": spectra}, outputs={"output": labels, "variance_output": log_variances})

"""A convolutional network from APOGEE spectra to labels."""

import keras
from keras import layers

from astroNN.models._blocks import Blocks
from astroNN.models._plotted import ASPCAP_plots
from astroNN.models.apogee_models._labels import APOGEE_LABELS
from astroNN.models.base_cnn import CNNBase

__all__ = ["ApogeeCNN"]


class ApogeeCNN(Blocks, ASPCAP_plots, CNNBase):
    """Convolutional network from continuum-normalised spectra to stellar labels, without uncertainties.

    Two convolutions (2 and 4 filters of 8 pixels), pooling by 4, two dense layers (196 and 96 units) with
    dropout before each.

    Parameters
    ----------
    lr : float, optional
        Learning rate, default 0.005.

    See Also
    --------
    ApogeeBCNN : The same layers with uncertainties.

    References
    ----------
    Leung & Bovy 2019, MNRAS 483, 3255.

    Examples
    --------
    >>> from astroNN.models import ApogeeCNN
    >>> net = ApogeeCNN()
    >>> net.num_hidden
    [196, 96]
    """

    _references = ("leung2019a",)
    _made_in_order = ("conv_1", "conv_2", "hidden_1", "hidden_2", "dense_output")

    def __init__(self, lr=0.005):
        super().__init__()
        self.lr = lr
        self.initializer = "he_normal"
        self.activation = "relu"
        self.num_filters = [2, 4]
        self.filter_len = 8
        self.pool_length = 4
        self.num_hidden = [196, 96]
        self.max_epochs = 100
        self.reduce_lr_epsilon = 0.00005
        self.reduce_lr_min = 1e-8
        self.reduce_lr_patience = 2
        self.l2 = 1e-5
        self.dropout_rate = 0.1
        self.input_norm_mode = 3
        self.labels_norm_mode = 2
        self.targetname = list(APOGEE_LABELS)

    def model(self):
        """Functional Keras model from ``input`` to ``output``.

        Returns
        -------
        keras.Model
            Not compiled.
        """
        spectra = keras.Input(self._input_shape["input"], name="input")
        x = self.convolution(2)(self.convolution(1)(spectra))
        x = layers.Flatten()(layers.MaxPooling1D(self.pool_length)(x))
        for number in range(1, len(self.num_hidden) + 1):
            x = self.dense(number)(self.dropout()(x))
        labels = layers.Activation(self._last_layer_activation, name="output")(self.head("dense_output")(x))
        return keras.Model(inputs={"input": spectra}, outputs=labels)

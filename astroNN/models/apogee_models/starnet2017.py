"""StarNet, a convolutional network for stellar parameters by other authors, for comparison."""

import keras
from keras import layers

from astroNN.models._blocks import Blocks
from astroNN.models._plotted import ASPCAP_plots
from astroNN.models.base_cnn import CNNBase

__all__ = ["StarNet2017"]


class StarNet2017(Blocks, ASPCAP_plots, CNNBase):
    """StarNet: two convolutions (4 and 16 filters of 8 pixels), pooling by 4, two dense layers, no dropout.

    See Also
    --------
    ApogeeCNN : Fewer filters, and dropout.

    References
    ----------
    Fabbro et al. 2018, MNRAS 475, 2978, arXiv:1709.09182.

    Examples
    --------
    >>> from astroNN.models import StarNet2017
    >>> StarNet2017().targetname
    ['teff', 'logg', 'Fe']
    """

    _references = ("fabbro2018",)
    _made_in_order = ("conv_1", "conv_2", "hidden_1", "hidden_2")

    def __init__(self):
        super().__init__()
        self.name = "StarNet (arXiv:1709.09182)"
        self.lr = 0.0007
        self.initializer = "he_normal"
        self.activation = "relu"
        self.num_filters = [4, 16]
        self.filter_len = 8
        self.pool_length = 4
        self.num_hidden = [256, 128]
        self.max_epochs = 30
        self.l2 = 0.0
        self.reduce_lr_epsilon = 0.00005
        self.reduce_lr_min = 8e-5
        self.reduce_lr_patience = 2
        self.input_norm_mode = 3
        self.labels_norm_mode = 2
        self.targetname = ["teff", "logg", "Fe"]

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
        x = self.dense(2)(self.dense(1)(x))
        labels = self.head("output", self._last_layer_activation, initializer="he_normal")(x)
        return keras.Model(inputs={"input": spectra}, outputs=labels)

"""A convolutional network from echelle diagrams of oscillating stars, and a few further numbers, to labels."""

import keras
import numpy as np
from keras import layers

from astroNN.models._blocks import Blocks
from astroNN.models._requirements import check_images, check_inputs, check_table_of_labels
from astroNN.models.base_cnn import CNNBase

__all__ = ["ApogeeKeplerEchelle"]


class ApogeeKeplerEchelle(Blocks, CNNBase):
    """Convolutional network with two inputs: an echelle diagram (an image), and auxiliary numbers such as Teff.

    Parameters
    ----------
    lr : float, optional
        Learning rate, default 0.002.

    Notes
    -----
    `fit` and `predict` take a dictionary: ``"input"``, images of shape (n_stars, height, width); ``"aux"``, numbers
    of shape (n_stars, n_numbers).

    Examples
    --------
    >>> from astroNN.models import ApogeeKeplerEchelle
    >>> ApogeeKeplerEchelle().input_norm_mode
    {'input': 255, 'aux': 2}
    """

    _made_in_order = ("conv_1", "conv_2", "hidden_1", "hidden_2", "dense_output")

    def __init__(self, lr=0.002):
        super().__init__()
        self.lr = lr
        self.initializer = "glorot_uniform"
        self.activation = "tanh"
        self.num_filters = [2, 4]
        self.filter_len = [8, 8]
        self.pool_length = 4
        self.num_hidden = [64, 32]
        self.max_epochs = 40
        self.reduce_lr_epsilon = 0.00005
        self.reduce_lr_min = 1e-8
        self.reduce_lr_patience = 2
        self.l2 = 0.0
        self.dropout_rate = 0.1
        self.input_norm_mode = {"input": 255, "aux": 2}
        self.labels_norm_mode = 2
        self.targetname = []

    def _check_shapes(self):
        check_inputs(self, ("input", "aux"))
        # Two convolutions without padding, then the pooling.
        length, width = np.broadcast_to(self.filter_len, 2), np.broadcast_to(self.pool_length, 2)
        check_images(self, tuple(int(n) for n in 2 * (length - 1) + width))
        check_table_of_labels(self)

    def model(self):
        """Functional Keras model from ``input`` and ``aux`` to ``output``.

        Returns
        -------
        keras.Model
            Not compiled.
        """
        images = keras.Input(self._input_shape["input"], name="input")
        aux = keras.Input(self._input_shape["aux"], name="aux")
        x = images
        for number in (1, 2):
            x = self.convolution(number, dimensions=2, regularized=False, padding="valid")(x)
        x = layers.Flatten()(layers.MaxPooling2D(self.pool_length)(x))
        x = self.dropout()(self.dense(1)(self.dropout()(x)))
        x = self.dense(2)(layers.Concatenate()([x, layers.Flatten()(aux)]))
        settings = {
            "initializer": self.initializer,
            "kernel_regularizer": self.weight_settings()["kernel_regularizer"],
        }
        x = self.head("dense_output", **settings)(x)
        labels = layers.Activation(self._last_layer_activation, name="output")(x)
        return keras.Model(inputs={"input": images, "aux": aux}, outputs=labels)

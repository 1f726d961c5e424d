"""A small convolutional network that classifies images."""

import keras
import numpy as np
from keras import layers

from astroNN.models._blocks import Blocks
from astroNN.models._requirements import check_images, check_inputs, check_table_of_labels
from astroNN.models.base_cnn import CNNBase

__all__ = ["Cifar10CNN"]


class Cifar10CNN(Blocks, CNNBase):
    """Two convolutions (8 and 16 filters of 3x3), pooling by 4x4, two dense layers with dropout; for ten classes.

    Parameters
    ----------
    lr : float, optional
        Learning rate, default 0.005.

    See Also
    --------
    Galaxy10CNN : The same network for galaxies.

    Examples
    --------
    >>> from astroNN.models import Cifar10CNN
    >>> Cifar10CNN().task
    'classification'
    """

    _made_in_order = ("conv_1", "conv_2", "hidden_1", "hidden_2", "dense_output")

    def __init__(self, lr=0.005):
        super().__init__()
        self.lr = lr
        self.initializer = "he_normal"
        self.activation = "relu"
        self.num_filters = [8, 16]
        self.filter_len = (3, 3)
        self.pool_length = (4, 4)
        self.num_hidden = [256, 128]
        self.max_epochs = 30
        self.reduce_lr_epsilon = 0.00005
        self.reduce_lr_min = 1e-8
        self.reduce_lr_patience = 1
        self.l2 = 1e-4
        self.dropout_rate = 0.1
        self.task = "classification"
        self.input_norm_mode = 255
        self.labels_norm_mode = 0
        self.targetname = "airplane automobile bird cat deer dog frog horse ship truck".split()

    def _check_shapes(self):
        check_inputs(self)
        check_images(self, tuple(int(n) for n in np.broadcast_to(self.pool_length, 2)))
        check_table_of_labels(self)

    def model(self):
        """Functional Keras model from ``input`` to ``output``.

        Returns
        -------
        keras.Model
            Not compiled.
        """
        images = keras.Input(self._input_shape["input"], name="input")
        x = self.convolution(2, dimensions=2)(self.convolution(1, dimensions=2)(images))
        x = layers.Flatten()(layers.MaxPooling2D(self.pool_length)(x))
        x = self.dense(1)(self.dropout()(x))
        x = self.dense(2, kernel_constraint=keras.constraints.MaxNorm(2))(self.dropout()(x))
        classes = layers.Activation(self._last_layer_activation, name="output")(self.head("dense_output")(x))
        return keras.Model(inputs={"input": images}, outputs=classes)

"""A small Bayesian network that classifies images."""

import keras
import numpy as np
from keras import layers

from astroNN.models._blocks import Blocks
from astroNN.models._requirements import check_images, check_inputs, check_table_of_labels
from astroNN.models.base_bayesian_cnn import BayesianCNNBase

__all__ = ["MNIST_BCNN"]


class MNIST_BCNN(Blocks, BayesianCNNBase):
    """Bayesian classifier of images in ten classes, such as the handwritten digits of MNIST.

    Two convolutions (8 and 16 filters of 3x3) and two dense layers with dropout that stays on; two heads: the logits
    of the classes and the standard deviations of the logits.

    Parameters
    ----------
    lr : float, optional
        Learning rate, default 0.005.

    Examples
    --------
    >>> from astroNN.models import MNIST_BCNN
    >>> MNIST_BCNN().targetname[7]
    'Seven'
    """

    _made_in_order = ("conv_1", "conv_2", "hidden_1", "hidden_2")

    _tasks = ("classification",)

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
        self.targetname = "Zero One Two Three Four Five Six Seven Eight Nine".split()

    def _check_shapes(self):
        check_inputs(self)
        check_images(self, tuple(int(n) for n in np.broadcast_to(self.pool_length, 2)))
        check_table_of_labels(self)

    def model(self):
        """Functional Keras models: with logits, to train; with probabilities, to predict.

        Returns
        -------
        training : keras.Model
            From ``input`` to ``output``, the logits, and ``variance_output``.
        prediction : keras.Model
            The same layers, with probabilities in the place of the logits.

        Raises
        ------
        RuntimeError
            If the task is another than classification.
        """
        if self.task != "classification":
            raise RuntimeError(f'MNIST_BCNN: only the task "classification" is supported, got {self.task!r}.')
        images = keras.Input(self._input_shape["input"], name="input")
        x = self.mc_dropout()(self.convolution(1, dimensions=2)(images))
        x = self.mc_dropout()(self.convolution(2, dimensions=2)(x))
        x = layers.Flatten()(layers.MaxPooling2D(self.pool_length)(x))
        x = self.mc_dropout()(self.dense(1)(x))
        x = self.dense(2, kernel_constraint=keras.constraints.MaxNorm(2))(x)
        logits = self.head("output")(x)
        variance = self.head("variance_output", "softplus")(x)
        probabilities = layers.Activation(self._last_layer_activation)(logits)
        inputs = {"input": images}
        return (
            keras.Model(inputs=inputs, outputs={"output": logits, "variance_output": variance}),
            keras.Model(inputs=inputs, outputs={"output": probabilities, "variance_output": variance}),
        )

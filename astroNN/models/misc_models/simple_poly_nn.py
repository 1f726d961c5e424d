"""A polynomial, fitted as a network."""

import keras
from keras import layers, regularizers

from astroNN.models._requirements import check_inputs, check_table_of_labels
from astroNN.models.base_cnn import CNNBase
from astroNN.nn.layers import PolyFit

__all__ = ["SimplePolyNN"]


class SimplePolyNN(CNNBase):
    """Polynomial of every input, summed: the smallest network of all, with coefficients that can be read off.

    Parameters
    ----------
    lr : float, optional
        Learning rate, default 0.005.
    init_w : nested lists, shape (degree + 1, n_inputs, n_labels), optional
        Coefficients to start from. Default: small random ones.
    use_xbias : bool, optional
        Add the inputs themselves. Default False.

    Attributes
    ----------
    num_hidden : int
        Degree of the polynomial, default 3.

    Examples
    --------
    >>> from astroNN.models import SimplePolyNN
    >>> SimplePolyNN().num_hidden
    3
    """

    def __init__(self, lr=0.005, init_w=None, use_xbias=False):
        super().__init__()
        self.lr = lr
        self.activation = "linear"
        self.num_hidden = 3
        self.max_epochs = 40
        self.reduce_lr_epsilon = 0.00005
        self.reduce_lr_min = 1e-8
        self.reduce_lr_patience = 2
        self.init_w = init_w
        self.use_xbias = use_xbias
        self.input_norm_mode = self.labels_norm_mode = 0
        self.targetname = ["unbiased_parallax"]

    def _check_shapes(self):
        check_inputs(self)
        check_table_of_labels(self)

    def model(self):
        """Functional Keras model from ``input`` to ``output``.

        Returns
        -------
        keras.Model
            Not compiled.
        """
        inputs = keras.Input(self._input_shape["input"], name="input")
        polynomial = PolyFit(
            deg=self.num_hidden,
            output_units=self._labels_shape["output"],
            use_xbias=self.use_xbias,
            init_w=self.init_w,
            activation=self._last_layer_activation,
            kernel_regularizer=regularizers.L2(self.l2) if self.l2 else None,
            name="output",
        )
        return keras.Model(inputs={"input": inputs}, outputs=polynomial(layers.Flatten()(inputs)))

"""A convolutional variational autoencoder for APOGEE spectra."""

import keras
from keras import layers, regularizers

from astroNN.models._requirements import check_inputs, check_spectra, check_spectra_to_draw
from astroNN.models.base_vae import ConvVAEBase
from astroNN.nn.layers import VAESampling

__all__ = ["ApogeeCVAE"]


class ApogeeCVAE(ConvVAEBase):
    """Variational autoencoder of spectra: two convolutions and two dense layers, and the same back.

    Attributes
    ----------
    latent_dim : int
        Number of latent variables, default 2.

    Examples
    --------
    >>> from astroNN.models import ApogeeCVAE
    >>> ApogeeCVAE().latent_dim
    2
    """

    _made_in_order = (
        "conv_1", "conv_2", "hidden_1", "hidden_2",
        "decoder_hidden_1", "decoder_hidden_2", "decoder_conv_1", "decoder_conv_2",
    )  # fmt: skip

    def __init__(self):
        super().__init__()
        self.batch_size = 64
        self.initializer = "he_normal"
        self.activation = "relu"
        self.num_filters = [2, 4]
        self.filter_len = 8
        self.pool_length = 4
        self.num_hidden = [128, 64]
        self.latent_dim = 2
        self.max_epochs = 100
        self.lr = 5e-4
        self.reduce_lr_epsilon = 0.0005
        self.reduce_lr_min = 1e-10
        self.reduce_lr_patience = 4
        self.epsilon_std = 1.0
        self.l1 = self.l2 = 1e-5
        self.dropout_rate = 0.1
        self.input_norm_mode = self.labels_norm_mode = "2"
        self.targetname = "Spectra Reconstruction"

    def _check_shapes(self):
        check_inputs(self)
        check_spectra(self, self.pool_length)
        check_spectra_to_draw(self)

    def model(self):
        """Functional Keras models of the encoder and of the decoder.

        Returns
        -------
        encoder : keras.Model
            From spectra to the means, the logarithms of the variances, and one draw of the latent variables.
        decoder : keras.Model
            From latent variables to spectra.
        """
        return self._encoder(), self._decoder()

    def _encoder(self):
        spectra = keras.Input(self._input_shape["input"], name="input")
        x = self._dropout()(self._convolution("conv_1", self.num_filters[0])(spectra))
        x = self._dropout()(self._convolution("conv_2", self.num_filters[1])(x))
        x = layers.Flatten()(layers.MaxPooling1D(self.pool_length)(x))
        x = self._dropout()(self._dense("hidden_1", self.num_hidden[0])(x))
        x = self._dense("hidden_2", self.num_hidden[1])(x)
        z_mean = self._dense("mean_output", self.latent_dim, "linear")(x)
        z_log_var = self._dense("sigma_output", self.latent_dim, "linear")(x)
        z = VAESampling(seed=self.next_seed())([z_mean, z_log_var])
        return keras.Model(spectra, [z_mean, z_log_var, z], name="encoder")

    def _decoder(self):
        n_pixels, n_filters = self._labels_shape["output"], self.num_filters
        if isinstance(n_pixels, tuple):
            n_pixels = n_pixels[0]
        return keras.Sequential(
            [
                keras.Input((self.latent_dim,), name="decoder_input"),
                self._dense("decoder_hidden_1", self.num_hidden[1]),
                self._dropout(),
                self._dense("decoder_hidden_2", n_pixels * n_filters[1], regularizer=regularizers.L2(self.l2)),
                self._dropout(),
                layers.Reshape((n_pixels, n_filters[1])),
                self._convolution("decoder_conv_1", n_filters[1]),
                self._dropout(),
                self._convolution("decoder_conv_2", n_filters[0]),
                layers.Conv1D(1, self.filter_len, padding="same", activation="linear", name="output"),
            ],
            name="output",
        )

    def _convolution(self, name, filters):
        return layers.Conv1D(
            filters,
            self.filter_len,
            padding="same",
            activation=self.activation,
            kernel_initializer=self.fresh_initializer(),
            kernel_regularizer=regularizers.L2(self.l2),
            name=name,
        )

    def _dense(self, name, units, activation=None, regularizer=None):
        return layers.Dense(
            units,
            activation=activation or self.activation,
            kernel_initializer=self.fresh_initializer(),
            kernel_regularizer=regularizer or regularizers.L1(self.l1),
            name=name,
        )

    def _dropout(self):
        return layers.Dropout(self.dropout_rate, seed=self.next_seed())

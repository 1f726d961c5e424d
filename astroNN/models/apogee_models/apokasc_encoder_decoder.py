"""An encoder and decoder from spectra to another kind of data: power spectra of light curves."""

import keras
from keras import layers, regularizers

from astroNN.models._requirements import check_inputs, check_spectra, check_spectra_to_draw
from astroNN.models.base_vae import ConvVAEBase
from astroNN.nn.layers import VAESampling

__all__ = ["ApokascEncoderDecoder"]


class ApokascEncoderDecoder(ConvVAEBase):
    """Encoder and decoder from one kind of data to another, such as power spectra of Kepler light curves.

    The latent variables keep what the two kinds have in common. `fit` takes the inputs and, as
    `input_recon_target`, the outputs, whose number must be a multiple of 4.

    Parameters
    ----------
    lr : float, optional
        Learning rate, default 0.0005.
    dropout_rate : float, optional
        Fraction of units dropped, default 0.

    Attributes
    ----------
    latent_dim : int
        Number of latent variables, default 5.

    References
    ----------
    Leung, Bovy, Mackereth & Miglio 2023, MNRAS 522, 4577, arXiv:2302.05479.

    Examples
    --------
    >>> from astroNN.models import ApokascEncoderDecoder
    >>> ApokascEncoderDecoder().latent_dim
    5
    """

    _references = ("leung2023",)
    _made_in_order = ("conv_1", "conv_2", "hidden_1", "decoder_hidden", "decoder_conv_1", "decoder_conv_2")

    def __init__(self, lr=0.0005, dropout_rate=0.0):
        super().__init__()
        self.lr = lr
        self.dropout_rate = dropout_rate
        self.batch_size = 128
        self.initializer = "glorot_uniform"
        self.activation = "relu"
        self.num_filters = [32, 64, 16, 16]
        self.filter_len = [8, 32]
        self.pool_length = 2
        self.num_hidden = [16, 16]
        self.latent_dim = 5
        self.max_epochs = 100
        self.reduce_lr_epsilon = 0.00005
        self.reduce_lr_min = 1e-10
        self.reduce_lr_patience = 6
        self.l1 = self.l2 = 1e-5
        self.input_norm_mode, self.labels_norm_mode = "2", "0"
        self.targetname = "PSD"

    def _check_shapes(self):
        check_inputs(self)
        # Two convolutions halve the length, rounding up, before the pooling.
        check_spectra(self, 4 * (self.pool_length - 1) + 1)
        self._n_outputs()

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
        first, second = self.num_filters[:2]
        length = self.filter_len[0]
        x = self._dropout()(layers.Conv1D(first, length, strides=2, name="conv_1", **self._settings())(spectra))
        x = layers.Conv1D(second, length, strides=2, name="conv_2", **self._settings())(x)
        x = self._dropout()(layers.MaxPooling1D(self.pool_length)(x))
        x = self._dense("hidden_1", self.num_hidden[0], "tanh")(layers.Flatten()(x))
        z_mean = self._dense("z_mean", self.latent_dim)(x)
        z_log_var = self._dense("z_log_var", self.latent_dim)(x)
        z = VAESampling(seed=self.next_seed())([z_mean, z_log_var])
        return keras.Model(spectra, [z_mean, z_log_var, z], name="encoder")

    def _n_outputs(self):
        n_outputs = check_spectra_to_draw(self)
        if n_outputs % 4:
            raise ValueError(
                f"ApokascEncoderDecoder: the number of outputs must be a multiple of 4, as the decoder doubles its "
                f"length twice, got {n_outputs}. Cut or pad `input_recon_target` (by default the inputs)."
            )
        return n_outputs

    def _decoder(self):
        n_outputs = self._n_outputs()
        first, second = self.num_filters[2:]
        length = self.filter_len[1]
        return keras.Sequential(
            [
                keras.Input((self.latent_dim,), name="decoder_input"),
                self._dense("decoder_hidden", n_outputs // 4 * first, self.activation),
                self._dropout(),
                layers.Reshape((n_outputs // 4, first)),
                layers.Conv1DTranspose(first, length, strides=2, name="decoder_conv_1", **self._settings()),
                self._dropout(),
                layers.Conv1DTranspose(second, length, strides=2, name="decoder_conv_2", **self._settings()),
                self._dropout(),
                layers.Conv1DTranspose(1, length, name="output", **(self._settings() | {"activation": "linear"})),
            ],
            name="output",
        )

    def _dense(self, name, units, activation="linear"):
        settings = {key: value for key, value in self._settings().items() if key != "padding"}
        return layers.Dense(units, name=name, **(settings | {"activation": activation}))

    def _settings(self):
        return {
            "padding": "same",
            "activation": self.activation,
            "kernel_initializer": self.fresh_initializer(),
            "kernel_regularizer": regularizers.L2(self.l2),
        }

    def _dropout(self):
        return layers.Dropout(self.dropout_rate, seed=self.next_seed())

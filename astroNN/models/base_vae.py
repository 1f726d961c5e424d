"""Variational autoencoders: networks that learn a few numbers from which a spectrum can be drawn again."""

from contextlib import closing

import keras
import numpy as np
from tqdm.auto import tqdm

from astroNN.models import _data
from astroNN.models._plotted import LatentPlots
from astroNN.models._recipes import autoencoder_parts, rebuilt, warn_of_unused
from astroNN.models.base_master_nn import NeuralNetMaster
from astroNN.models.tasks import task_settings
from astroNN.models.training.variational_autoencoder import VariationalAutoencoder
from astroNN.nn.utilities.data_generators import CVAEDataGenerator, CVAEPredDataGenerator
from astroNN.shared.deprecation import deprecated_alias
from astroNN.shared.sources import Rows, as_sources

__all__ = ["CVAEDataGenerator", "CVAEPredDataGenerator", "ConvVAEBase"]


class ConvVAEBase(LatentPlots, NeuralNetMaster):
    """Base of variational autoencoders; your own derive from it and define `model`.

    `model` returns two functional Keras models: the encoder, from ``input`` to ``[z_mean, z_log_var, z]`` (a list, or
    a dictionary with these keys), where z is drawn by `astroNN.nn.layers.VAESampling`; and the decoder, from z to the
    reconstruction.

    Attributes
    ----------
    latent_dim : int
        Number of latent variables.
    keras_encoder, keras_decoder : keras.Model
        The two halves; `keras_model` (also `keras_vae`) is the whole.

    See Also
    --------
    astroNN.models.ApogeeCVAE : One for APOGEE spectra.

    References
    ----------
    Kingma & Welling 2014, ICLR, arXiv:1312.6114.
    """

    _references = ("kingma2014",)
    _needs_every_label = False
    _tasks = ("regression",)
    _plateau_monitor = "loss"
    _success_monitor = "val_loss"

    def __init__(self):
        super().__init__()
        self.name = "Convolutional Variational Autoencoder"
        self._model_type = "CVAE"
        self.task = "regression"
        self.dropout_rate = 0.0
        self.val_size = 0.1
        self.max_epochs = 100
        self.lr = 0.001
        self.latent_dim = None
        self.input_norm_mode = self.labels_norm_mode = 255
        self.keras_encoder = self.keras_decoder = self.loss = None

    @property
    def keras_vae(self):
        """Another name of `keras_model`."""
        return self.keras_model

    def compile(self, optimizer=None, loss=None, metrics=None, weighted_metrics=None, loss_weights=None):
        """Build the network and prepare it for training; `fit` does so by itself.

        Parameters
        ----------
        optimizer : str or keras.optimizers.Optimizer, optional
            Default: Adam with the network's ``lr``, ``beta_1``, ``beta_2``, ``optimizer_epsilon``.
        loss, metrics, weighted_metrics, loss_weights : optional
            Not used, with a warning: the loss of an autoencoder is the evidence lower bound.

        Raises
        ------
        RuntimeError
            If the task is not regression.
        """
        if self.task != "regression":
            raise RuntimeError(
                f'An autoencoder reconstructs: only the task "regression" is supported, got {self.task!r}.'
            )
        self._last_layer_activation = task_settings(self.task).last_activation
        parts = autoencoder_parts(self._build(), type(self).__name__, VariationalAutoencoder)
        inputs, latent, self.keras_decoder = parts.inputs, parts.latent, parts.decoder
        self.keras_encoder = keras.Model(inputs, latent, name="encoder")
        self._check_input_names(self.keras_encoder)
        outputs = {
            "output": self.keras_decoder(latent["z"]),
            "z_mean": latent["z_mean"],
            "z_log_var": latent["z_log_var"],
        }
        self.keras_model = rebuilt(
            parts.whole, parts.training_class, inputs, outputs, "training", type(self).__name__
        )
        self._compile_model(optimizer, loss, metrics, weighted_metrics, loss_weights)

    def _compile_model(self, optimizer=None, loss=None, metrics=None, weighted_metrics=None, loss_weights=None):
        warn_of_unused(
            "An autoencoder", loss=loss, metrics=metrics, weighted_metrics=weighted_metrics, loss_weights=loss_weights
        )
        self.keras_model.compile(optimizer=self._new_optimizer(optimizer))

    def fit(self, input_data, input_recon_target=None, sample_weight=None, *, mask=None, groups=None, resume=False,
            distribute=None):  # fmt: skip
        """Train on spectra or images.

        Parameters
        ----------
        input_data : array, shape (n_stars, n_pixels) or (n_stars, height, width[, channels]), or dict of arrays
            In physical units. Pixels that are NaN, the magic number or marked in `mask` are missing and become the
            training mean.
        input_recon_target : array, optional
            What is to be reconstructed, one row a star; missing pixels take no part in the loss. Default: the inputs
            themselves, where those marked in `mask` are missing.
        sample_weight : array, shape (n_stars,), optional
            Multiplies each star's loss; 0 leaves a star out of everything.
        mask : array of bool, shape of `input_data`, optional
            True marks a bad pixel.
        groups : array, shape (n_stars,), optional
            One identifier per row; rows of one group never stand on both sides of the split.
        resume : bool, optional
            Go on with the last training, after Ctrl-C or in a network from its checkpoint, with the same arrays; see
            :doc:`/training`. Default False: a new training, from the weights that are there.
        distribute : {None, "auto", "multi_worker"}, optional
            Train on one device (default), on all GPUs of this machine, or in all processes of a job, each of which
            calls `fit` with the same arrays; see :doc:`/distributed`. `batch_size` is that of all together.

        Returns
        -------
        keras.callbacks.History
            Loss and metrics of every epoch.

        Raises
        ------
        ValueError, TypeError, IndexError
            For data that can't be used, before the training starts.
        """
        self._check_settings()
        sample = self._sample(input_data, input_recon_target, mask, sample_weight, groups)
        return self._fit(sample, resume, distribute)

    def fit_on_batch(self, input_data, input_recon_target=None, sample_weight=None, *, mask=None):
        """Train for one epoch on all stars as a single batch.

        Parameters
        ----------
        input_data, input_recon_target, sample_weight, mask : array or dict of arrays
            As in `fit`.

        Returns
        -------
        keras.callbacks.History
            Loss and metrics of the epoch.
        """
        self._check_settings()
        return self._fit_on_batch(self._sample(input_data, input_recon_target, mask, sample_weight))

    def evaluate(self, input_data, labels=None, *, mask=None):
        """Loss of a set of stars, on normalised pixels.

        Parameters
        ----------
        input_data, labels, mask : array or dict of arrays
            As `input_data`, `input_recon_target` and `mask` of `fit`.

        Returns
        -------
        dict
            ``loss``, ``reconstruction_loss`` and ``kl_loss``.
        """
        self.has_model_check()
        return self._evaluate(self._sample(input_data, labels, mask, for_training=False))

    def predict(self, input_data, *, mask=None):
        """Reconstructions, in physical units, each from one draw of the latent variables.

        Parameters
        ----------
        input_data : array or dict of arrays
            As in `fit`.
        mask : array of bool, optional
            True marks a bad pixel.

        Returns
        -------
        array of float32, shape (n_stars, n_pixels, 1) or (n_stars, height, width, channels)
            Another draw at each call.
        """
        self.has_model_check()
        draws = self._encode(input_data, mask)["z"]
        return self.predict_decoder(draws)

    def predict_encoder(self, input_data, *, mask=None):
        """Latent variables of stars.

        Parameters
        ----------
        input_data, mask : array or dict of arrays
            As in `predict`.

        Returns
        -------
        mean : array of float32, shape (n_stars, latent_dim)
            Of every star's latent distribution.
        std : array of float32, shape (n_stars, latent_dim)
            Its standard deviation.
        sample : array of float32, shape (n_stars, latent_dim)
            One draw from it.
        """
        self.has_model_check()
        latent = self._encode(input_data, mask)
        return latent["z_mean"], np.exp(0.5 * latent["z_log_var"]), latent["z"]

    def predict_decoder(self, z):
        """Spectra or images, in physical units, from latent variables.

        Parameters
        ----------
        z : array, shape (n_stars, latent_dim)
            Such as `predict_encoder` gives.

        Returns
        -------
        array of float32, shape (n_stars, n_pixels, 1) or (n_stars, height, width, channels)
            The same for the same `z`.

        Raises
        ------
        ValueError
            If `z` has another shape, or no rows.
        """
        self.has_model_check()
        z = np.asarray(z, dtype="float32")
        n_latent = self.keras_decoder.input_shape[-1]
        if z.ndim != 2 or z.shape[1] != n_latent or len(z) == 0:
            raise ValueError(f"predict_decoder: `z` must have the shape (n_stars, {n_latent}), got {z.shape}.")
        decoded = self.keras_decoder.predict(z, batch_size=self.batch_size, verbose=0)
        shape = self._labels_shape["output"]
        flat = np.asarray(decoded).reshape(len(z), *(shape if isinstance(shape, tuple) else (shape,)))
        restored = self.labels_normalizer.denormalize({"output": flat})["output"]
        return restored.reshape(decoded.shape).astype("float32")

    def jacobian_latent(self, x=None, mean_output=False, mc_num=None, denormalize=False, mask=None):
        """Derivative of the mean of every latent variable with respect to every pixel.

        Parameters
        ----------
        x : array, shape (n_stars, ...)
            Spectra or images in physical units.
        mean_output : bool, optional
            Average over the stars. Default False.
        mc_num : int, optional
            Accepted for old scripts: the mean of the latent variables is not random.
        denormalize : bool, optional
            Per unit of flux. Default: per normalised pixel.
        mask : array of bool, optional
            True marks a bad pixel.

        Returns
        -------
        array, shape (n_stars, latent_dim, n_pixels) or (latent_dim, n_pixels)
            Zero where a pixel is missing.
        """
        from astroNN.models.inspection.jacobian import latent_jacobian

        self.has_model_check()
        return latent_jacobian(self, x, mean_output, denormalize, mask)

    test_encoder = deprecated_alias("predict_encoder", "test_encoder")
    test_decoder = deprecated_alias("predict_decoder", "test_decoder")

    def _encode(self, input_data, mask):
        """Outputs of the encoder for a set of stars, by name."""
        inputs, masks = _data.checked_inputs(self, input_data, mask)
        n_stars = len(inputs["input"])
        blocks = []
        with tqdm(total=n_stars, desc="Encoding", unit="star", disable=not self.verbose) as progress:
            for rows, normalised in self._read_blocks(inputs, masks, self.batch_size):
                blocks.append(self.keras_encoder.predict(normalised, batch_size=self.batch_size, verbose=0))
                progress.update(len(rows))
        return {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}

    def _sample(self, input_data, target, mask, sample_weight=None, groups=None, for_training=True):
        target = _read_whole("input_recon_target", target)
        if target is None:
            inputs, masks = _data.checked_inputs(self, input_data, mask)
            target = _read_whole("input_data", inputs["input"])
            if "input" in masks:
                mask_of_target = _read_whole("mask", masks["input"])
                target = np.where(mask_of_target, np.nan, np.asarray(target, dtype="float32"))
        target = self._in_known_shape(target)
        return _data.checked_sample(
            self, input_data, target, mask=mask, sample_weight=sample_weight, groups=groups, for_training=for_training
        )

    def _in_known_shape(self, target):
        """What is to be reconstructed, with the channel axis of size 1 that the trained network knows, or without."""
        if not self.has_model:
            return target
        if isinstance(target, dict):
            return target | {"output": self._in_known_shape(target["output"])} if "output" in target else target
        known, shape = self._labels_shape["output"], np.shape(target)[1:]
        known = tuple(known) if isinstance(known, list | tuple) else (known,)
        if known == (*shape, 1) or shape == (*known, 1):
            return np.asarray(target).reshape(-1, *known)
        return target


def _read_whole(argument, data):
    """Data of which those in files are read into memory."""
    if isinstance(data, dict):
        return {name: _read_whole(f"{argument}['{name}']", entry) for name, entry in data.items()}
    source = as_sources(argument, data)
    if not isinstance(source, Rows):
        return data
    with closing(source):
        return np.asarray(source)

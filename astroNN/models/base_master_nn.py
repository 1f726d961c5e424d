"""The life of a network: settings, checks, training, saving. What all kinds of networks share."""

import random
import sys
from abc import ABC, abstractmethod
from pathlib import Path

import keras
import numpy as np

from astroNN import __version__
from astroNN.models import _data
from astroNN.models._seeds import Seeded
from astroNN.models.persistence.folder import build_settings, save_network
from astroNN.models.tasks import task_settings
from astroNN.models.training.bayesian_model import LABELS_ERR
from astroNN.models.training.callbacks import training_callbacks
from astroNN.models.training.n_train import set_n_train
from astroNN.models.training.split import split_stars
from astroNN.nn.callbacks import VirutalCSVLogger
from astroNN.nn.utilities.generator import BatchGenerator
from astroNN.nn.utilities.normalizer import Normalizer
from astroNN.shared import checks
from astroNN.shared.deprecation import deprecated_alias
from astroNN.shared.errors import ConfigurationError
from astroNN.shared.messages import tell

__all__ = ["NeuralNetBase", "NeuralNetMaster"]


class NeuralNetMaster(Seeded, ABC):
    """Base of all networks. Derive your own from `CNNBase` or `BayesianCNNBase`, not from this class.

    Attributes
    ----------
    lr, max_epochs, batch_size, val_size : float, int, int, float
        Learning rate, epochs, stars a batch (64), fraction of the stars held back for validation.
    seed : int or None
        Repeats initial weights, dropout, split and shuffling of a training, and the draws of a prediction. None
        (default) draws one when it is first needed, and keeps it: it is stored with the network.
    task : {"regression"}
        What the network answers.
    targetname : list of str
        Names of the labels.
    verbose : int
        0 says nothing, 1 shows progress bars, 2 one line an epoch (default).
    autosave : bool
        Save when `fit` ends (default False).
    callbacks : keras.callbacks.Callback or list of them, optional
        Used in training, after the built-in ones.
    early_stopping : bool
        Stop when the validation no longer improves (default False); see ``early_stopping_min_delta`` and
        ``early_stopping_patience``.
    keras_model : keras.Model
        The network in training; None before.
    history : keras.callbacks.History
        Of the last training.
    train_idx, val_idx : arrays of int
        Rows of the last training's arrays on each side of the split.
    input_normalizer, labels_normalizer : Normalizer
        Fitted on the training stars of the first `fit`.
    """

    #: keys of `targets` that repeat the labels besides "output"
    _extra_outputs = ()
    _plateau_monitor = "val_loss"

    def __init__(self):
        self.name = None
        self._model_type = None
        self._model_identifier = None
        self._implementation_version = None
        self._python_info = sys.version
        self._astronn_ver = __version__
        self._keras_ver = keras.__version__
        self.currentdir = str(Path.cwd())
        self.folder_name = None
        self.fullfilepath = None
        self.batch_size = 64
        self.autosave = False
        self.verbose = 2
        self.seed = None
        self.task = None
        self.targetname = None
        self._set_training_defaults()
        self._forget_data()

    def _set_training_defaults(self):
        self.lr = None
        self.max_epochs = None
        self.val_size = None
        self.beta_1, self.beta_2, self.optimizer_epsilon = 0.9, 0.999, 1e-7
        self.optimizer = None
        self.metrics = None
        self.callbacks = None
        self.early_stopping = False
        self.early_stopping_min_delta = 1e-4
        self.early_stopping_patience = 4
        self.reduce_lr_epsilon = self.reduce_lr_min = self.reduce_lr_patience = None
        self.input_norm_mode = self.labels_norm_mode = None
        for hyper_parameter in (
            "initializer",
            "activation",
            "_last_layer_activation",
            "num_filters",
            "filter_len",
        ):
            setattr(self, hyper_parameter, None)
        for hyper_parameter in ("pool_length", "num_hidden", "l1", "l2", "maxnorm"):
            setattr(self, hyper_parameter, None)

    def _forget_data(self):
        self.keras_model = self.keras_model_predict = None
        self.history = self.virtual_cvslogger = None
        self.input_normalizer = self.labels_normalizer = None
        self.input_mean = self.input_std = self.labels_mean = self.labels_std = None
        self.input_names = self.output_names = None
        self._input_shape = self._labels_shape = None
        self.training_generator = self.validation_generator = None
        self.has_val, self.val_num, self.num_train = False, None, None
        self.train_idx = self.val_idx = None
        self._n_fits = self._n_seeds = 0
        self._built_with, self._derivatives = {}, {}

    def __str__(self):
        return (
            f"Name: {self.name}\nModel Type: {self._model_type}\n"
            f"Model ID: {self._model_identifier or type(self).__name__}"
        )

    @abstractmethod
    def model(self):
        """Build the network; called once its input and label shapes are known."""

    @abstractmethod
    def compile(self, optimizer=None, loss=None, metrics=None, weighted_metrics=None, loss_weights=None):
        """Build the Keras model and prepare it for training."""

    @abstractmethod
    def fit(self, input_data, labels, sample_weight=None, *, mask=None, groups=None):
        """Train the network."""

    @abstractmethod
    def fit_on_batch(self, input_data, labels, sample_weight=None, *, mask=None):
        """Train for one epoch on all stars as a single batch."""

    @abstractmethod
    def predict(self, input_data, *, mask=None):
        """Predict the labels of stars."""

    @abstractmethod
    def evaluate(self, input_data, labels, *, mask=None):
        """Loss and metrics of a set of stars."""

    train = deprecated_alias("fit", "train")
    train_on_batch = deprecated_alias("fit_on_batch", "train_on_batch")
    test = deprecated_alias("predict", "test")

    @property
    def has_model(self):
        """Whether there is a Keras model (after `fit`, or loading)."""
        return self.keras_model is not None

    def has_model_check(self):
        """Raise AttributeError if there is no Keras model."""
        if not self.has_model:
            raise AttributeError(
                "No model found in this object: train it with `fit` first, or load one with "
                "`astroNN.models.load_folder`."
            )

    def get_weights(self):
        """Weights of the network as a list of arrays, in Keras' order."""
        self.has_model_check()
        return self.keras_model.get_weights()

    def summary(self):
        """Print the layers of the network."""
        self.has_model_check()
        return self.keras_model.summary()

    def save(self, name=None, model_plot=False, if_exists="rename"):
        """Save the network into a folder, from which `load_folder` brings it back.

        Parameters
        ----------
        name : str or Path, optional
            Name of the folder. Default: `folder_name`, else ``astroNN_MMDD_runNNN``.
        model_plot : bool, optional
            Also draw the layers into ``model.png`` (needs pydot and graphviz). Default False.
        if_exists : {"rename", "error", "replace"}, optional
            Where the folder exists: take ``<name>_2``, ``_3``, ... with a warning that tells the name (default),
            raise, or put the new folder in the place of the old one. A kill at any moment leaves the old
            folder or the new one, whole.

        Returns
        -------
        Path
            The folder.

        Raises
        ------
        AttributeError
            If there is no model to save.
        FileExistsError
            If the folder exists and `if_exists` is ``"error"``.
        OSError
            If the place can't be written.
        """
        self.has_model_check()
        return save_network(self, name, model_plot, if_exists)

    def jacobian(self, x=None, mean_output=False, mc_num=None, denormalize=False, mask=None):
        """Derivative of every label with respect to every pixel.

        Parameters
        ----------
        x : array, shape (n_stars, ...)
            Spectra or images in physical units.
        mean_output : bool, optional
            Average over the stars. Default False.
        mc_num : int, optional
            Average over this many thinned networks (dropout on). Default: the mean network (dropout off).
        denormalize : bool, optional
            In the labels' units per unit of flux. Default: normalised labels per normalised pixel.
        mask : array of bool, optional
            True marks a bad pixel.

        Returns
        -------
        array, shape (n_stars, n_labels, n_pixels) or (n_labels, n_pixels)
            For images the last axis is (height, width[, channels]).

        Raises
        ------
        ValueError
            If `x` is None or of another shape than the network's, or `mc_num` is below 1.
        """
        from astroNN.models.inspection.jacobian import network_jacobian

        self.has_model_check()
        return network_jacobian(self, x, mean_output, mc_num, denormalize, mask)

    # What `fit`, `fit_on_batch` and `evaluate` of the kinds of networks share -------------------------------

    def _check_settings(self):
        task_settings(self.task)
        for setting in ("batch_size", "max_epochs"):
            checks.check_at_least(setting, getattr(self, setting), 1)
        for setting in ("val_size", "dropout_rate"):
            checks.check_fraction(setting, getattr(self, setting, None))

    def _fit(self, data):
        """Train on checked data; returns the Keras history."""
        _data.remember_shapes(self, data)
        self._draw_seed()
        self.train_idx, self.val_idx = split_stars(data.n_stars, self.val_size or 0.0, self.seed, data.groups)
        self.num_train, self.val_num = len(self.train_idx), len(self.val_idx)
        val_rows = data.counting(self.val_idx)
        self.has_val = len(val_rows) > 0
        tell(f"Training stars: {self.num_train}, validation stars: {self.val_num}", self.verbose)
        self._fit_normalizers(data)
        if not self.has_model:
            self.compile()
        elif self.optimizer in (None, "adam"):
            # A rate that the last training has lowered would all but stop this one.
            self.keras_model.optimizer.learning_rate = self.lr
        set_n_train(self.keras_model, data.labels["output"], data.counting(self.train_idx), self.task)
        self.training_generator = self._batches(data, data.counting(self.train_idx), shuffle=True)
        self.validation_generator = self._batches(data, val_rows) if self.has_val else None
        self.virtual_cvslogger = VirutalCSVLogger()
        self._n_fits += 1
        self.history = self.keras_model.fit(
            self.training_generator,
            validation_data=self.validation_generator,
            epochs=self.max_epochs,
            verbose=self.verbose,
            shuffle=False,
            callbacks=[*training_callbacks(self, self._plateau_monitor), self.virtual_cvslogger],
        )
        self._after_fit(data)
        if self.autosave:
            self.save()
        return self.history

    def _after_fit(self, data):
        """What a kind of network does once it is trained."""

    def _fit_on_batch(self, data):
        _data.remember_shapes(self, data)
        self._draw_seed()
        rows = np.arange(data.n_stars)
        self.train_idx = rows if self.train_idx is None else self.train_idx
        self.num_train = len(self.train_idx)
        self._fit_normalizers(data, rows)
        if not self.has_model:
            self.compile()
        # A batch after a training is a part of its stars, or more of them.
        set_n_train(self.keras_model, data.labels["output"], rows, self.task, only_unknown=True)
        self._n_fits += 1
        self.history = self.keras_model.fit(
            self._batches(data, rows, batch_size=data.n_stars), epochs=1, verbose=self.verbose, shuffle=False
        )
        return self.history

    def _evaluate(self, data):
        self.has_model_check()
        _data.remember_shapes(self, data)
        batches = self._batches(data, np.arange(data.n_stars))
        scores = self.keras_model.evaluate(batches, return_dict=True, verbose=self.verbose)
        return {name: float(value) for name, value in scores.items()}

    def _fit_normalizers(self, data, rows=None):
        """Fit both normalisers on the training stars of the first training; later ones reuse them."""
        if self.has_model and self.input_normalizer is not None:
            return
        rows = data.counting(self.train_idx if rows is None else rows)
        for labels in data.labels.values():
            checks.check_label_columns(labels[rows], self.targetname, " of the stars to train on")
        self.input_normalizer = Normalizer(self.input_norm_mode, self.verbose)
        self.labels_normalizer = Normalizer(self.labels_norm_mode, self.verbose)
        self.input_normalizer.fit(data.inputs, data.masks, rows)
        self.labels_normalizer.fit(data.labels, rows=rows)
        self._publish_statistics()

    def _publish_statistics(self):
        self.input_mean, self.input_std = self.input_normalizer.mean_labels, self.input_normalizer.std_labels
        self.labels_mean, self.labels_std = (
            self.labels_normalizer.mean_labels,
            self.labels_normalizer.std_labels,
        )

    def _batches(self, data, rows, shuffle=False, batch_size=None):
        labels = self.labels_normalizer.normalize(data.labels, calc=False)
        targets = dict(labels)
        for name in self._extra_outputs:
            targets[name] = labels["output"]
        rng = np.random.default_rng([self.seed or 0, 1, self._n_fits]) if shuffle else None
        return BatchGenerator(
            lambda index: self._read_inputs(data.inputs, data.masks, index),
            rows,
            targets if isinstance(self.keras_model.output, dict) else targets["output"],
            columns=self._columns(data),
            sample_weight=data.sample_weight,
            batch_size=min(batch_size or self.batch_size, len(rows)),
            rng=rng,
        )

    def _columns(self, data):
        """Small inputs of the training besides the spectra."""
        return {}

    def _read_inputs(self, inputs, masks, rows):
        """Normalised inputs of some rows, missing pixels replaced, in the shape that the network takes."""
        read = {}
        for name, array in inputs.items():
            mask = masks[name][rows] if name in masks else None
            normalised = self.input_normalizer.network_input(name, array[rows], mask)
            read[name] = normalised.reshape(len(normalised), *self._input_shape[name])
        return read

    def _check_input_names(self, graph):
        unknown = {tensor.name for tensor in graph.inputs} - set(self._input_shape) - {LABELS_ERR}
        if unknown:
            raise ValueError(
                f"`model()` of {type(self).__name__} returned a network with the input(s) {sorted(unknown)}, but the "
                f'data are {sorted(self._input_shape)}: name them alike, keras.Input(..., name="input").'
            )

    def _build(self):
        """What `model` returns; layers that are given no seed get theirs from `seed`, too."""
        if self._input_shape is None:
            raise ConfigurationError(
                f"compile: the shapes of inputs and labels are not known yet. Call `fit`, which compiles "
                f"{type(self).__name__} by itself."
            )
        self._n_seeds = 0
        self._derivatives = {}
        state = random.getstate()  # Keras takes default seeds from Python's generator
        random.seed(self.next_seed())
        try:
            built = self.model()
        finally:
            random.setstate(state)
        self._built_with = build_settings(self)
        return built

    def _new_optimizer(self, optimizer=None):
        chosen = optimizer or self.optimizer
        if chosen is None or chosen == "adam":
            return keras.optimizers.Adam(self.lr, self.beta_1, self.beta_2, self.optimizer_epsilon)
        chosen = keras.optimizers.get(chosen)
        # An optimiser serves the variables that it was built for, and no others.
        return type(chosen).from_config(chosen.get_config()) if chosen.built else chosen


NeuralNetBase = NeuralNetMaster

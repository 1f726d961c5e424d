"""The life of a network: settings, checks, training, saving. What all kinds of networks share."""

import random
import sys
import warnings
from abc import ABC, abstractmethod
from pathlib import Path

import keras

from astroNN import __version__
from astroNN.models._cited import Cited
from astroNN.models._copied import Copied
from astroNN.models._inspected import Inspected
from astroNN.models._keras_surface import KerasSurface
from astroNN.models._label_facts import RemembersLabels
from astroNN.models._label_tables import AnswersTables
from astroNN.models._old_interface import OldInterface
from astroNN.models._plotted import Plotted
from astroNN.models._recipes import refuse_custom_steps
from astroNN.models._seeds import Seeded
from astroNN.models._shapes import ShapesByName
from astroNN.models._trained import Trained
from astroNN.models.persistence.folder import build_settings, save_network
from astroNN.models.tasks import task_settings
from astroNN.models.training.bayesian_model import LABELS_ERR
from astroNN.shared import setting_checks
from astroNN.shared.deprecation import deprecated_alias
from astroNN.shared.errors import ConfigurationError

__all__ = ["NeuralNetBase", "NeuralNetMaster"]


class NeuralNetMaster(
    Copied,
    KerasSurface,
    Inspected,
    Plotted,
    RemembersLabels,
    Trained,
    AnswersTables,
    Cited,
    Seeded,
    OldInterface,
    ABC,
):
    """Base of all networks. Derive your own from `CNNBase` or `BayesianCNNBase`, not from this class.

    Attributes
    ----------
    lr, max_epochs, batch_size, val_size : float, int, int, float
        Learning rate, epochs, stars a batch (64), fraction of the stars held back for validation.
    seed : int or None
        Repeats initial weights, dropout, split and shuffling of a training, and the draws of a prediction. None
        (default) draws one when it is first needed, and keeps it: it is stored with the network.
    task : {"regression", "classification", "binary_classification"}
        What the network answers.
    targetname : list of str
        Names of the labels; those of the columns, if `fit` is given a table.
    target_units : list of (str or None), optional
        Units of the labels, if `fit` is given a table that has them; see `as_table`.
    license : str, optional
        Under which others may use the trained network, in your words; `save` writes it into the model card.
    verbose : int
        0 says nothing, 1 shows progress bars, 2 one line an epoch (default).
    autosave : bool
        Save when `fit` ends (default False).
    callbacks : keras.callbacks.Callback or list of them, optional
        Used in training, after the built-in ones.
    early_stopping : bool
        Stop when the validation no longer improves (default False); see ``early_stopping_min_delta`` and
        ``early_stopping_patience``.
    keep_best : bool or str
        End a training with the weights of its best epoch, ``best_epoch`` (default False: those of the last one). A
        text names the logged value that judges, such as ``"val_loss"``.
    checkpoint : str or Path, optional
        Folder that a training renews every ``checkpoint_epochs`` epochs (default 1), so that a killed one can go on:
        ``load_folder(folder).fit(..., resume=True)``.
    keras_model : keras.Model
        The network in training; None before.
    history : keras.callbacks.History
        Of the last training.
    train_idx, val_idx : arrays of int
        Rows of the last training's arrays on each side of the split.
    input_normalizer, labels_normalizer : Normalizer
        Fitted on the training stars of the first `fit`.
    """

    #: layers that had automatic names in version 1 of astroNN, in the order in which it made them
    _made_in_order = ()
    #: whether a label that no star has is an error (a pixel to be reconstructed may lie in a gap)
    _needs_every_label = True
    #: keys of `targets` that repeat the labels besides "output"
    _extra_outputs = ()
    _plateau_monitor = "val_loss"
    #: what early stopping and `keep_best` watch, if not that
    _success_monitor = None
    #: whether it can be trained on a dictionary of several kinds of labels
    _takes_several_labels = False
    #: shapes by name; used as plain shapes they are those of "input" and of "output", as in version 1.0
    _input_shape, _labels_shape = ShapesByName("input"), ShapesByName("output")
    _is_building = False
    #: whether the optimiser is the one of the settings, whose rate is `lr`
    _rate_is_ours = True
    #: tasks that it can do; None for all
    _tasks = None

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
        self.targetname = self.target_units = None
        self.license = None
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
        self.keep_best = self.early_stopping = False
        self.checkpoint, self.checkpoint_epochs = None, 1
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
        self.history = self.virtual_cvslogger = self.best_epoch = None
        self._training_state = self._last_checkpoint = None
        self.input_normalizer = self.labels_normalizer = None
        self.input_mean = self.input_std = self.labels_mean = self.labels_std = None
        self.input_names = self.output_names = None
        self._input_shape = self._labels_shape = self._training_labels = None
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
        """Build the Keras model and prepare it for training.

        Parameters
        ----------
        optimizer, loss, metrics, weighted_metrics, loss_weights : optional
            As in `CNNBase.compile`.
        """

    @abstractmethod
    def _compile_model(self, optimizer=None, loss=None, metrics=None, weighted_metrics=None, loss_weights=None):
        """Compile the Keras model that was built."""

    @abstractmethod
    def fit(self, input_data, labels, sample_weight=None, *, mask=None, groups=None, resume=False, distribute=None):
        """Train the network.

        Parameters
        ----------
        input_data, labels, sample_weight, mask, groups, resume, distribute : array, bool or str
            As in `CNNBase.fit`.
        """

    @abstractmethod
    def fit_on_batch(self, input_data, labels, sample_weight=None, *, mask=None):
        """Train for one epoch on all stars as a single batch.

        Parameters
        ----------
        input_data, labels, sample_weight, mask : array or dict of arrays
            As in `fit`.
        """

    @abstractmethod
    def predict(self, input_data, *, mask=None):
        """Predict the labels of stars.

        Parameters
        ----------
        input_data, mask : array or dict of arrays
            As in `fit`.
        """

    @abstractmethod
    def evaluate(self, input_data, labels, *, mask=None):
        """Loss and metrics of a set of stars.

        Parameters
        ----------
        input_data, labels, mask : array or dict of arrays
            As in `fit`.
        """

    train = deprecated_alias("fit", "train")
    train_on_batch = deprecated_alias("fit_on_batch", "train_on_batch")
    test = deprecated_alias("predict", "test")

    def save(self, name=None, model_plot=False, if_exists="rename", training_state=None):
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
        training_state : bool, optional
            Also write what it takes to go on with the last training (``training_state.h5``, three times the size of
            the weights for Adam). Default: only of a training that was interrupted.

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
        return save_network(self, name, model_plot, if_exists, training_state)

    def transfer_weights(self, model, exclusion_output=False):
        """Copy weights from another network, layer by layer, and freeze the layers that got them.

        Layers with weights are walked through in order; each takes its weights from the first layer of the other
        network, behind the one used last, whose weights have the same shapes.

        Parameters
        ----------
        model : NeuralNetMaster or keras.Model
            Where the weights come from.
        exclusion_output : bool, optional
            Leave alone what layers with "output" in their names hold in the other network. Default False.

        Returns
        -------
        TransferReport
            What moved and what did not; false if nothing did. Print it.

        Raises
        ------
        AttributeError
            If this network has no model yet.
        TypeError
            If `model` is no network.
        """
        from astroNN.models.transfer import transfer_weights

        self.has_model_check()
        report = transfer_weights(self, model, exclusion_output)
        self.recompile()
        return report

    def recompile(self, loss=None, weighted_metrics=None, loss_weights=None):
        """Prepare the network for training again, after layers were frozen or settings changed; its weights stay.

        Parameters
        ----------
        loss : callable, optional
            Another loss, where the kind of network lets it be chosen.
        weighted_metrics, loss_weights : optional
            As in `keras.Model.compile`.
        """
        self.has_model_check()
        self._compile_model(loss=loss, weighted_metrics=weighted_metrics, loss_weights=loss_weights)
        self._derivatives = {}

    # What `fit`, `fit_on_batch` and `evaluate` of the kinds of networks share -------------------------------

    def _check_settings(self):
        task_settings(self.task)
        self._check_license()
        if self.task not in (self._tasks or [self.task]):
            raise RuntimeError(
                f"{type(self).__name__}: only the task {' or '.join(map(repr, self._tasks))} is supported, got "
                f"{self.task!r}."
            )
        for setting in ("batch_size", "max_epochs", "checkpoint_epochs"):
            setting_checks.check_at_least(setting, getattr(self, setting), 1)
        for setting in ("val_size", "dropout_rate"):
            setting_checks.check_fraction(setting, getattr(self, setting, None))
        if not isinstance(self.keep_best, bool | str):
            raise ConfigurationError(
                f"keep_best must be True, False or the name of a logged value, got {self.keep_best!r}."
            )

    def _check_shapes(self):
        """Raise for shapes that this kind of network can't be built for; called before any work on the data."""

    def _check_input_names(self, graph):
        unknown = {tensor.name for tensor in graph.inputs} - set(self._input_shape.keys()) - {LABELS_ERR}
        if unknown:
            raise ValueError(
                f"`model()` of {type(self).__name__} returned a network with the input(s) {sorted(unknown)}, but the "
                f'data are {sorted(self._input_shape.keys())}: name them alike, keras.Input(..., name="input").'
            )

    def _build(self):
        """What `model` returns; layers that are given no seed get theirs from `seed`, too."""
        if self._input_shape is None:
            raise ConfigurationError(
                f"compile: the shapes of inputs and labels are not known yet. Call `fit`, which compiles "
                f"{type(self).__name__} by itself."
            )
        if self.has_model:
            warnings.warn(
                "compile: the network is built anew, and the weights that it had are lost. `recompile()` keeps them.",
                stacklevel=3,
            )
        refuse_custom_steps(self, NeuralNetMaster)
        self._n_seeds = 0
        self._derivatives, self._training_state = {}, None
        seed = self.next_seed()  # may draw from the generator, which must not be undone
        state = random.getstate()  # Keras takes default seeds from Python's generator
        random.seed(seed)
        data_format = keras.config.image_data_format()
        keras.config.set_image_data_format("channels_last")  # as our arrays are, whatever Keras is configured to
        self._is_building = True
        try:
            built = self.model()
        finally:
            self._is_building = False
            keras.config.set_image_data_format(data_format)
            random.setstate(state)
        self._built_with = build_settings(self)
        return built

    def _new_optimizer(self, optimizer=None):
        chosen = optimizer or self.optimizer
        self._rate_is_ours = chosen is None or chosen == "adam"
        if self._rate_is_ours:
            return keras.optimizers.Adam(self.lr, self.beta_1, self.beta_2, self.optimizer_epsilon)
        chosen = keras.optimizers.get(chosen)
        # An optimiser serves the variables that it was built for, and no others.
        return type(chosen).from_config(chosen.get_config()) if chosen.built else chosen


NeuralNetBase = NeuralNetMaster

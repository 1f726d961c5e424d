"""One training, from its first epoch, or from the one at which it stopped, to its last."""

import warnings

import keras
import numpy as np

from astroNN.models._weight_names import weights_by_key
from astroNN.models.persistence.checkpoint import write_checkpoint
from astroNN.models.training.callbacks import TrainingHistory, built_in_callbacks, own_callbacks
from astroNN.models.training.dead import stars_to_look_at, warn_if_dead
from astroNN.models.training.interruption import StepBoundary
from astroNN.models.training.state import TrainingState, fingerprint, put_back, source_of, take_arrays
from astroNN.models.training.variational_autoencoder import VariationalAutoencoder
from astroNN.nn.callbacks import VirutalCSVLogger
from astroNN.nn.utilities.streamed import errors_of_reading
from astroNN.shared._memory import keep_freed_memory
from astroNN.shared.errors import ConfigurationError
from astroNN.shared.messages import tell

__all__ = ["check_can_resume", "run_training"]

#: what the callbacks have seen, by their names
_SEEN = {
    "plateau": ("wait", "best", "cooldown_counter"),
    "early_stopping": ("wait", "best", "best_epoch", "stopped_epoch"),
    "keep_best": ("best", "best_epoch"),
}


def check_can_resume(net, data, val_idx):
    """Raise unless the last training of a network can go on with these data.

    Parameters
    ----------
    net : NeuralNetMaster
        The network.
    data : Sample
        What `fit` was given.
    val_idx : array of int
        The rows that would be held back.

    Raises
    ------
    ConfigurationError
        (a ValueError) If no training was begun, or its labels, the split, or the kind of source, were others.
    """
    state = net._training_state
    if state is None:
        raise ConfigurationError(
            "resume=True: there is no training to go on with. It takes a network whose `fit` has finished an epoch "
            "in this session, or one from a folder with a training state: that of `checkpoint`, or of "
            "`save(..., training_state=True)`."
        )
    same_split = net.val_idx is not None and np.array_equal(net.val_idx, val_idx)
    if not same_split or state.labels_sha256 != fingerprint(data.labels["output"]):
        raise ConfigurationError(
            "resume=True: the labels, or the split into training and validation stars, are not those with which this "
            "training began. Give the same arrays in the same order, with the same `groups`, and leave `seed` and "
            "`val_size` alone. To train on other stars call `fit` without `resume`."
        )
    if state.source not in ("", source_of(data)):
        raise ConfigurationError(
            f"resume=True: this training drew its batches from {state.source}, but `input_data` (with `mask`) gives "
            f"{source_of(data)}, which are mixed in another way: it would not go on as it began. Give the data as "
            "they were given then, in files or in memory, or call `fit` without `resume`."
        )


def run_training(net, data, resume, engine):
    """Train a network that is built; see `fit` of the base classes.

    Whatever ends it, an error or Ctrl-C, the network holds the weights of the last finished step (with ``keep_best``
    those of the best epoch), the history so far, and the state at the end of the last finished epoch.

    Parameters
    ----------
    net : NeuralNetMaster
        Compiled, with normalisers and split.
    data : Sample
        What it is trained on.
    resume : bool
        Go on with the training whose state the network holds.
    engine : Engine
        The devices to train on.
    """
    if keras.backend.backend() == "tensorflow":
        keep_freed_memory()
    run = _Run(net, data, net._training_state if resume else None, engine)
    try:
        if run.is_over:
            run.put_back()
        else:
            with run.boundary, errors_of_reading(net.training_generator, net.validation_generator):
                run.train()
    except BaseException:
        run.use_best_weights()
        _tell_how_to_go_on(net)
        raise
    run.finish()


class _Run:
    """The parts of one training, and what becomes of the weights."""

    def __init__(self, net, data, earlier, engine):
        self.net, self.earlier, self.engine = net, earlier, engine
        self.labels_sha256, self.source = fingerprint(data.labels["output"]), source_of(data)
        self.first_epoch = earlier.epoch if earlier else 0
        self.n_fit = earlier.n_fit if earlier else net._n_fits
        self.built_in = built_in_callbacks(net)
        self.boundary = StepBoundary(net.verbose)
        self.looked_at = None
        self._prepare(data)

    def _prepare(self, data):
        net, rows = self.net, data.counting(self.net.train_idx)
        net._n_fits = self.n_fit
        net.training_generator = net._batches(data, rows, shuffle=True, first_epoch=self.first_epoch)
        net.validation_generator = net._batches(data, data.counting(net.val_idx)) if net.has_val else None
        net._n_fits = self.n_fit + 1
        net._training_state, net.best_epoch = self.earlier, None
        net.history = TrainingHistory(self.earlier.history if self.earlier else None)
        net.virtual_cvslogger = VirutalCSVLogger()
        net.virtual_cvslogger.epoch = list(net.history.epoch)
        net.virtual_cvslogger.history = {name: list(values) for name, values in net.history.history.items()}

    def train(self):
        """Run the epochs that are left."""
        net = self.net
        # Of several processes each would need the others to look; an autoencoder has no labels to get wrong.
        if self.engine.n_workers == 1 and not isinstance(net.keras_model, VariationalAutoencoder):
            self.looked_at = stars_to_look_at(net)
        built_in = [self.built_in[name] for name in ("plateau", "early_stopping") if name in self.built_in]
        best = [self.built_in["keep_best"]] if "keep_best" in self.built_in else []
        # The recorder looks at what all others have seen, and Ctrl-C waits until it has.
        last = [net.virtual_cvslogger, net.history, _Recorder(self), self.boundary]
        with self.engine.replicas(net):
            net.keras_model.fit(
                **self.engine.data(net.training_generator, net.validation_generator),
                initial_epoch=self.first_epoch,
                epochs=net.max_epochs,
                verbose=net.verbose,
                shuffle=False,
                callbacks=[*built_in, *own_callbacks(net), *best, *last],
            )

    @property
    def is_over(self):
        """Whether no epoch is left, or early stopping has ended the training and would do so again."""
        if self.earlier is None:
            return False
        waited = self.earlier.callbacks.get("early_stopping", {}).get("wait") or 0
        patience = self.net.early_stopping_patience if self.net.early_stopping else np.inf
        return self.first_epoch >= self.net.max_epochs or (self.earlier.stopped and waited >= patience)

    def put_back(self):
        """Set weights, optimiser, random numbers and callbacks as they were when the training stopped."""
        if self.earlier is None:
            return
        put_back(self.net.keras_model, self.earlier)
        for name in set(self.earlier.callbacks) & set(self.built_in):
            for key in _SEEN[name]:
                setattr(self.built_in[name], key, self.earlier.callbacks[name].get(key))
        if "keep_best" in self.built_in:
            self.built_in["keep_best"].weights = self.earlier.arrays.get("best")

    def record(self, epoch, stopped):
        """Note in the network where the training stands behind an epoch."""
        net = self.net
        arrays = take_arrays(net.keras_model)
        best = self.built_in.get("keep_best")
        if best is not None and best.weights is not None:
            arrays["best"] = best.weights
        logger = net.virtual_cvslogger
        columns = {name: list(values) for name, values in logger.history.items() if all(map(_is_number, values))}
        net._training_state = TrainingState(
            epoch=epoch + 1,
            n_fit=self.n_fit,
            stopped=stopped,
            labels_sha256=self.labels_sha256,
            optimizer=type(net.keras_model.optimizer).__name__,
            source=self.source,
            callbacks={
                name: {key: getattr(callback, key) for key in _SEEN[name]} for name, callback in self.built_in.items()
            },
            history=columns | {"epoch": list(logger.epoch)},
            arrays=arrays,
        )

    def use_best_weights(self):
        """Give the network the weights of its best epoch, if they are to be kept and there is one."""
        best = self.built_in.get("keep_best")
        if best is None or best.weights is None:
            return
        for variable, array in zip(weights_by_key(self.net.keras_model).values(), best.weights, strict=True):
            variable.assign(array)
        self.net.best_epoch = best.best_epoch

    def finish(self):
        """End of a training that nothing interrupted."""
        self.use_best_weights()
        net = self.net
        if self.looked_at is not None:
            warn_if_dead(net, *self.looked_at)
        if net.best_epoch is not None:
            tell(f"The network has the weights of epoch {net.best_epoch + 1}, the best one.", net.verbose)
            return
        if net.keep_best:
            monitor = self.built_in["keep_best"].monitor
            warnings.warn(
                f"keep_best: `{monitor}` was never a finite number; the last weights are kept.", stacklevel=5
            )
        # The network itself holds these numbers.
        if net._training_state is not None:
            net._training_state.arrays = {}


class _Recorder(keras.callbacks.Callback):
    """Puts a training back where it stopped, records where it stands at the end of every epoch, and saves that."""

    def __init__(self, run):
        super().__init__()
        self.run = run

    def on_train_begin(self, logs=None):
        # The other callbacks have been reset by now, and no step has been taken.
        self.run.put_back()

    def on_epoch_end(self, epoch, logs=None):
        net, stops = self.run.net, bool(self.model.stop_training)
        self.run.record(epoch, stops)
        is_last = stops or epoch + 1 >= net.max_epochs
        is_due = is_last or (epoch + 1) % net.checkpoint_epochs == 0
        if net.checkpoint is not None and is_due and self.run.engine.is_chief:
            write_checkpoint(net)


def _is_number(value):
    return isinstance(value, int | float) and not isinstance(value, bool)


def _tell_how_to_go_on(net):
    if net._training_state is not None:
        tell(
            f"The training ended early; {net._training_state.epoch} epochs are finished. The network can be used and "
            "saved, and fit(..., resume=True) goes on.",
            net.verbose,
        )

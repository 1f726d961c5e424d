"""The callbacks every training gets: a falling learning rate; early stopping and the best weights where asked for."""

import keras
import numpy as np

from astroNN.models._weight_names import weights_by_key
from astroNN.models.training.state import copies
from astroNN.shared.errors import ConfigurationError

__all__ = ["KeepBest", "TrainingHistory", "built_in_callbacks", "own_callbacks"]


def built_in_callbacks(net):
    """Callbacks of a network's settings, by name.

    Parameters
    ----------
    net : NeuralNetMaster
        Gives ``reduce_lr_patience``, ``reduce_lr_epsilon``, ``reduce_lr_min``, ``early_stopping``,
        ``early_stopping_min_delta``, ``early_stopping_patience``, ``keep_best`` and ``verbose``. What is watched on
        validation stars is watched on those of the training if there are no others.

    Returns
    -------
    dict of keras.callbacks.Callback
        ``"plateau"``, ``"early_stopping"`` and ``"keep_best"``, as far as they are asked for.
    """
    callbacks = {}
    if net.reduce_lr_patience is not None:
        callbacks["plateau"] = keras.callbacks.ReduceLROnPlateau(
            monitor=_watched(net, net._plateau_monitor),
            factor=0.5,
            patience=net.reduce_lr_patience,
            min_delta=net.reduce_lr_epsilon or 0.0,
            min_lr=net.reduce_lr_min or 0.0,
            mode="min",
            verbose=net.verbose,
        )
    success = _watched(net, net._success_monitor or net._plateau_monitor)
    if net.early_stopping:
        callbacks["early_stopping"] = keras.callbacks.EarlyStopping(
            monitor=success,
            min_delta=net.early_stopping_min_delta,
            patience=net.early_stopping_patience,
            mode="min",
            verbose=net.verbose,
        )
    if net.keep_best:
        callbacks["keep_best"] = KeepBest(net.keep_best if isinstance(net.keep_best, str) else success)
    return callbacks


def own_callbacks(net):
    """The user's callbacks, whether one, several or none were set.

    Parameters
    ----------
    net : NeuralNetMaster
        Has them as ``callbacks``.

    Returns
    -------
    list of keras.callbacks.Callback
        A new list.
    """
    own = net.callbacks
    return list(own) if isinstance(own, list | tuple) else [own] if own is not None else []


def _watched(net, monitor):
    return monitor if net.has_val else monitor.removeprefix("val_")


class KeepBest(keras.callbacks.Callback):
    """Remember the weights of the best epoch.

    Parameters
    ----------
    monitor : str
        Logged value by which epochs are judged: of an accuracy the largest is best, of all else the smallest. NaN
        is never best.

    Attributes
    ----------
    best : float or None
        The best value so far.
    best_epoch : int or None
        The epoch, counted from 0, that gave it.
    weights : list of arrays or None
        Of that epoch, in the order of `weights_by_key`.

    Raises
    ------
    ConfigurationError
        (a ValueError) At the end of an epoch that does not log the value.
    """

    def __init__(self, monitor):
        super().__init__()
        self.monitor = monitor
        self.best = self.best_epoch = self.weights = None

    def on_epoch_end(self, epoch, logs=None):
        if self.monitor not in (logs or {}):
            raise ConfigurationError(
                f"keep_best: the training does not log `{self.monitor}`; it logs {', '.join(sorted(logs or {}))}. "
                "Set `keep_best` to one of these, or to True."
            )
        value = float(logs[self.monitor])
        if np.isfinite(value) and (self.best is None or self._is_better(value)):
            self.best, self.best_epoch = value, epoch
            self.weights = copies(weights_by_key(self.model).values())

    def _is_better(self, value):
        return value > self.best if "accuracy" in self.monitor else value < self.best


class TrainingHistory(keras.callbacks.History):
    """History that goes on with the epochs before an interruption.

    Parameters
    ----------
    earlier : dict of lists, optional
        Name of a logged value, or ``"epoch"``, to its values.
    """

    def __init__(self, earlier=None):
        super().__init__()
        columns = {name: list(values) for name, values in (earlier or {}).items()}
        self.epoch = columns.pop("epoch", [])
        self.history = columns

    def on_train_begin(self, logs=None):
        """Keep what is there: each object serves one training.

        Parameters
        ----------
        logs : dict, optional
            Not used.
        """

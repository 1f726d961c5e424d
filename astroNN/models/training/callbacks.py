"""The callbacks every training gets: a falling learning rate, and early stopping where it was asked for."""

import keras

__all__ = ["training_callbacks"]


def training_callbacks(net, monitor):
    """Callbacks of a network's settings, followed by the user's own.

    Parameters
    ----------
    net : NeuralNetMaster
        Gives ``reduce_lr_patience``, ``reduce_lr_epsilon``, ``reduce_lr_min``, ``early_stopping``,
        ``early_stopping_min_delta``, ``early_stopping_patience``, ``verbose`` and ``callbacks``.
    monitor : str
        Logged value to watch; without validation stars its counterpart of the training is watched.

    Returns
    -------
    list of keras.callbacks.Callback
    """
    monitor = monitor if net.has_val else monitor.removeprefix("val_")
    callbacks = []
    if net.reduce_lr_patience is not None:
        callbacks.append(
            keras.callbacks.ReduceLROnPlateau(
                monitor=monitor,
                factor=0.5,
                patience=net.reduce_lr_patience,
                min_delta=net.reduce_lr_epsilon or 0.0,
                min_lr=net.reduce_lr_min or 0.0,
                mode="min",
                verbose=net.verbose,
            )
        )
    if net.early_stopping:
        callbacks.append(
            keras.callbacks.EarlyStopping(
                monitor=monitor,
                min_delta=net.early_stopping_min_delta,
                patience=net.early_stopping_patience,
                mode="min",
                verbose=net.verbose,
            )
        )
    own = net.callbacks
    return callbacks + (list(own) if isinstance(own, list | tuple) else [own] if own is not None else [])

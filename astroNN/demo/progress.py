"""A progress bar for trainings: one line for the whole of it, where Keras prints one an epoch."""

import keras

__all__ = ["EpochBar"]

# Mean absolute errors of the normalised labels.
_SHOWN = {"error": "output_mean_absolute_error", "validation": "val_output_mean_absolute_error"}


class EpochBar(keras.callbacks.Callback):
    """Moves a tqdm bar by one step an epoch, with the errors of training and validation behind it.

    Parameters
    ----------
    bar : tqdm.tqdm
        With the number of epochs as its total. Closed when the training ends; after an interruption by the caller.
    """

    def __init__(self, bar):
        super().__init__()
        self._bar = bar

    def on_epoch_end(self, epoch, logs=None):
        shown = {title: f"{logs[key]:.3f}" for title, key in _SHOWN.items() if logs and key in logs}
        self._bar.set_postfix(shown, refresh=False)
        self._bar.update(1)

    def on_train_end(self, logs=None):
        # What follows (the calibration) is not the training's time.
        self._bar.close()

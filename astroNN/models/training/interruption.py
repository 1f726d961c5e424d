"""Ctrl-C between two steps, where the network is whole."""

import signal
import threading

import keras

from astroNN.shared.messages import tell

__all__ = ["StepBoundary"]


class StepBoundary(keras.callbacks.Callback):
    """Context in which Ctrl-C waits for the end of a step, and callback that tells it when that is.

    In the middle of a step some weights are updated and others are not, and JAX has given their memory away. So the
    first Ctrl-C is answered before the next step (or before the next batch of the validation) begins; the second one
    at once.

    Outside the main thread, and where another handler of SIGINT is installed, nothing is changed.

    Parameters
    ----------
    verbose : int, optional
        0 says nothing.
    """

    def __init__(self, verbose=1):
        super().__init__()
        self.verbose = verbose
        self.asked = False
        self._installed = False

    def __enter__(self):
        in_main_thread = threading.current_thread() is threading.main_thread()
        if in_main_thread and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, self._remember)
            self._installed = True
        return self

    def __exit__(self, kind, error, traceback):
        if self._installed:
            signal.signal(signal.SIGINT, signal.default_int_handler)
            self._installed = False
        if kind is None:
            # Asked for behind the last step: never swallowed.
            self._stop_if_asked()

    def on_epoch_begin(self, epoch, logs=None):
        self._stop_if_asked()

    def on_epoch_end(self, epoch, logs=None):
        self._stop_if_asked()

    # At the begin of batches: a callback at their end would make Keras wait for the numbers of every step.

    def on_train_batch_begin(self, batch, logs=None):
        self._stop_if_asked()

    def on_test_batch_begin(self, batch, logs=None):
        self._stop_if_asked()

    def _remember(self, number, frame):
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
        tell("Ctrl-C: the training stops after this step. Once more stops it at once.", self.verbose)

    def _stop_if_asked(self):
        if self.asked:
            raise KeyboardInterrupt

"""The one door to the engines: which a training uses, and how processes find each other."""

import importlib

import keras

from astroNN.models.training.distribution.engine import Engine
from astroNN.shared.errors import ConfigurationError

__all__ = ["connect_workers", "engine_for"]

#: seconds that a process waits for the others
TIMEOUT = 300

_ENGINES = {"tensorflow": "_tensorflow", "jax": "_jax", "torch": "_torch"}
# "multi_worker": the engine of this process, once it is connected. That can be done once.
_kept = {}


def engine_for(distribute):
    """What a training runs on.

    Parameters
    ----------
    distribute : {None, "auto", "multi_worker"}
        One device; all devices of this process; all processes of the job.

    Returns
    -------
    Engine
        Connected to the other processes, if there are any.

    Raises
    ------
    ConfigurationError
        (a ValueError) If it is none of these, the backend can't do it, or the environment doesn't name the processes.
    TimeoutError
        If the other processes don't answer.
    """
    if distribute is None:
        return Engine()
    if distribute == "auto":
        return _module("auto").all_devices() or Engine()
    if distribute == "multi_worker":
        return _connected()
    raise ConfigurationError(f'distribute must be None, "auto" or "multi_worker", got {distribute!r}.')


def connect_workers():
    """Find the other processes of this job, for ``fit(..., distribute="multi_worker")``.

    `fit` does it itself where nothing was computed before. A script that loads a network first, to go on with its
    training, must connect before: TensorFlow and JAX can't do it later. A second call does nothing.

    Returns
    -------
    int
        The number of this process, from 0. That one writes the files.

    Raises
    ------
    ConfigurationError
        (a ValueError) If the environment doesn't name the processes, or it is too late.
    TimeoutError
        If the others don't answer within five minutes.
    """
    return _connected().rank


def _connected():
    if "multi_worker" not in _kept:
        engine = _module("multi_worker").connect(TIMEOUT)
        if engine is None:
            raise ConfigurationError(
                f'distribute="multi_worker": {keras.backend.backend()} was used in this process before it was '
                "connected to the others, and can't be any more. Call `astroNN.models.connect_workers()` at the top "
                "of the script, before networks are made or loaded."
            )
        _kept["multi_worker"] = engine
    return _kept["multi_worker"]


def _module(distribute):
    backend = keras.backend.backend()
    if backend not in _ENGINES:
        raise ConfigurationError(
            f'distribute="{distribute}": the backend {backend} can\'t train on several devices. It takes '
            f"{', '.join(_ENGINES)}: set KERAS_BACKEND."
        )
    return importlib.import_module(f"{__package__}.{_ENGINES[backend]}")

"""Several devices on JAX: `keras.distribution.DataParallel`, over processes that `jax.distributed` connects."""

import math
import os

import jax
import keras
import numpy as np
from jax.experimental import multihost_utils

from astroNN.models.training.distribution.replicas import ReplicatedEngine, ShareOfBatches, read_part
from astroNN.models.training.distribution.roll_call import roll_call
from astroNN.shared.errors import ConfigurationError

__all__ = ["all_devices", "connect"]

_PADDING = "padding"
_VARIABLES = "JAX_COORDINATOR_ADDRESS", "JAX_NUM_PROCESSES", "JAX_PROCESS_ID"
_NEEDED = (
    "On JAX each process needs the address of the first one (10.0.0.1:12345), the number of processes, and its own, "
    f"in {', '.join(_VARIABLES)}; under Slurm and Open MPI it finds them itself."
)


def all_devices():
    """Engine for the devices of this process; None if there is only one."""
    devices = jax.local_devices()
    return JaxEngine(devices) if len(devices) > 1 else None


def connect(timeout):
    """Engine for the processes named in the environment, or found by JAX; None if it is too late."""
    if not jax.distributed.is_initialized():
        if _is_in_use():
            return None
        _initialize(timeout)
    return JaxEngine(jax.devices(), jax.process_index(), jax.process_count())


class JaxEngine(ReplicatedEngine):
    """All devices as one: JAX sees whole batches, whose parts lie on different devices.

    Parameters
    ----------
    devices : list of jax.Device
        Of all processes.
    rank, n_workers : int, optional
        This process among the others. Default: there are no others.
    """

    def __init__(self, devices, rank=0, n_workers=1):
        self.rank, self.n_workers, self.n_devices = rank, n_workers, len(devices)
        names = [f"{device.platform}:{device.id}" for device in devices]
        self._distribution = keras.distribution.DataParallel(devices=names, auto_shard_dataset=False)

    def scope(self):
        return self._distribution.scope()

    def training_scope(self):
        return self._distribution.scope()

    def adapt(self, model):
        model.__class__ = type(f"Replicated{type(model).__name__}", (_WithoutPadding, type(model)), {})

    def data(self, training, validation):
        return {
            "x": _PaddedShare(training, self),
            "validation_data": None if validation is None else _PaddedShare(validation, self),
        }

    def gather(self, numbers):
        if self.n_workers == 1:
            return [numbers]
        return np.asarray(multihost_utils.process_allgather(np.array(numbers, "int32"))).tolist()


class _PaddedShare(ShareOfBatches):
    """Shares of batches filled up with copies of a star until all devices have the same number of them.

    How many copies there are in the whole batch is the shape of another input: it must be known when the step is
    compiled.
    """

    def __getitem__(self, index):
        engine, n_stars = self.engine, self.batches.n_rows(index)
        n_filled = math.ceil(n_stars / engine.n_devices) * engine.n_devices
        size = n_filled // engine.n_workers
        # At least one star, of which copies can be made.
        start = min(engine.rank * size, n_stars - 1)
        share = read_part(self.batches, index, start, (engine.rank + 1) * size)
        batch = keras.tree.map_structure(lambda array: _filled(array, size), share)
        n_here = engine.n_devices // engine.n_workers
        return {**batch[0], _PADDING: np.zeros((n_here, 1 + n_filled - n_stars), "float32")}, *batch[1:]


class _WithoutPadding:
    """Mixin of `keras.Model`: takes the copies away, so that no loss, metric or layer sees them."""

    def train_step(self, state, data):
        return super().train_step(state, _without_padding(data))

    def test_step(self, state, data):
        return super().test_step(state, _without_padding(data))


def _filled(array, size):
    return np.concatenate([array, np.repeat(array[:1], size - len(array), axis=0)])


def _without_padding(data):
    inputs = dict(data[0])
    n_copies = inputs.pop(_PADDING).shape[1] - 1
    return keras.tree.map_structure(lambda array: array[: array.shape[0] - n_copies], (inputs, *data[1:]))


def _is_in_use():
    # JAX has no public way to ask: its public functions that tell of devices look for them first.
    try:
        from jax._src.xla_bridge import backends_are_initialized
    except ImportError:  # a JAX that keeps it elsewhere: it will tell itself
        return False
    return backends_are_initialized()


def _initialize(timeout):
    """Connect to the other processes; what the environment doesn't tell, JAX finds out on clusters that it knows."""
    given = [name for name in _VARIABLES if name in os.environ]
    if given and len(given) < len(_VARIABLES):
        raise ConfigurationError(
            f'distribute="multi_worker": {", ".join(given)} is set, but not '
            f"{', '.join(name for name in _VARIABLES if name not in given)}. {_NEEDED}"
        )
    try:
        numbers = [int(os.environ[name]) for name in given[1:]]
    except ValueError as error:
        raise ConfigurationError(
            f'distribute="multi_worker": {_VARIABLES[1]} and {_VARIABLES[2]} must be whole numbers ({error}).'
        ) from error
    if given:
        n_workers, rank = numbers
        roll_call(os.environ[_VARIABLES[0]], rank, n_workers, timeout)
    arguments = dict(zip(("num_processes", "process_id"), numbers, strict=False))
    try:
        jax.distributed.initialize(initialization_timeout=timeout, **arguments)
    except ValueError as error:
        raise ConfigurationError(f'distribute="multi_worker": {error} {_NEEDED}') from error

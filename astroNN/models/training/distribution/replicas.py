"""What the engines of several devices share: a copy of the network for them, and the shares of a batch."""

import contextlib
import copy
import random

import keras

from astroNN.models.training.distribution.engine import Engine
from astroNN.models.training.state import TrainingState, put_back, take_arrays
from astroNN.models.training.variables import make_variables
from astroNN.nn.utilities.generator import BatchGenerator

__all__ = ["ReplicatedEngine", "ShareOfBatches", "give_noise_of_their_own", "read_part", "read_share"]

#: random numbers that a layer of one replica draws before it comes to those of the next
_DRAWS = 2**20


class ReplicatedEngine(Engine):
    """Engine that trains a copy of the network, whose variables the devices share.

    Calibration, predictions and `save` use the network itself, whose variables are ordinary ones of this process.
    """

    def scope(self):
        """Context in which the variables of the copy are made."""
        return contextlib.nullcontext()

    def training_scope(self):
        """Context in which the copy trains."""
        return contextlib.nullcontext()

    def adapt(self, model):
        """Prepare the copy for this engine."""

    def common_seed(self, seed):
        drawn = self.gather([random.getrandbits(31)])[0][0]
        return drawn if seed is None else seed

    @contextlib.contextmanager
    def replicas(self, net):
        own = net.keras_model
        with self.scope():
            model = _copy_of_model(net)
            make_variables(model, net.training_generator)
            self.adapt(model)
        net.keras_model = model
        try:
            with self.training_scope():
                yield
        finally:
            net.keras_model = own
            optimizer = type(own.optimizer).__name__
            put_back(own, TrainingState(0, 0, False, "", optimizer, arrays=take_arrays(model)))


class ShareOfBatches(keras.utils.PyDataset):
    """The share of one worker in every batch.

    Parameters
    ----------
    batches : BatchGenerator
        The batches of the job.
    engine : Engine
        Tells which worker this is, and of how many.
    """

    def __init__(self, batches, engine):
        super().__init__()
        self.batches, self.engine = batches, engine

    def __len__(self):
        return len(self.batches)

    def __getitem__(self, index):
        return read_share(self.batches, index, self.engine.rank, self.engine.n_workers)

    def on_epoch_end(self):
        self.batches.on_epoch_end()


def read_share(batches, index, number, n_shares):
    """One of the parts of a batch, which differ by one star at most; empty if there are more parts than stars."""
    size, n_larger = divmod(batches.n_rows(index), n_shares)
    start = number * size + min(number, n_larger)
    return read_part(batches, index, start, start + size + (number < n_larger))


def read_part(batches, index, start, stop):
    """The stars of a batch from one place to another; those that there are."""
    if type(batches) is not BatchGenerator:
        # Stars that stream from files come in windows, which are read as a whole.
        return keras.tree.map_structure(lambda array: array[start:stop], batches[index])
    rows = batches.batch_rows(index)
    part = rows[start:stop]
    if len(part):
        return batches.read(part)
    # Not every kind of array can be asked for no rows.
    return keras.tree.map_structure(lambda array: array[:0], batches.read(rows[:1]))


def give_noise_of_their_own(model, number):
    """Let every replica draw other random numbers; the states of the generators stay the same in all.

    Parameters
    ----------
    model : keras.Model
        The copy that an engine trains.
    number : callable
        Without arguments to the number of the replica in which it is called, from 0.
    """

    class NoiseOfReplica(keras.random.SeedGenerator):
        def next(self, ordered=True):
            seed = super().next(ordered)
            return seed + keras.ops.cast(keras.ops.stack([0, number() * _DRAWS]), seed.dtype)

    for layer in model._flatten_layers():
        for value in vars(layer).values():
            if isinstance(value, keras.random.SeedGenerator):
                value.__class__ = NoiseOfReplica


def _copy_of_model(net):
    # Histories and callbacks of the training stay where they are.
    light = copy.copy(vars(net))
    light |= {"callbacks": None, "history": None, "virtual_cvslogger": None, "_training_state": None}
    shell = object.__new__(type(net))
    vars(shell).update(light)
    return copy.deepcopy(shell).keras_model

"""What the engines of several devices share: a copy of the network for them, and the shares of a batch."""

import contextlib
import copy
import logging
import random

import keras

from astroNN.models.training.callbacks import own_callbacks
from astroNN.models.training.distribution.engine import Engine
from astroNN.models.training.state import TrainingState, put_back, take_arrays
from astroNN.models.training.variables import make_variables
from astroNN.nn.utilities.generator import BatchGenerator

__all__ = ["ReplicatedEngine", "ShareOfBatches", "give_noise_of_their_own", "read_part", "read_share"]

logger = logging.getLogger("astroNN")

#: random numbers that a layer of one replica draws before it comes to those of the next
_DRAWS = 2**20


class ReplicatedEngine(Engine):
    """Engine that trains a copy of the network, whose variables the devices share.

    Calibration, predictions and `save` use the network itself, whose variables are ordinary ones of this process.
    """

    def scope(self):
        """Context in which the variables of the copy are made.

        Returns
        -------
        context manager
            One that does nothing, unless the engine has another.
        """
        return contextlib.nullcontext()

    def training_scope(self):
        """Context in which the copy trains.

        Returns
        -------
        context manager
            One that does nothing, unless the engine has another.
        """
        return contextlib.nullcontext()

    def check(self, model, batches):
        """Raise for a network that this engine would not train as one device does, before it is copied.

        Parameters
        ----------
        model : keras.Model
            Compiled.
        batches : BatchGenerator
            Of the training.

        Raises
        ------
        ConfigurationError
            (a ValueError) Naming what can't be done, and where it can.
        """

    def adapt(self, model):
        """Prepare the copy for this engine.

        Parameters
        ----------
        model : keras.Model
            The copy, with its variables.
        """

    def common_seed(self, seed):
        drawn = self.gather([random.getrandbits(31)])[0][0]
        return drawn if seed is None else seed

    @contextlib.contextmanager
    def replicas(self, net):
        own = net.keras_model
        self.check(own, net.training_generator)
        with self.scope():
            model = _copy_of_model(net)
            make_variables(model, net.training_generator)
            self.adapt(model)
        net.keras_model = model
        try:
            with self.training_scope():
                yield
        except BaseException:
            net.keras_model = own
            _save_what_is_left(net, model)
            raise
        else:
            net.keras_model = own
            _take_over(own, take_arrays(model))
        finally:
            _forget_copy(net, own)


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
    """One of the parts of a batch, which differ by one star at most.

    Parameters
    ----------
    batches : BatchGenerator
        Of the training or the validation.
    index : int
        Number of the batch.
    number, n_shares : int
        Number of the part, from 0, and how many there are.

    Returns
    -------
    tuple
        Inputs, targets and perhaps weights; of no star if there are more parts than stars.
    """
    size, n_larger = divmod(batches.n_rows(index), n_shares)
    start = number * size + min(number, n_larger)
    return read_part(batches, index, start, start + size + (number < n_larger))


def read_part(batches, index, start, stop):
    """The stars of a batch from one place to another.

    Parameters
    ----------
    batches : BatchGenerator
        Of the training or the validation.
    index : int
        Number of the batch.
    start, stop : int
        Places in the batch, as in a slice.

    Returns
    -------
    tuple
        Inputs, targets and perhaps weights, of those stars that there are.
    """
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


def _take_over(own, arrays):
    put_back(own, TrainingState(0, 0, False, "", type(own.optimizer).__name__, arrays=arrays))


def _save_what_is_left(net, model):
    """Give the network the numbers of its copy after an error, which this must not hide."""
    try:
        _take_over(net.keras_model, take_arrays(model))
    except Exception as error:  # a device may be gone, or another process
        state = net._training_state
        what = "those before the training" if state is None else f"those of epoch {state.epoch}, the last finished"
        logger.warning("The weights of the last step are lost (%s); the network has %s.", error, what)
        if state is not None:
            put_back(net.keras_model, state)


def _forget_copy(net, own):
    """Let histories and callbacks know the network itself: its copy would keep memory on the devices."""
    for callback in (net.history, net.virtual_cvslogger, *own_callbacks(net)):
        if isinstance(callback, keras.callbacks.Callback):
            # That of Keras: what the user's does once more (open a log, say) must not be done again.
            keras.callbacks.Callback.set_model(callback, own)


def _copy_of_model(net):
    # Histories and callbacks of the training stay where they are.
    light = copy.copy(vars(net))
    light |= {"callbacks": None, "history": None, "virtual_cvslogger": None, "_training_state": None}
    shell = object.__new__(type(net))
    vars(shell).update(light)
    return copy.deepcopy(shell).keras_model

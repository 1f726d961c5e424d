"""What a training asks of the devices that it runs on."""

import contextlib

from astroNN.models.training.variables import make_variables

__all__ = ["Engine"]


class Engine:
    """One process on the one device that Keras chooses; the engines of several devices derive from it.

    Attributes
    ----------
    rank, n_workers : int
        Number of this process, from 0, and how many there are.
    """

    rank = 0
    n_workers = 1

    @property
    def is_chief(self):
        """Whether this process writes the files and tells what happens."""
        return self.rank == 0

    @contextlib.contextmanager
    def replicas(self, net):
        """Context in which ``net.keras_model`` trains on all devices."""
        make_variables(net.keras_model, net.training_generator)
        yield

    def data(self, training, validation):
        """Arguments of Keras' `fit` that give it the batches.

        Parameters
        ----------
        training, validation : BatchGenerator
            Those of the whole job. None for no validation.

        Returns
        -------
        dict
        """
        return {"x": training, "validation_data": validation}

    def gather(self, numbers):
        """A list of whole numbers below 2**31 of every worker, in the order of their ranks."""
        return [numbers]

    @contextlib.contextmanager
    def one_voice(self, net):
        """Context in which the network of the chief alone tells what happens."""
        verbose = net.verbose
        net.verbose = verbose if self.is_chief else 0
        try:
            yield
        finally:
            net.verbose = verbose

    def common_seed(self, seed):
        """The seed of all workers; None if each may draw its own."""
        return seed

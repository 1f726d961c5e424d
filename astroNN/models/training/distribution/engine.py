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
        """Context in which ``net.keras_model`` trains on all devices.

        Parameters
        ----------
        net : NeuralNetMaster
            Compiled, with the batches of its training.

        Yields
        ------
        None
            Nothing; Keras' `fit` is called in the ``with`` block.
        """
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
            With ``x`` and ``validation_data``.
        """
        return {"x": training, "validation_data": validation}

    def gather(self, numbers):
        """Whole numbers of every worker.

        Parameters
        ----------
        numbers : list of int
            Those of this worker, from 0 to below 2**31; as many in each.

        Returns
        -------
        list of list of int
            In the order of the workers' ranks.
        """
        return [numbers]

    @contextlib.contextmanager
    def one_voice(self, net):
        """Context in which the network of the chief alone tells what happens.

        Parameters
        ----------
        net : NeuralNetMaster or DeepEnsemble
            Its ``verbose`` is 0 meanwhile, in all other processes.

        Yields
        ------
        None
            Nothing.
        """
        verbose = net.verbose
        net.verbose = verbose if self.is_chief else 0
        try:
            yield
        finally:
            net.verbose = verbose

    def common_seed(self, seed):
        """The seed of all workers.

        Parameters
        ----------
        seed : int or None
            Set by the user.

        Returns
        -------
        int or None
            None if each worker may draw its own.
        """
        return seed

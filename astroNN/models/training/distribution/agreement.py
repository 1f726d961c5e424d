"""Workers that train one network must begin with the same."""

import contextlib
import hashlib

import numpy as np

from astroNN.models._weight_names import weights_by_key
from astroNN.models.training.state import copies, fingerprint
from astroNN.shared.errors import ConfigurationError

__all__ = ["check_workers_agree", "refused_together"]

#: settings of which a training depends
_SETTINGS = (
    "seed", "batch_size", "max_epochs", "lr", "val_size", "early_stopping", "early_stopping_patience", "keep_best",
    "reduce_lr_patience",
)  # fmt: skip


def check_workers_agree(engine, net, data, resume):
    """Raise, in every worker, if they were given different things: they would wait for each other, or drift apart.

    Parameters
    ----------
    engine : Engine
        Connects the workers.
    net : NeuralNetMaster
        Compiled, with normalisers and split.
    data : Sample
        What it is to be trained on.
    resume : bool
        Whether its last training goes on.

    Raises
    ------
    ConfigurationError
        (a ValueError) Naming what differs.
    """
    if engine.n_workers == 1:
        return
    found = {f"`{name}`": repr(getattr(net, name)) for name in _SETTINGS}
    found["the labels"] = fingerprint(data.labels["output"])
    found["the training stars"] = fingerprint(data.counting(net.train_idx))
    found["the weights to begin with"] = fingerprint(np.concatenate([w.ravel() for w in _weights(net)]))
    found["the epoch to begin with"] = repr(net._training_state.epoch if resume else 0)
    gathered = zip(*engine.gather([_number(value) for value in found.values()]), strict=True)
    differing = [name for name, values in zip(found, gathered, strict=True) if len(set(values)) > 1]
    if differing:
        raise ConfigurationError(
            f"distribute: the {engine.n_workers} processes of this job differ in {', '.join(differing)}. Each must "
            "run the same script on the same arrays, and load the same checkpoint or none."
        )


@contextlib.contextmanager
def refused_together(engine):
    """Context of checks that may fail in some workers: then all raise, as the others would wait for those for ever.

    Parameters
    ----------
    engine : Engine
        Connects the workers; all must come here.

    Yields
    ------
    None
        Nothing; the checks stand in the ``with`` block.

    Raises
    ------
    ConfigurationError
        (a ValueError) In those whose own checks were passed, naming the others.
    """
    try:
        yield
    except Exception:
        engine.gather([1])
        raise
    refused = [str(rank) for rank, (flag,) in enumerate(engine.gather([0])) if flag]
    if refused:
        raise ConfigurationError(
            f"distribute: process {', '.join(refused)} of {engine.n_workers} refused this training before it began; "
            "its own error says why."
        )


def _weights(net):
    return copies(weights_by_key(net.keras_model).values())


def _number(text):
    """A whole number below 2**31, as engines send them."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") >> 1

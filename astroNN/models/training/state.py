"""Where a training stands between two epochs: all that it needs to go on as if it had never stopped."""

import hashlib
import math
from dataclasses import asdict, dataclass, field

import keras
import numpy as np

from astroNN.models._weight_names import weights_by_key
from astroNN.nn.utilities.streamed import block_rows
from astroNN.shared.errors import ConfigurationError
from astroNN.shared.sources import Rows

__all__ = [
    "GROUPS",
    "TrainingState",
    "copies",
    "fingerprint",
    "put_back",
    "seed_states",
    "source_of",
    "take_arrays",
]

#: kinds of arrays: of the last epoch its weights, optimiser and random numbers, and the weights of the best epoch
GROUPS = ("weights", "optimizer", "seeds", "best")


@dataclass
class TrainingState:
    """A training at the end of an epoch.

    Attributes
    ----------
    epoch : int
        Number of epochs that are finished.
    n_fit : int
        Trainings of the network before this one; the number is part of the seed of the shuffling.
    stopped : bool
        Whether early stopping has ended it.
    labels_sha256 : str
        Fingerprint of the labels that it is trained on.
    optimizer : str
        Class of the optimiser.
    source : str
        Where the batches are drawn from, see `source_of`; empty where it is not known.
    callbacks : dict
        By name of a callback (``"plateau"``, ``"early_stopping"``, ``"keep_best"``) what it has seen.
    history : dict
        Name of a logged value to its values, one per epoch, and ``"epoch"``.
    arrays : dict of lists of arrays
        By kind, see `GROUPS`; without a kind that the network itself holds.
    """

    epoch: int
    n_fit: int
    stopped: bool
    labels_sha256: str
    optimizer: str
    source: str = ""
    callbacks: dict = field(default_factory=dict)
    history: dict = field(default_factory=dict)
    arrays: dict = field(default_factory=dict)

    def to_dict(self):
        """Everything but the arrays.

        Returns
        -------
        dict
            In the types of strict JSON.
        """
        plain = asdict(self)
        del plain["arrays"]
        plain["callbacks"] = {
            name: {key: _as_json(value) for key, value in seen.items()} for name, seen in self.callbacks.items()
        }
        plain["history"] = {name: [_as_json(value) for value in values] for name, values in self.history.items()}
        return plain

    @classmethod
    def from_dict(cls, stored):
        """The state that `to_dict` has written.

        Parameters
        ----------
        stored : dict
            From a file: nothing in it is trusted.

        Returns
        -------
        TrainingState
            Without arrays.

        Raises
        ------
        ValueError
            If it holds anything else.
        """
        if not isinstance(stored, dict):
            raise ValueError("it is no dictionary")
        stored = {"source": ""} | stored  # which the first folders lack
        kinds = {"epoch": int, "n_fit": int, "stopped": bool, "labels_sha256": str, "optimizer": str, "source": str}
        for name, kind in kinds.items():
            if type(stored.get(name)) is not kind or (kind is int and stored[name] < 0):
                raise ValueError(f"`{name}` must be {kind.__name__}, got {stored.get(name)!r}"[:200])
        callbacks, history = stored.get("callbacks"), stored.get("history")
        if not _is_table(callbacks, dict) or not _is_table(history, list):
            raise ValueError("`callbacks` and `history` must be tables")
        if any(len(values) != stored["epoch"] for values in history.values()):
            raise ValueError(f"`history` must have one value for each of {stored['epoch']} epochs")
        return cls(
            **{name: stored[name] for name in kinds},
            callbacks={
                name: {key: _from_json(value) for key, value in seen.items()} for name, seen in callbacks.items()
            },
            history={name: [_from_json(value) for value in values] for name, values in history.items()},
        )


def fingerprint(labels):
    """SHA-256 of an array of labels.

    Parameters
    ----------
    labels : array
        Missing ones are NaN.

    Returns
    -------
    str
        Hexadecimal.
    """
    return hashlib.sha256(np.ascontiguousarray(labels).tobytes()).hexdigest()


def source_of(data):
    """What decides, besides the seed, which stars come together in a batch.

    Parameters
    ----------
    data : Sample
        What a network is trained on.

    Returns
    -------
    str
        In words.
    """
    sources = [array for array in (*data.inputs.values(), *data.masks.values()) if isinstance(array, Rows)]
    return f"files, in blocks of {block_rows(sources)} stars" if sources else "arrays in memory"


def copies(variables):
    """Values of variables.

    Parameters
    ----------
    variables : iterable of keras.Variable
        In any dtype.

    Returns
    -------
    list of arrays
        Which later steps of the training don't change.
    """
    return [np.array(keras.ops.convert_to_numpy(variable.value)) for variable in variables]


def seed_states(model):
    """Variables that count the random numbers drawn: what is a variable of a model but no weight.

    Parameters
    ----------
    model : keras.Model
        Built.

    Returns
    -------
    list of keras.Variable
        The variables themselves.
    """
    weights = {id(weight) for weight in model.weights}
    return [variable for variable in model.variables if id(variable) not in weights]


def take_arrays(model):
    """Weights, optimiser and random numbers of a model in training.

    Parameters
    ----------
    model : keras.Model
        Compiled, its optimiser built.

    Returns
    -------
    dict of lists of arrays
        ``"weights"``, ``"optimizer"`` and ``"seeds"``, copied.
    """
    return {
        "weights": copies(weights_by_key(model).values()),
        "optimizer": copies(model.optimizer.variables),
        "seeds": copies(seed_states(model)),
    }


def put_back(model, state):
    """Give a compiled model the numbers of a training state; what the state does not hold stays.

    Parameters
    ----------
    model : keras.Model
        Compiled.
    state : TrainingState
        Of a model with the same layers.

    Raises
    ------
    ConfigurationError
        If the optimiser is of another class, or other layers are trained; nothing has been changed then.
    """
    optimizer = model.optimizer
    if not optimizer.built:
        optimizer.build(model.trainable_variables)
    targets = {
        "weights": list(weights_by_key(model).values()),
        "optimizer": list(optimizer.variables),
        "seeds": seed_states(model),
    }
    if "optimizer" in state.arrays and type(optimizer).__name__ != state.optimizer:
        raise ConfigurationError(
            f"resume=True: this training was run by the optimizer {state.optimizer}, but the network has "
            f"{type(optimizer).__name__}. Set `optimizer` to one of that class and call `recompile()` first."
        )
    for kind, variables in targets.items():
        if kind in state.arrays and _shapes(variables) != _shapes(state.arrays[kind]):
            raise ConfigurationError(
                f"resume=True: the {kind} of the stored training have other shapes than those of the network. Were "
                "other layers frozen, or did its class change?"
            )
    for kind, variables in targets.items():
        for variable, array in zip(variables, state.arrays.get(kind, variables), strict=True):
            if array is not variable:
                # Backends count random numbers in integers of their own.
                variable.assign(array.astype(keras.backend.standardize_dtype(variable.dtype)))


def _shapes(arrays):
    return [tuple(array.shape) for array in arrays]


def _is_table(table, kind):
    if not isinstance(table, dict) or not all(isinstance(entry, kind) for entry in table.values()):
        return False
    entries = [value for entry in table.values() for value in (entry.values() if kind is dict else entry)]
    return all(value is None or _is_number(value) or value in list(_WORDS) for value in entries)


_WORDS = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


def _is_number(value):
    return isinstance(value, int | float) and not isinstance(value, bool)


def _as_json(value):
    return repr(value) if isinstance(value, float) and not math.isfinite(value) else value


def _from_json(value):
    return _WORDS[value] if isinstance(value, str) else value

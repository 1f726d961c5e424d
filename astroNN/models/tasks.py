"""What a task means for a network: its last activation, losses and metrics."""

from collections.abc import Callable
from dataclasses import dataclass

from astroNN.nn import losses
from astroNN.nn.losses import (
    binary_accuracy,
    binary_accuracy_from_logits,
    binary_crossentropy,
    categorical_accuracy,
    categorical_crossentropy,
    losses_lookup,
    mean_absolute_error,
    mean_error,
    mean_squared_error,
    robust_binary_crossentropy,
    robust_categorical_crossentropy,
    robust_mse,
)

__all__ = ["TASKS", "TaskSettings", "aware_of_gaps", "task_settings"]


@dataclass(frozen=True)
class TaskSettings:
    """Defaults of one task.

    Parameters
    ----------
    last_activation : str
        Of the output layer.
    loss : callable
        Of networks that are not Bayesian.
    metrics : tuple of callables
        Of networks that are not Bayesian.
    bayesian_loss : callable
        Of Bayesian ones, from label errors and predicted spreads, or from logits.
    bayesian_metrics : tuple of callables
        Of Bayesian ones.
    outputs_with_metrics : tuple of str, optional
        Outputs of Bayesian networks that have these metrics.
    """

    last_activation: str
    loss: Callable
    metrics: tuple
    #: Of Bayesian networks, which in training give logits instead of probabilities.
    bayesian_loss: Callable
    bayesian_metrics: tuple
    outputs_with_metrics: tuple = ("output",)


TASKS = {
    "regression": TaskSettings(
        "linear",
        mean_squared_error,
        (mean_absolute_error, mean_error),
        robust_mse,
        (mean_absolute_error, mean_error),
        ("output", "variance_output"),
    ),
    "classification": TaskSettings(
        "softmax",
        categorical_crossentropy,
        (categorical_accuracy,),
        robust_categorical_crossentropy,
        (categorical_accuracy,),
    ),
    "binary_classification": TaskSettings(
        "sigmoid",
        binary_crossentropy,
        (binary_accuracy,),
        robust_binary_crossentropy,
        (binary_accuracy_from_logits,),
    ),
}


def task_settings(task):
    """Settings of a task.

    Parameters
    ----------
    task : str
        One of `TASKS`.

    Returns
    -------
    TaskSettings
        Its defaults.

    Raises
    ------
    RuntimeError
        If there is no such task.
    """
    if task not in TASKS:
        supported = ", ".join(f'"{name}"' for name in TASKS)
        raise RuntimeError(f"Only {supported} are supported as `task`, got {task!r}.")
    return TASKS[task]


def aware_of_gaps(functions):
    """Losses or metrics with names replaced by the functions of astroNN.

    Keras has functions of the same names, for which the magic number is a label like any other.

    Parameters
    ----------
    functions : str, callable, list, dict or None
        As given to `keras.Model.compile`. Names that only Keras knows are left to it.

    Returns
    -------
    callable, str, list, dict or None
        Of the structure of `functions`.
    """
    if isinstance(functions, dict):
        return {name: aware_of_gaps(function) for name, function in functions.items()}
    if isinstance(functions, list | tuple):
        return [aware_of_gaps(function) for function in functions]
    is_ours = isinstance(functions, str) and functions in losses.__all__
    return losses_lookup(functions) if is_ours else functions

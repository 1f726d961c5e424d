"""What a task means for a network: its last activation, loss and metrics."""

from collections.abc import Callable
from dataclasses import dataclass

from astroNN.nn.losses import mean_absolute_error, mean_error, mean_squared_error

__all__ = ["TASKS", "TaskSettings", "task_settings"]


@dataclass(frozen=True)
class TaskSettings:
    """Defaults of one task."""

    last_activation: str
    loss: Callable
    metrics: tuple


TASKS = {
    "regression": TaskSettings("linear", mean_squared_error, (mean_absolute_error, mean_error)),
}


def task_settings(task):
    """Settings of a task.

    Raises
    ------
    RuntimeError
        If there is no such task.
    """
    if task not in TASKS:
        supported = ", ".join(f'"{name}"' for name in TASKS)
        raise RuntimeError(f"Only {supported} are supported as `task`, got {task!r}.")
    return TASKS[task]

"""Several processes on torch, one a GPU, whose gradients are added up."""

import os
from datetime import timedelta

import keras
import torch
import torch.distributed as dist
from torch.distributed.rendezvous import rendezvous

from astroNN.models.training.distribution.limits import (
    check_keras_has,
    refuse_other_reductions,
    refuse_own_steps,
    refused_layer,
)
from astroNN.models.training.distribution.replicas import ReplicatedEngine, ShareOfBatches, give_noise_of_their_own
from astroNN.nn.layers import MCBatchNorm
from astroNN.shared.errors import ConfigurationError

__all__ = ["all_devices", "connect"]

_VARIABLES = "MASTER_ADDR", "MASTER_PORT", "RANK", "WORLD_SIZE"


def all_devices():
    """None if there is one device; torch trains on several in as many processes."""
    if torch.cuda.device_count() > 1:
        raise ConfigurationError(
            f'distribute="auto": there are {torch.cuda.device_count()} GPUs, and on torch each needs a process of '
            'its own. Say distribute="multi_worker", and start by `torchrun --nproc-per-node=gpu script.py`.'
        )


def connect(timeout):
    """Engine for the processes named in the environment, as `torchrun` does it."""
    if not dist.is_initialized():
        missing = [name for name in _VARIABLES if name not in os.environ]
        if missing:
            raise ConfigurationError(
                f'distribute="multi_worker": {", ".join(missing)} is not in the environment. Start the script by '
                f"`torchrun`, or set {', '.join(_VARIABLES)} in each process."
            )
        _initialize(timeout)
    return TorchEngine(dist.get_rank(), dist.get_world_size())


class TorchEngine(ReplicatedEngine):
    """Processes that `torch.distributed` connects."""

    def __init__(self, rank, n_workers):
        self.rank, self.n_workers = rank, n_workers

    def check(self, model, batches):
        check_keras_has("_get_metrics_result_or_logs")
        refuse_own_steps(model)
        refuse_other_reductions(model)
        for layer in model._flatten_layers():
            is_ours = isinstance(layer, MCBatchNorm) and not layer.disable
            if is_ours or isinstance(layer, keras.layers.BatchNormalization):
                why = "would see the stars of its own process alone. Train networks that have one on"
                raise refused_layer(layer, f"{why} {'JAX' if is_ours else 'TensorFlow or JAX'}.")

    def adapt(self, model):
        model.__class__ = type(f"Replicated{type(model).__name__}", (_Replicated, type(model)), {})
        give_noise_of_their_own(model, dist.get_rank)
        optimizer = model.optimizer
        # Of the same name, which is stored with the state of the training.
        optimizer.__class__ = type(type(optimizer).__name__, (_OfAllWorkers, type(optimizer)), {})

    def data(self, training, validation):
        return {
            "x": ShareOfBatches(training, self),
            "validation_data": None if validation is None else ShareOfBatches(validation, self),
        }

    def gather(self, numbers):
        gathered = [None] * self.n_workers
        dist.all_gather_object(gathered, numbers)
        return gathered


class _Replicated:
    """Mixin of `keras.Model`: shares that differ in size add up to the whole batch, metrics to those of all stars."""

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        n_stars = len(keras.tree.flatten(x)[0])
        if n_stars:
            loss = super().compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=sample_weight, training=training)
        else:  # zero, with gradients that the others can be added to
            loss = sum(output.sum() for output in keras.tree.flatten(y_pred))
        if not training:
            return loss
        of_all = torch.full_like(loss, n_stars, requires_grad=False)
        dist.all_reduce(of_all)
        # The value is averaged over the stars by the metric that logs it; the gradients are added up.
        return loss.detach() + n_stars / of_all * (loss - loss.detach())

    def _get_metrics_result_or_logs(self, logs):
        # At the end of an epoch, and of a validation. Variables of metrics are sums.
        for variable in self.metrics_variables:
            total = variable.value.detach().clone()
            dist.all_reduce(total)
            variable.assign(total)
        return super()._get_metrics_result_or_logs(logs)


class _OfAllWorkers:
    """Mixin of `keras.optimizers.Optimizer`: takes the gradients of all processes, added up."""

    def apply(self, grads, trainable_variables=None):
        return super().apply(_added_up(grads, trainable_variables), trainable_variables)


def _added_up(gradients, variables):
    """Sums over the processes, of all variables in the same order; None where no process has a gradient.

    A process without stars has one for every variable, the others have none for an output outside the loss.
    """
    n_known = torch.tensor([gradient is not None for gradient in gradients], device=variables[0].value.device).int()
    dist.all_reduce(n_known)
    sums = []
    for gradient, variable, n in zip(gradients, variables, n_known.tolist(), strict=True):
        total = gradient if gradient is not None else torch.zeros_like(variable.value, requires_grad=False)
        if n:
            total = total.contiguous()
            dist.all_reduce(total)
        sums.append(total if n else None)
    return sums


def _initialize(timeout):
    on_gpus = torch.cuda.is_available()
    if on_gpus:
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", 0)))
    try:
        store, rank, n_workers = next(rendezvous("env://", timeout=timedelta(seconds=timeout)))
        dist.init_process_group("nccl" if on_gpus else "gloo", store=store, rank=rank, world_size=n_workers)
    except ValueError as error:
        names = ", ".join(_VARIABLES)
        raise ConfigurationError(f'distribute="multi_worker": one of {names} is wrong: {error}') from error
    except RuntimeError as error:
        if "timeout" not in str(error).lower() and "timed out" not in str(error).lower():
            raise ConfigurationError(f'distribute="multi_worker": torch could not connect: {error}') from error
        raise TimeoutError(
            f'distribute="multi_worker": the other processes did not answer within {timeout} s: {error}'
        ) from error

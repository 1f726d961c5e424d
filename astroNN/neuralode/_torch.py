"""Solvers on torch, which run step by step."""

from contextlib import nullcontext

import torch

__all__ = ["NEEDS_VALUES_OF_VARIABLES", "compiled", "first_not_below", "in_precision", "is_known"]

#: whether a compiled function keeps the values that variables had at its first call
NEEDS_VALUES_OF_VARIABLES = False


def compiled(function):
    """The function itself."""
    return function


def first_not_below(ends, times):
    """Row number of the first of the rising `ends` (n_ends, n) that is not below each time (n, n_times)."""
    return torch.searchsorted(ends.T.contiguous(), times.contiguous()).to(torch.int32)


def in_precision(dtype):
    """Context in which numbers of this type exist."""
    return nullcontext()


def is_known(tensor):
    """Whether a tensor has numbers already, and is not one that is mapped over."""
    return not torch._C._functorch.is_functorch_wrapped_tensor(tensor)

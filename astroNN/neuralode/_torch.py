"""Solvers on torch, which run step by step."""

from contextlib import nullcontext

import torch

__all__ = [
    "NEEDS_VALUES_OF_VARIABLES",
    "as_it_is",
    "compiled",
    "in_precision",
    "is_known",
    "variables_seen",
    "vjp",
    "with_added",
    "with_gradient",
    "with_row",
]

#: whether a compiled function keeps the values that variables had at its first call
NEEDS_VALUES_OF_VARIABLES = False


def as_it_is(function):
    """The function: nothing is rewritten here."""
    return function


def compiled(function):
    """The function itself."""
    return function


def in_precision(dtype):
    """Context in which numbers of this type exist."""
    return nullcontext()


def is_known(tensor):
    """Whether a tensor has numbers already, and is not one that is mapped over."""
    return not torch._C._functorch.is_functorch_wrapped_tensor(tensor)


def with_added(buffer, numbers, rows):
    """The buffer with rows added to those of some numbers, which may repeat."""
    return buffer.index_add(0, numbers, rows)


def with_row(buffer, number, row):
    """The buffer with one row written anew, in place."""
    buffer[int(number)] = row
    return buffer


def vjp(function, arguments, variables):
    """See `_backend`."""
    with torch.enable_grad():
        arguments = [one.detach().requires_grad_() for one in arguments]
        values = function(arguments)

    def pull(cotangents):
        asked = [*arguments, *variables]
        connected = [(value, one) for value, one in zip(values, cotangents, strict=True) if value.requires_grad]
        if not connected:
            return [torch.zeros_like(one) for one in asked]
        outputs, given = zip(*connected, strict=True)
        # What lies outside of the function, as a parameter made of another one, is gone through once a call.
        found = torch.autograd.grad(outputs, asked, given, allow_unused=True, retain_graph=True)
        return [torch.zeros_like(one) if grad is None else grad for grad, one in zip(found, asked, strict=True)]

    return values, pull


def variables_seen(function):
    """Parameters that a function looks at by itself: those from which its value follows."""
    if not torch.is_grad_enabled():
        return []
    found, seen, nodes = [], set(), [value.grad_fn for value in function() if value.grad_fn is not None]
    while nodes:
        node = nodes.pop()
        if node in seen:
            continue
        seen.add(node)
        if hasattr(node, "variable"):
            found.append(node.variable)
        nodes += [before for before, _ in node.next_functions if before is not None]
    return found


class _Solved(torch.autograd.Function):
    @staticmethod
    def forward(ctx, run, pull, constants, n_variables, state, times, *others):
        parameters, variables = others[: len(others) - n_variables], others[len(others) - n_variables :]
        found, residuals = run(constants, state, times, list(parameters))
        ctx.given = (constants, state, times, list(parameters), residuals)
        ctx.pull, ctx.variables = pull, list(variables)
        ctx.mark_non_differentiable(*(one for one in found[1:] if isinstance(one, torch.Tensor)))
        return found

    @staticmethod
    def backward(ctx, cotangent, *_):
        of_state, of_times, found = ctx.pull(*ctx.given, cotangent, ctx.variables)
        return None, None, None, None, of_state, of_times, *found


def with_gradient(run, pull):
    """See `_backend`."""

    def solve(constants, state, times, parameters, variables):
        return _Solved.apply(run, pull, constants, len(variables), state, times, *parameters, *variables)

    return solve

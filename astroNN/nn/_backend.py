"""What differs between the Keras backends when a function of tensors is to run fast.

Everything else in `astroNN.nn` is written with `keras.ops`; this is the one place of the room
that imports a backend by name, and only when a function is compiled.
"""

import functools
import threading

import keras

__all__ = ["accelerator_memory", "compiled"]

_UNTOLD = 2**32  # bytes: no GPU that people compute with has less


def compiled(function, variables=(), state=(), xla=False):
    """Compile a function of tensors that may use Keras variables.

    TensorFlow: ``tf.function``, without XLA by default (XLA made Monte Carlo passes on CPU ten times slower).
    JAX: ``jax.jit`` with the variables as arguments, so that weights changed later are seen.
    torch: eager, without gradients.

    Parameters
    ----------
    function : callable
        Takes tensors (or lists of tensors), returns a nest of tensors.
    variables : list of keras.Variable
        All the variables that `function` reads.
    state : list of keras.Variable
        Those among `variables` that it changes (states of random number generators).
    xla : bool, optional
        Use XLA on TensorFlow, too. It takes seconds to compile, and pays for functions of many small steps between
        large arrays.

    Returns
    -------
    callable
        Same arguments and result as `function`. Call it with tensors of the same shapes and types
        each time: new ones are compiled anew on TensorFlow and JAX.
    """
    wrappers = {
        "tensorflow": functools.partial(_compiled_tensorflow, xla=xla), "jax": _compiled_jax, "torch": _compiled_torch
    }  # fmt: skip
    backend = keras.backend.backend()
    if backend not in wrappers:
        raise ValueError(f"Monte Carlo inference runs on {sorted(wrappers)}, not on the Keras backend {backend!r}.")
    return wrappers[backend](function, list(variables), list(state))


def accelerator_memory():
    """Free bytes of the accelerator that functions of tensors run on; None where that is the processor.

    TensorFlow does not tell: there 4 GiB are taken to be free.
    """
    backend = keras.backend.backend()
    if backend == "jax":
        return _free_jax()
    if backend == "torch":
        return _free_torch()
    import tensorflow as tf

    return _UNTOLD if tf.config.list_logical_devices("GPU") else None


def _free_jax():
    import jax

    device = jax.local_devices()[0]
    if device.platform == "cpu":
        return None
    told = device.memory_stats() or {}
    return told["bytes_limit"] - told.get("bytes_in_use", 0) if "bytes_limit" in told else _UNTOLD


def _free_torch():
    import torch

    device = torch.device(str(keras.ops.zeros(()).device))
    if device.type == "cpu":
        return None
    return torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else _UNTOLD


def _compiled_tensorflow(function, variables, state, xla):
    import tensorflow as tf

    traced, lock = {}, threading.Lock()

    # Concrete functions are called directly: `tf.function` would take the engines of several networks
    # for one function that is traced too often, and warn.
    def run(*args):
        signature = tuple((tensor.shape, tensor.dtype) for tensor in tf.nest.flatten(args))
        if signature not in traced:
            with lock:  # blocks run in threads; one of them traces
                if signature not in traced:
                    graph = tf.function(function, autograph=False, jit_compile=xla or None)
                    traced[signature] = graph.get_concrete_function(*args)
        return traced[signature](*args)

    return run


def _compiled_jax(function, variables, state):
    import jax

    def pure(values, *args):
        with keras.StatelessScope(state_mapping=list(zip(variables, values, strict=True))) as scope:
            result = function(*args)
        changed = [scope.get_current_value(v) for v in state]
        return result, [v.value if c is None else c for v, c in zip(state, changed, strict=True)]

    jitted = jax.jit(pure)

    def run(*args):
        result, new_state = jitted([v.value for v in variables], *args)
        for variable, value in zip(state, new_state, strict=True):
            variable.assign(value)
        return result

    return run


def _compiled_torch(function, variables, state):
    import torch

    def run(*args):
        with torch.no_grad():
            return function(*args)

    return run

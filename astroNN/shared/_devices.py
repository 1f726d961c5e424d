"""GPUs, backend by backend: the one place in `shared` that knows of backends.

Each function imports the backend that Keras runs on, and no other; it does not import Keras, which on torch looks for
GPUs at once.
"""

import json
import os
import sys
from pathlib import Path

__all__ = ["available", "hide", "limit_memory", "show"]

VISIBLE = "CUDA_VISIBLE_DEVICES"
HIDDEN = "-1"

# "visible": what the variable was before we hid the GPUs, None if it was not set; "looked": torch was asked for GPUs.
_kept = {}


def _backend():
    """Name of the backend that Keras runs on, or will run on when it is imported."""
    if "keras" in sys.modules:
        return sys.modules["keras"].config.backend()
    return os.environ.get("KERAS_BACKEND") or _configured_backend() or "tensorflow"


def _configured_backend():
    folder = os.environ.get("KERAS_HOME") or "~/.keras"
    try:
        return json.loads((Path(folder).expanduser() / "keras.json").read_text()).get("backend")
    except (OSError, ValueError):  # as Keras does: without a file that can be read, its default
        return None


def available():
    """Whether the backend sees a GPU."""
    if _backend() == "tensorflow":
        import tensorflow as tf

        return bool(tf.config.get_visible_devices("GPU"))
    if _backend() == "torch":
        import torch

        _kept["looked"] = True
        return torch.cuda.is_available()
    import jax

    return any(device.platform == "gpu" for device in jax.devices())


def hide():
    """Hide all GPUs; RuntimeError if it is too late."""
    if _backend() == "tensorflow":
        import tensorflow as tf

        tf.config.set_visible_devices([], "GPU")
        return
    _refuse_if_in_use()
    _kept.setdefault("visible", os.environ.get(VISIBLE))
    os.environ[VISIBLE] = HIDDEN


def show():
    """Show the GPUs again that were there before they were hidden; RuntimeError if it is too late."""
    if _backend() == "tensorflow":
        import tensorflow as tf

        tf.config.set_visible_devices(tf.config.list_physical_devices("GPU"), "GPU")
        return
    if "visible" not in _kept:
        return
    _refuse_if_in_use()
    before = _kept.pop("visible")
    if before is None:
        os.environ.pop(VISIBLE, None)
    else:
        os.environ[VISIBLE] = before


def limit_memory(ratio):
    """Take memory as it is needed (True), or at most a part of it (a float); RuntimeError if it is too late."""
    if _backend() == "tensorflow":
        import tensorflow as tf

        if ratio is not True:
            raise ValueError(
                "gpu_memory_manage: on TensorFlow `ratio` must be True (memory as it is needed): TensorFlow knows no "
                "fraction. Set a limit in MB by tf.config.set_logical_device_configuration."
            )
        for device in tf.config.list_physical_devices("GPU"):
            tf.config.experimental.set_memory_growth(device, True)
        return
    if _backend() == "torch":
        import torch

        if ratio is not True and available():  # torch always takes memory as it is needed
            torch.cuda.set_per_process_memory_fraction(ratio)
        return
    _refuse_if_in_use()
    if ratio is True:
        os.environ["XLA_PYTHON_CLIENT_PREALLOCATE"] = "false"
    else:
        os.environ["XLA_PYTHON_CLIENT_MEM_FRACTION"] = f"{ratio:g}"


def _refuse_if_in_use():
    """Raise if the backend has looked for GPUs: it does so once."""
    if _torch_in_use() if _backend() == "torch" else _jax_in_use():
        raise RuntimeError("the backend has looked for GPUs already")


def _torch_in_use():
    import torch

    # Keras asks torch for GPUs when it is imported, and stays with the answer.
    asked = "keras" in sys.modules or "looked" in _kept
    return torch.cuda.is_initialized() or (asked and torch.cuda.is_available())


def _jax_in_use():
    # JAX has no public way to ask: its public functions that tell of devices look for them first.
    try:
        from jax._src.xla_bridge import backends_are_initialized
    except ImportError:  # a JAX that keeps it elsewhere: believe the user that nothing was computed
        return False
    return backends_are_initialized()

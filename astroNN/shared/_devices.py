"""GPUs, backend by backend: the one place where the survey tools' room knows of backends.

Each function imports the backend that Keras runs on, and no other.
"""

import os

__all__ = ["available", "hide", "limit_memory", "show"]

HIDDEN = "-1"


def _backend():
    import keras

    return keras.backend.backend()


def available():
    """Whether the backend sees a GPU."""
    if _backend() == "tensorflow":
        import tensorflow as tf

        return bool(tf.config.get_visible_devices("GPU"))
    if _backend() == "torch":
        import torch

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
    os.environ["CUDA_VISIBLE_DEVICES"] = HIDDEN


def show():
    """Show all GPUs again; RuntimeError if it is too late."""
    if _backend() == "tensorflow":
        import tensorflow as tf

        tf.config.set_visible_devices(tf.config.list_physical_devices("GPU"), "GPU")
        return
    _refuse_if_in_use()
    if os.environ.get("CUDA_VISIBLE_DEVICES") == HIDDEN:
        del os.environ["CUDA_VISIBLE_DEVICES"]


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

        if ratio is not True and torch.cuda.is_available():  # torch always takes memory as it is needed
            torch.cuda.set_per_process_memory_fraction(ratio)
        return
    _refuse_if_in_use()
    if ratio is True:
        os.environ["XLA_PYTHON_CLIENT_PREALLOCATE"] = "false"
    else:
        os.environ["XLA_PYTHON_CLIENT_MEM_FRACTION"] = f"{ratio:g}"


def _refuse_if_in_use():
    """Raise if the backend has looked for GPUs: it does so once."""
    if _backend() == "torch":
        import torch

        in_use = torch.cuda.is_initialized()
    else:
        from jax._src import xla_bridge

        in_use = xla_bridge.backends_are_initialized()
    if in_use:
        raise RuntimeError("the backend has been used already")

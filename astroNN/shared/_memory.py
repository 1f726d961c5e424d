"""The memory of large arrays on Linux: kept for the next step rather than given back after every one."""

import ctypes
import functools
import os

__all__ = ["keep_freed_memory"]

# Of mallopt(3).
_M_TOP_PAD, _M_MMAP_THRESHOLD = -2, -3
_LARGEST = 32 * 2**20  # bytes of an array; up to this glibc would adapt its threshold by itself
_KEPT = 64 * 2**20  # bytes of freed memory that stay
_CHOICES_OF_USERS = ("GLIBC_TUNABLES", "MALLOC_MMAP_THRESHOLD_", "MALLOC_TOP_PAD_", "MALLOC_TRIM_THRESHOLD_")


@functools.cache
def keep_freed_memory():
    """Let glibc keep freed memory, as it does unless told otherwise; returns whether it was told so.

    TensorFlow lowers glibc's threshold of trimming when the first batch comes from a Python generator. This also ends
    the adaption of the threshold from which memory is mapped for each array: then every activation of every step is
    mapped, filled with zeros by the kernel, and unmapped, which takes a third of the time of a training.

    A choice that the user made by environment variables stays. Without glibc nothing happens.
    """
    if any(os.environ.get(name) for name in _CHOICES_OF_USERS):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # not glibc: musl, macOS, Windows
        return False
    return bool(mallopt(_M_MMAP_THRESHOLD, _LARGEST) and mallopt(_M_TOP_PAD, _KEPT))

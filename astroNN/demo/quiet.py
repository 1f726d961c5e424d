"""Starting Keras' backend without its remarks on the machine."""

import os
import sys
import tempfile
from contextlib import contextmanager

__all__ = ["start_backend", "stderr_held_back"]


def start_backend():
    """Import Keras and wake its backend, silently unless that fails.

    TensorFlow writes a dozen lines on processors and missing GPUs when it starts, some of them (2.21) from C++ before
    it looks at ``TF_CPP_MIN_LOG_LEVEL``. A user who has set this variable wants them and gets them.
    """
    if "TF_CPP_MIN_LOG_LEVEL" in os.environ:
        _wake()
        return
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"
    with stderr_held_back():
        _wake()


def _wake():
    import keras

    keras.ops.zeros(1)  # devices are looked for at the first tensor


@contextmanager
def stderr_held_back():
    """Hold back what the process writes to standard error, C++ included; an exception lets it out after all.

    Yields
    ------
    None
        Nothing; what is held back is thrown away when the block ends without an exception.
    """
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        except Exception:
            _give_back(kept)
            held.seek(0)
            os.write(2, held.read())
            raise
        finally:
            sys.stderr.flush()
            os.dup2(kept, 2)
            os.close(kept)


def _give_back(kept):
    sys.stderr.flush()
    os.dup2(kept, 2)

"""The setting ``cpufallback``, which hides the GPUs.

Imported before Keras: on torch, Keras looks for GPUs when it is imported, and then it is too late.
"""

from astroNN.config import cpu_gpu_reader
from astroNN.shared.nn_tools import cpu_fallback

if cpu_gpu_reader():
    cpu_fallback()

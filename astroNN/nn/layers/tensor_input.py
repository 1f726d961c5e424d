"""A constant tensor as a layer."""

import keras
import numpy as np
from keras import ops

from astroNN.nn.layers._old_config import without_empty_key
from astroNN.nn.layers._precision import wide_dtype

__all__ = ["TensorInput"]


@keras.saving.register_keras_serializable(package="astroNN")
class TensorInput(keras.layers.Layer):
    r"""Return a stored tensor, whatever the layer is called on: :math:`y = c`.

    Parameters
    ----------
    tensor : array or tensor
        What to return. Floats get the type of the layer's variables (float32, under mixed precision too),
        other numbers keep theirs.
    name : str, optional
        Name of the layer.
    **kwargs
        Other arguments of `keras.layers.Layer`.

    Raises
    ------
    ValueError
        If the layer is called without a stored tensor, or `tensor` is symbolic or not made of numbers.

    Notes
    -----
    Called on ``[]`` it gives the tensor itself, no input of the model. To make the constant a visible layer
    of a functional model (one that is saved with it), call it on one of the model's tensors, which is ignored.
    The tensor is a constant: its value at the time the layer is made counts, and no gradient reaches what
    it was made from.

    Examples
    --------
    >>> import numpy as np
    >>> layer = TensorInput(tensor=np.array([[1.0, 2.0]]))
    >>> tuple(layer([]).shape)
    (1, 2)
    """

    def __init__(self, tensor=None, name=None, **kwargs):
        super().__init__(name=name, **kwargs)
        self.tensor = None if tensor is None else self._as_array(tensor)

    def call(self, inputs=None):
        return ops.convert_to_tensor(self._stored(), dtype=self._output_dtype())

    def compute_output_shape(self, input_shape=None):
        return self._stored().shape

    def compute_output_spec(self, inputs=None):
        return keras.KerasTensor(self._stored().shape, dtype=self._output_dtype())

    def get_config(self):
        stored = None
        if self.tensor is not None:
            stored = {"values": self.tensor.tolist(), "dtype": self.tensor.dtype.name}
        return {**super().get_config(), "tensor": stored}

    @classmethod
    def from_config(cls, config):
        config = without_empty_key(config)
        stored = config.get("tensor")
        if isinstance(stored, dict):
            config["tensor"] = np.asarray(stored["values"], stored["dtype"])
        return super().from_config(config)

    def _stored(self):
        if self.tensor is None:
            raise ValueError("TensorInput holds no tensor: give it one, as in `TensorInput(tensor=values)([])`.")
        return self.tensor

    def _output_dtype(self):
        stored = self._stored()
        return self.variable_dtype if stored.dtype.kind == "f" else stored.dtype.name

    def _as_array(self, tensor):
        if isinstance(tensor, keras.KerasTensor):
            raise ValueError(
                "TensorInput: `tensor` is symbolic (part of a model's graph) and has no values to store. Use it "
                "directly, or call the layer on an array."
            )
        if ops.is_tensor(tensor) or isinstance(tensor, keras.Variable):
            is_half = keras.backend.standardize_dtype(tensor.dtype) == "bfloat16"  # a type that numpy lacks
            tensor = ops.convert_to_numpy(ops.cast(tensor, "float32") if is_half else tensor)
        array = np.array(tensor)
        if array.dtype.kind not in "buif":
            raise ValueError(f"TensorInput: `tensor` must hold numbers, got dtype {array.dtype}.")
        return array.astype(wide_dtype(self.variable_dtype)) if array.dtype.kind == "f" else array

"""`NeuralODE`: a layer that solves a differential equation whose right-hand side is a network."""

import keras
import numpy as np
from keras import layers, ops

from astroNN.neuralode._gradient import GRADIENTS
from astroNN.neuralode._methods import METHODS
from astroNN.neuralode.odeint import odeint

__all__ = ["NeuralODE"]


@keras.saving.register_keras_serializable(package="astroNN")
class NeuralODE(layers.Layer):
    r"""Carries its input along :math:`dy/dt = f(y, t)`, where *f* is a layer or model that is trained.

    Chen et al. 2018, NeurIPS 31 (arXiv:1806.07366). Every row of a batch has steps of its own, as in `odeint`.

    Parameters
    ----------
    field : keras.Layer or keras.Model
        Gives derivatives in the shape of the states. It is called with states ``(n, ...)``; with `with_time` with a
        list of these and of times ``(n, 1)``.
    t : array, shape (n_times,), optional
        Rising or falling times; the input is the state at the first. Default ``(0.0, 1.0)``.
    return_sequences : bool, optional
        Whether the output is the state at all times, ``(n, n_times, ...)``, or (default) at the last one,
        ``(n, ...)``.
    with_time : bool, optional
        Whether the derivative depends on time by itself. Default False.
    method : {"dopri5", "dop853", "rk4"}, optional
        As of `odeint`. Default ``"dopri5"``, the cheapest for the tolerances that training wants.
    rtol, atol : float, optional
        Tolerances of each step. Default 1e-4, both.
    gradient : {"direct", "adjoint", None}, optional
        As of `odeint`. Default ``"direct"``.
    max_steps : int, optional
        Most steps that are tried. Default 4096.
    **kwargs
        As of any layer.

    Raises
    ------
    TypeError
        If `field` is no layer.
    ValueError
        If an option is unknown, or times are not in order.

    Notes
    -----
    A solution that can't be carried to its last time, as of a network whose derivatives have become infinite, is NaN
    from there on, and so is the loss. Layers that change in training by themselves or draw random numbers (batch
    normalisation, dropout) don't belong into `field`: the right-hand side must not change within a step.

    Examples
    --------
    >>> import keras
    >>> import numpy as np
    >>> from astroNN.neuralode import NeuralODE
    >>> field = keras.Sequential([keras.layers.Dense(16, activation="tanh"), keras.layers.Dense(2)])
    >>> model = keras.Sequential([NeuralODE(field, t=[0.0, 0.5, 1.0], return_sequences=True)])
    >>> tuple(model(np.ones((5, 2), "float32")).shape)
    (5, 3, 2)
    """

    def __init__(self, field, t=(0.0, 1.0), return_sequences=False, with_time=False, method="dopri5", rtol=1e-4,
                 atol=1e-4, gradient="direct", max_steps=4096, **kwargs):  # fmt: skip
        super().__init__(**kwargs)
        if not isinstance(field, layers.Layer):
            raise TypeError(f"NeuralODE: `field` must be a layer or model of Keras, got {field!r}.")
        self.t = [float(time) for time in np.ravel(t)]
        change = np.diff(self.t)
        if len(self.t) < 2 or not np.isfinite(self.t).all() or not ((change > 0).all() or (change < 0).all()):
            raise ValueError(f"NeuralODE: `t` must hold two or more times that rise (or fall), got {t!r}.")
        for name, value, known in (("method", method, list(METHODS)), ("gradient", gradient, list(GRADIENTS))):
            if value not in known:
                raise ValueError(f"NeuralODE: `{name}` must be one of {known}, got {value!r}.")
        self.field, self.return_sequences, self.with_time = field, return_sequences, with_time
        self.method, self.rtol, self.atol, self.gradient, self.max_steps = method, rtol, atol, gradient, max_steps

    def build(self, input_shape):
        if not self.field.built:
            self.field.build([input_shape, (input_shape[0], 1)] if self.with_time else input_shape)
        self.built = True

    def call(self, inputs):
        states = odeint(
            self._derivative, [inputs], self._times(inputs), method=self.method, precision=self.compute_dtype,
            rtol=self.rtol, atol=self.atol, max_steps=self.max_steps, gradient=self.gradient, vectorized=True,
            statistics=True,
        )[0][0]  # fmt: skip
        return states if self.return_sequences else states[:, -1]

    def _times(self, inputs):
        times = ops.convert_to_tensor(self.t, self.compute_dtype)
        return ops.broadcast_to(times[None], (ops.shape(inputs)[0], len(self.t)))

    def _derivative(self, state, time):
        found = self.field([state[0], time[:, None]] if self.with_time else state[0])
        if tuple(found.shape[1:]) != tuple(state[0].shape[1:]):
            raise ValueError(
                f"NeuralODE: `field` gives derivatives of shape {tuple(found.shape[1:])} for a state of shape "
                f"{tuple(state[0].shape[1:])}; they must be alike."
            )
        return [found]

    def compute_output_shape(self, input_shape):
        n, *others = input_shape
        return (n, len(self.t), *others) if self.return_sequences else (n, *others)

    def get_config(self):
        names = ("t", "return_sequences", "with_time", "method", "rtol", "atol", "gradient", "max_steps")
        field = keras.saving.serialize_keras_object(self.field)
        return {**super().get_config(), "field": field, **{name: getattr(self, name) for name in names}}

    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "field": keras.saving.deserialize_keras_object(config["field"])})

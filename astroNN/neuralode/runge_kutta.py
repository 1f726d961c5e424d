"""`rk4` under its established name and arguments."""

from astroNN.neuralode.odeint import odeint

__all__ = ["rk4"]


def rk4(func, x, t, tol=None, tf_float="float32", *args, **kwargs):
    """Solve :math:`dy/dt = f(y, t)` by the classical Runge-Kutta method of order 4 with step doubling.

    Parameters
    ----------
    func, x, t, tol, *args, **kwargs
        As in `odeint`; ``aux`` and ``step`` among them.
    tf_float : {"float32", "float64"}, optional
        `precision` of `odeint`.

    Returns
    -------
    states : tensor
        As of `odeint`.
    t : array
        As it was given.
    """
    return odeint(func, x, t, kwargs.pop("aux", None), "rk4", tf_float, *args, tol=tol, **kwargs), t

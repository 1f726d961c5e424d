"""`rk4` under its established name and arguments."""

from astroNN.neuralode.odeint import odeint

__all__ = ["rk4"]


def rk4(func, x, t, tol=None, tf_float="float32", *args, **kwargs):
    """Solve :math:`dy/dt = f(y, t)` by the classical Runge-Kutta method of order 4 with step doubling.

    Parameters
    ----------
    func : callable
        ``func(y, t, *args, **kwargs)``, the derivative, as in `odeint`.
    x : array, list of numbers, or dict, list or tuple of arrays
        Initial state, ``(d,)`` or ``(n, d)``.
    t : array, shape (n_times,) or (n, n_times)
        Times of the output, the first that of the initial state.
    tol : float, optional
        Error of each step's mean slope relative to its largest component. Default 1e-6 (float32) or 1e-10 (float64),
        unless ``rtol`` or ``atol`` are given.
    tf_float : {"float32", "float64"}, optional
        `precision` of `odeint`.
    *args, **kwargs
        Further arguments of `func`, and options of `odeint` by their names, ``aux`` and ``step`` among them.

    Returns
    -------
    states : tensor
        As of `odeint`.
    t : array
        As it was given.
    """
    return odeint(func, x, t, kwargs.pop("aux", None), "rk4", tf_float, *args, tol=tol, **kwargs), t

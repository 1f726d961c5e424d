"""`dop853` under its established name and arguments."""

from astroNN.neuralode.odeint import odeint

__all__ = ["dop853"]


def dop853(func, x, t, hmax=0.0, rtol=None, atol=None, nmax=100_000_000, safe=0.9, beta=0.0, fac1=0.333, fac2=6.0,
           tf_float="float32", *args, **kwargs):  # fmt: skip
    """Solve :math:`dy/dt = f(y, t)` by the method of order 8 of Dormand & Prince.

    Parameters
    ----------
    func : callable
        ``func(y, t, *args, **kwargs)``, the derivative, as in `odeint`.
    x : array, list of numbers, or dict, list or tuple of arrays
        Initial state, ``(d,)`` or ``(n, d)``.
    t : array, shape (n_times,) or (n, n_times)
        Times of the output, the first that of the initial state.
    hmax : float, optional
        Longest step; 0 (default) for the whole range.
    rtol, atol : float, optional
        Tolerances of each step. Default 1e-6 (float32) or 1e-12 (float64), both.
    nmax : int, optional
        Most steps that are tried: `max_steps` of `odeint`. Default 100,000,000.
    safe, beta, fac1, fac2 : float, optional
        Of the step control, as in `odeint`.
    tf_float : {"float32", "float64"}, optional
        `precision` of `odeint`.
    *args, **kwargs
        Further arguments of `func`, and options of `odeint` by their names.

    Returns
    -------
    states : tensor
        As of `odeint`.
    t : array
        As it was given.
    """
    states = odeint(
        func, x, t, kwargs.pop("aux", None), "dop853", tf_float, *args, hmax=hmax, rtol=rtol,
        atol=atol, max_steps=nmax, safe=safe, beta=beta, fac1=fac1, fac2=fac2, **kwargs,
    )  # fmt: skip
    return states, t

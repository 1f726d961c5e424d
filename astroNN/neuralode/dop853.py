"""`dop853` under its established name and arguments."""

from astroNN.neuralode.odeint import odeint

__all__ = ["dop853"]


def dop853(func, x, t, hmax=0.0, rtol=None, atol=None, nmax=100_000_000, safe=0.9, beta=0.0, fac1=0.333, fac2=6.0,
           tf_float="float32", *args, **kwargs):  # fmt: skip
    """Solve :math:`dy/dt = f(y, t)` by the method of order 8 of Dormand & Prince.

    Parameters
    ----------
    func, x, t, hmax, rtol, atol, safe, beta, fac1, fac2, *args, **kwargs
        As in `odeint`.
    nmax : int, optional
        Most steps that are tried.
    tf_float : {"float32", "float64"}, optional
        `precision` of `odeint`.

    Returns
    -------
    states : tensor
        As of `odeint`.
    t : tensor
        The times, in this precision.
    """
    states = odeint(
        func, x, t, kwargs.pop("aux", None), "dop853", tf_float, *args, hmax=hmax, rtol=rtol,
        atol=atol, max_steps=nmax, safe=safe, beta=beta, fac1=fac1, fac2=fac2, **kwargs,
    )  # fmt: skip
    return states, t

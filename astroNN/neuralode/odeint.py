"""`odeint`: solve initial value problems of ordinary differential equations."""

import numpy as np
from keras import ops, tree

from astroNN.neuralode._arguments import checked_problem, precision_name
from astroNN.neuralode._backend import as_it_is, in_precision, is_known
from astroNN.neuralode._events import refined
from astroNN.neuralode._function import Derivative, EventFunction, Signature, further_arguments
from astroNN.neuralode._gradient import GRADIENTS
from astroNN.neuralode._methods import METHODS
from astroNN.neuralode._solver import Limits, Options, solver
from astroNN.neuralode._stepper import STOPPED, Settings
from astroNN.neuralode.results import (
    IntegrationError,
    Statistics,
    Stop,
    as_given,
    as_statistics,
    as_stop,
    raise_failure,
)

__all__ = ["IntegrationError", "Statistics", "Stop", "odeint"]

_STEP_DOUBLING = "rk4"
#: relative and absolute; that of float32 is some times its rounding
_TOLERANCES = {"float32": 1e-6, "float64": 1e-12}
_TOLERANCE_OF_RK4 = {"float32": 1e-6, "float64": 1e-10}
_SHORTEST = 1e3 * float(np.finfo("float32").eps)  # Hairer's bound, here relative to the time


def odeint(func=None, x=None, t=None, aux=None, method="dop853", precision="float32", *args, rtol=None, atol=None,
           tol=None, step=None, first_step=None, hmax=0.0, max_steps=100_000, nmax=None, safe=0.9, beta=0.0,
           fac1=0.333, fac2=6.0, gradient="direct", event=None, event_direction=0, vectorized=False, statistics=False,
           **kwargs):  # fmt: skip
    r"""Solve :math:`dy/dt = f(y, t)` from initial states.

    Parameters
    ----------
    func : callable
        ``func(y, t, *args, **kwargs)``: the derivative, in the shape of the state `y` of one problem, at the time
        `t`, a number. Written with `keras.ops` or the operations of the backend in use.
    x : array, list of numbers, or dict, list or tuple of arrays
        Initial state: ``(d,)``, or ``(n, d)`` for n problems. A dictionary or a list of arrays is a state of several
        parts, of any shapes; with one row of `t` for each problem these have a leading axis n.
    t : array, shape (n_times,) or (n, n_times)
        Times of the output, rising or falling; the first is that of the initial state. One row for all problems, or
        one for each.
    aux : array, or dict or list of arrays, optional
        Handed to ``func(y, t, aux=aux)``; for n problems with the leading axis n, and every problem gets its row.
    method : {"dop853", "dopri5", "rk4"}, optional
        Dormand & Prince of order 8 (default) or 5, or the classical Runge-Kutta method with step doubling; in upper
        or lower case.
    precision : {"float32", "float64"}, optional
        Of times, states and tolerances, also as a type of numpy or of the backend. Default float32.
    *args
        Further arguments of `func`. Numbers and arrays may change from call to call at no cost.
    rtol, atol : float, optional
        Tolerances of each step, relative to the state and absolute. Default 1e-6 (float32) or 1e-12 (float64), both.
    tol : float, optional
        Of rk4: error of each step's mean slope relative to its largest component. Default 1e-6 or 1e-10, unless
        `rtol` or `atol` are given.
    step : float, optional
        Step that does not depend on the error. Default: as the error wants it.
    first_step : float, optional
        First step that is tried. Default: found from the first two derivatives.
    hmax : float, optional
        Longest step; 0 (default) for the whole range.
    max_steps : int, optional
        Most steps that are tried. Default 100,000.
    nmax : int, optional
        The established name of `max_steps`, in whose place it stands.
    safe, beta, fac1, fac2 : float, optional
        Of the step control: safety factor, its memory, least and largest ratio of two steps.
    gradient : {"direct", "adjoint", None}, optional
        How the gradient of the solution is found: through the steps that were taken (default), by the adjoint
        equations, whose memory does not depend on the number of steps, or not at all. With respect to `x`, `t`,
        `aux`, further arguments, and the variables of Keras layers and models that `func` calls.
    event : callable, optional
        ``event(y, t, *args, **kwargs)``, called like `func`: a number, at the zero of which the solution stops.
    event_direction : {0, 1, -1}, optional
        Whether the event must rise (1) or fall (-1) there. Default 0, either.
    vectorized : bool, optional
        Whether `func` and `event` take all problems at once: states ``(n, ...)``, times ``(n,)``, and all of `aux`.
        Networks are faster so. Default False: one problem at a time.
    statistics : bool, optional
        Also return `Statistics`, and give a solution that could not be carried to its end with NaN instead of an
        error. Default False.
    **kwargs
        Further arguments of `func` by their names.

    Returns
    -------
    states : tensor, shape (n_times, d), or (n, n_times, d) for n problems
        In the nesting of `x`. The first is the initial state; NaN behind an event.
    stop : Stop
        Only with an `event`.
    statistics : Statistics
        Only with ``statistics=True``.

    Raises
    ------
    IntegrationError
        (a RuntimeError and a ValueError) If a problem can't be carried to its last time. Not inside a compiled
        function, where its states are NaN from there on.
    NotImplementedError
        If the method is unknown.
    TypeError
        If `func` can't be called, `precision` is another type, or numbers are complex.
    ValueError
        If shapes disagree, times are not in order, or tolerances are not positive.

    See Also
    --------
    scipy.integrate.solve_ivp : For stiff problems.

    Notes
    -----
    Steps follow the error alone; between their ends a polynomial (of order 7, 4 or 3) gives the output. Every problem
    has steps of its own. On TensorFlow and JAX the whole integration is compiled at the first call with a function,
    and for every new shape: give the same function again, not a new lambda.

    References
    ----------
    Hairer, Norsett & Wanner 1993, Solving Ordinary Differential Equations I, 2nd edition, sections II.4 to II.6.

    Examples
    --------
    >>> import numpy as np
    >>> from keras import ops
    >>> from astroNN.neuralode import odeint
    >>> def pendulum(y, t):
    ...     return ops.stack([y[1], -y[0]])
    >>> t = np.linspace(0.0, 10.0, 50)
    >>> states = odeint(pendulum, [0.0, 1.0], t, precision="float64")
    >>> bool(np.allclose(states[:, 0], np.sin(t), atol=1e-10))
    True
    """
    settings = (
        rtol, atol, tol, step, first_step, hmax, nmax or max_steps, safe, beta, fac1, fac2, gradient, event_direction
    )  # fmt: skip
    return _solved(func, event, x, t, aux, method, precision, args, kwargs, settings, vectorized, statistics)


@as_it_is
def _solved(func, event, x, t, aux, method, precision, args, kwargs, settings, vectorized, statistics):
    if not callable(func):
        raise TypeError(f"odeint: `func` must be a function func(y, t) that gives dy/dt, got {func!r}.")
    if event is not None and not callable(event):
        raise TypeError(f"odeint: `event` must be a function event(y, t) that gives a number, got {event!r}.")
    name = method.lower() if isinstance(method, str) else method
    if name not in METHODS:
        raise NotImplementedError(f"Method {method!r} is not implemented; there are {', '.join(METHODS)}.")
    precision = precision_name(precision)
    options, limits = _options(name, precision, *settings)
    with in_precision(precision):
        problem = checked_problem(x, t, aux, precision)
        further = further_arguments(args, kwargs, precision)
        structure = _nesting(problem.structure)
        signature = Signature(
            func, event, bool(vectorized), problem.shapes, str(structure), "" if aux is None else str(_nesting(aux)),
            further.constants, str(further.structure),
        )  # fmt: skip
        called = (signature, structure, further.structure, precision)
        derivative, event_function = Derivative(func, *called), EventFunction(event, *called) if event else None
        solution = solver(signature, options)(
            derivative, event_function, limits, problem.state, problem.times, problem.aux, further.numbers
        )
        if not statistics and is_known(solution.status):
            raise_failure(solution, problem, options)
        given = [as_given(_until_stop(solution, problem) if event else solution.states, problem, structure)]
        if event:
            has_gradient = options.gradient is not None
            found = refined(derivative, event_function, solution, problem, further.numbers, has_gradient)
            given.append(as_stop(*found, problem, structure))
        if statistics:
            given.append(as_statistics(solution, problem, options))
        return tuple(given) if len(given) > 1 else given[0]


def _until_stop(solution, problem):
    """States that are NaN behind the event."""
    first = problem.times[:, :1]
    behind = ops.abs(problem.times - first) > ops.abs(solution.stopped[:, None] - first)
    behind = ops.logical_and(behind, (solution.status == STOPPED)[:, None])
    return ops.where(behind[:, :, None], np.nan, solution.states[:, :-1])


def _nesting(values):
    return None if values is None else tree.map_structure(lambda _: 0, values)


def _options(method, precision, rtol, atol, tol, step, first_step, hmax, max_steps, safe, beta, fac1, fac2,
             gradient, event_direction):  # fmt: skip
    """`Options` and `Limits`, checked."""
    by_increment = method == _STEP_DOUBLING and rtol is None and atol is None
    if by_increment:
        rtol, atol = _TOLERANCE_OF_RK4[precision] if tol is None else tol, float(np.finfo(precision).tiny)
    elif tol is not None:
        raise ValueError(
            "odeint: `tol` is the tolerance of the method rk4 alone; give `rtol` and `atol`, or only `tol`."
        )
    else:
        default = _TOLERANCES[precision]
        rtol, atol = (default if given is None else given for given in (rtol, atol))
    positive = {"rtol": rtol, "atol": atol, "max_steps": max_steps, "safe": safe, "fac1": fac1, "fac2": fac2}
    positive |= {name: value for name, value in {"step": step, "first_step": first_step}.items() if value is not None}
    for argument, value in positive.items():
        if not np.isscalar(value) or isinstance(value, str) or not 0 < value < np.inf:
            raise ValueError(f"odeint: `{argument}` must be a positive number, got {value!r}.")
    if not np.isscalar(hmax) or isinstance(hmax, str) or not 0 <= hmax < np.inf:
        raise ValueError(f"odeint: `hmax` must be a positive number, or 0 for none, got {hmax!r}.")
    if not any(gradient is way or (isinstance(gradient, str) and gradient == way) for way in GRADIENTS):
        raise ValueError(f"odeint: `gradient` must be 'direct', 'adjoint' or None, got {gradient!r}.")
    if event_direction not in (0, 1, -1):
        raise ValueError(f"odeint: `event_direction` must be 0, 1 or -1, got {event_direction!r}.")
    if not fac1 < 1 < fac2:
        raise ValueError(f"odeint: `fac1` must be below 1 and `fac2` above, got {fac1!r} and {fac2!r}.")
    precision_of_type = float(np.finfo(precision).eps)
    if not by_increment and rtol < 2 * precision_of_type and atol <= 0:
        raise ValueError(f"odeint: `rtol` {rtol:g} is below the rounding of {precision}.")
    shortest = _SHORTEST if precision == "float32" else 0.0
    settings = Settings(int(max_steps), float(safe), float(fac1), float(fac2), float(beta), shortest)
    options = Options(
        method, precision, by_increment, step is not None, first_step is not None, settings, gradient, event_direction
    )
    return options, Limits(float(rtol), float(atol), float(step or first_step or 0.0), float(hmax) or np.inf)

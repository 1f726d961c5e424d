"""Problems of the DETEST kind against scipy's DOP853 at the same tolerance: errors, and calls of the function."""

import numpy as np
import pytest
from keras import ops
from scipy.integrate import solve_ivp

from astroNN.neuralode import odeint

pytestmark = pytest.mark.slow  # each problem is compiled, for seconds

TOLERANCE = 1e-8
MU = 0.012277471  # of the Earth and the Moon, as in Hairer, Norsett & Wanner 1993, section II.0
PERIOD = 17.0652165601579625588917206249


def linear(y, t):
    return [-0.5 * y[0] + 2.0 * y[1], -2.0 * y[0] - 0.5 * y[1]]


def kepler(y, t):
    cubed = (y[0] ** 2 + y[1] ** 2) ** 1.5
    return [y[2], y[3], -y[0] / cubed, -y[1] / cubed]


def lorenz(y, t):
    return [10.0 * (y[1] - y[0]), y[0] * (28.0 - y[2]) - y[1], y[0] * y[1] - 8.0 / 3.0 * y[2]]


def van_der_pol(y, t):
    return [y[1], (1.0 - y[0] ** 2) * y[1] - y[0]]


def arenstorf(y, t):
    first = ((y[0] + MU) ** 2 + y[1] ** 2) ** 1.5
    second = ((y[0] - 1.0 + MU) ** 2 + y[1] ** 2) ** 1.5
    return [
        y[2],
        y[3],
        y[0] + 2.0 * y[3] - (1.0 - MU) * (y[0] + MU) / first - MU * (y[0] - 1.0 + MU) / second,
        y[1] - 2.0 * y[2] - (1.0 - MU) * y[1] / first - MU * y[1] / second,
    ]


PROBLEMS = {
    "linear": (linear, [1.0, 0.0], 10.0),
    "kepler": (kepler, [0.4, 0.0, 0.0, 2.0], 20.0),  # e = 0.6
    "lorenz": (lorenz, [1.0, 1.0, 20.0], 5.0),
    "van der pol": (van_der_pol, [2.0, 0.0], 20.0),
    "arenstorf": (arenstorf, [0.994, 0.0, 0.0, -2.00158510637908252240537862224], PERIOD),
}


@pytest.mark.parametrize("name", PROBLEMS)
def test_as_accurate_as_scipy_with_no_more_calls(name):
    function, start, end = PROBLEMS[name]
    t = np.linspace(0.0, end, 200)
    options = {"t_eval": t, "method": "DOP853"}
    exact = solve_ivp(lambda t, y: function(y, t), (0.0, end), start, rtol=1e-13, atol=1e-14, **options).y.T
    theirs = solve_ivp(lambda t, y: function(y, t), (0.0, end), start, rtol=TOLERANCE, atol=TOLERANCE, **options)
    states, statistics = odeint(
        lambda y, t: ops.stack(function(y, t)), start, t, precision="float64", rtol=TOLERANCE, atol=TOLERANCE,
        statistics=True,
    )  # fmt: skip
    ours = np.abs(ops.convert_to_numpy(states) - exact).max()
    assert ours <= 10 * max(np.abs(theirs.y.T - exact).max(), TOLERANCE)
    assert int(statistics.evaluations) <= 1.2 * theirs.nfev


def test_the_arenstorf_orbit_closes():
    function, start, end = PROBLEMS["arenstorf"]
    states = odeint(lambda y, t: ops.stack(function(y, t)), start, [0.0, end], precision="float64")
    np.testing.assert_allclose(ops.convert_to_numpy(states)[-1, :2], start[:2], atol=1e-7)


def forced(y, t):
    return [-y[0] * t + t * t * y[1], y[0] - 0.1 * y[1] * t]


@pytest.mark.parametrize(
    ("method", "order", "function", "start", "end", "numbers"),
    [
        ("rk4", 4, forced, [1.0, 0.5], 2.0, (20, 40, 80)),
        ("dopri5", 5, forced, [1.0, 0.5], 2.0, (20, 40, 80)),
        ("dop853", 8, kepler, [0.7, 0.0, 0.0, (1.3 / 0.7) ** 0.5], 3.0, (6, 12, 24)),
    ],
)
def test_order_of_convergence(method, order, function, start, end, numbers):
    exact = solve_ivp(lambda t, y: function(y, t), (0, end), start, method="DOP853", rtol=1e-13, atol=1e-15).y[:, -1]
    errors = []

    def derivative(y, t):
        return ops.stack(function(y, t))

    for number in numbers:
        states, statistics = odeint(
            derivative, start, [0.0, end], method=method, step=end / number,
            precision="float64", statistics=True,
        )  # fmt: skip
        assert int(statistics.accepted) == number and int(statistics.rejected) == 0
        errors.append(np.abs(ops.convert_to_numpy(states)[-1] - exact).max())
    assert -np.polyfit(np.log(numbers), np.log(errors), 1)[0] == pytest.approx(order, abs=0.3)

"""Events: a solution stops at the zero of a function."""

import numpy as np
import pytest
from keras import ops

from astroNN.neuralode import odeint
from tests.neuralode.gradients import gradients

GRAVITY = 9.81


def falling(y, t, gravity):
    return ops.stack([y[1], -gravity + 0.0 * y[1]])


def height(y, t, gravity):
    return y[0]


def thrown(start, t, gravity=GRAVITY, method="dopri5", **settings):
    return odeint(
        falling, start, t, None, method, "float64", gravity, rtol=1e-10, atol=1e-10, event=height, **settings
    )


def landing(start):
    """Time and speed at the ground, by hand."""
    place, speed = np.moveaxis(np.asarray(start), -1, 0)
    root = np.sqrt(speed**2 + 2 * GRAVITY * place)
    return (speed + root) / GRAVITY, -root


def test_many_stones_land_each_in_its_time():
    start = np.array([[3.0, 1.5], [10.0, 0.0], [0.5, 20.0], [2000.0, 0.0]])
    t = np.linspace(0.0, 5.0, 11)
    states, stop, statistics = thrown(start, t, event_direction=-1, statistics=True)
    time, speed = landing(start)
    assert ops.convert_to_numpy(stop.happened).tolist() == [True, True, True, False]
    assert ops.convert_to_numpy(statistics.success).all()
    np.testing.assert_allclose(ops.convert_to_numpy(stop.time)[:3], time[:3], rtol=1e-12)
    np.testing.assert_allclose(ops.convert_to_numpy(stop.state)[:3, 1], speed[:3], rtol=1e-10)
    np.testing.assert_allclose(ops.convert_to_numpy(stop.state)[:3, 0], 0.0, atol=1e-9)
    assert np.isnan(ops.convert_to_numpy(stop.time)[3]) and np.isnan(ops.convert_to_numpy(stop.state)[3]).all()
    for one, end, (place, upwards) in zip(ops.convert_to_numpy(states), time, start, strict=True):
        expected = np.where(t <= end, place + upwards * t - 0.5 * GRAVITY * t**2, np.nan)
        np.testing.assert_allclose(one[:, 0], expected, atol=1e-9)


def test_a_stone_thrown_from_the_ground_flies():
    _, stop = thrown([0.0, 5.0], [0.0, 3.0])
    np.testing.assert_allclose(float(ops.convert_to_numpy(stop.time)), 10.0 / GRAVITY, rtol=1e-12)


@pytest.mark.parametrize(
    ("direction", "expected"),
    [pytest.param(1, 0.5, marks=pytest.mark.slow), (-1, 1.5), pytest.param(0, 0.5, marks=pytest.mark.slow)],
)
def test_the_direction_chooses_the_crossing(direction, expected):
    """-cos(pi t) rises through zero at 1/2 and falls at 3/2; back in time from 2, directions are those of the way."""
    rate = np.pi

    def circling(y, t):
        return rate * ops.stack([y[1], -y[0]])

    def first(y, t):
        return y[0]

    _, stop = odeint(
        circling, [-1.0, 0.0], [0.0, 1.9], None, "dopri5", "float64", event=first, event_direction=direction
    )
    np.testing.assert_allclose(float(ops.convert_to_numpy(stop.time)), expected, rtol=1e-11)


@pytest.mark.parametrize("gradient", ["direct", pytest.param("adjoint", marks=pytest.mark.slow)])
def test_the_gradient_knows_that_the_time_of_the_event_moves(gradient):
    """Of time and speed of the landing, by hand from t = (v + r) / g with r^2 = v^2 + 2 g h."""

    def loss(start, gravity):
        _, stop = thrown(start, [0.0, 1.0, 5.0], gravity, event_direction=-1, gradient=gradient)
        return stop.time + 0.1 * stop.state[1]

    place, speed, g = 3.0, 1.5, GRAVITY
    root = np.sqrt(speed**2 + 2 * g * place)
    of_start, of_gravity = gradients(loss, [np.array([place, speed]), np.array(g)])
    by_place, by_speed = g / root, speed / root
    expected = [by_place / g - 0.1 * by_place, (1 + by_speed) / g - 0.1 * by_speed]
    np.testing.assert_allclose(of_start, expected, rtol=1e-8)
    by_gravity = place / root
    np.testing.assert_allclose(of_gravity, -(speed + root) / g**2 + by_gravity / g - 0.1 * by_gravity, rtol=1e-8)


def test_wrong_events_are_refused():
    with pytest.raises(TypeError, match="`event` must be a function"):
        odeint(falling, [1.0, 0.0], [0.0, 1.0], None, "dop853", "float64", GRAVITY, event=3.0)
    with pytest.raises(ValueError, match="`event_direction` must be 0, 1 or -1"):
        thrown([1.0, 0.0], [0.0, 1.0], event_direction=2)
    with pytest.raises(ValueError, match="must give one number"):
        odeint(falling, [1.0, 0.0], [0.0, 1.0], None, "dop853", "float64", GRAVITY, event=lambda y, t, gravity: y)

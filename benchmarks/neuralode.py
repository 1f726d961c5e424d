"""`odeint` against diffrax, scipy, torchdiffeq and tfp.math.ode, all that are installed, in one run.

python benchmarks/neuralode.py                       # ours on TensorFlow
KERAS_BACKEND=jax python benchmarks/neuralode.py     # ours on JAX

Every solver takes the loosest tolerance at which its largest error is below the bound, so that times are of equally
good solutions. Times are the best of some; the first call, which compiles, is listed apart. Ratios above 1: ours is
faster.
"""

import argparse
import importlib.util
import time
from typing import NamedTuple

import keras
import numpy as np
from keras import ops
from scipy.integrate import solve_ivp

from astroNN.neuralode import odeint

BACKEND = keras.backend.backend()
TOLERANCES = 10.0 ** -np.arange(6.0, 13.0)


class Case(NamedTuple):
    """An initial value problem, or many; ``field(stack)`` is its right-hand side on some backend."""

    name: str
    field: object
    start: np.ndarray
    times: np.ndarray
    bound: float
    """Of the error that is asked for."""


def sine(stack):
    return lambda y, t: stack([y[1], -y[0]])


def kepler(stack):
    def field(y, t):
        cube = (y[0] ** 2 + y[1] ** 2) ** 1.5
        return stack([y[2], y[3], -y[0] / cube, -y[1] / cube])

    return field


def lorenz(stack):
    return lambda y, t: stack([10.0 * (y[1] - y[0]), y[0] * (28.0 - y[2]) - y[1], y[0] * y[1] - 8.0 / 3.0 * y[2]])


def cases():
    eccentricity = 0.3
    fastest = np.sqrt((1 + eccentricity) / (1 - eccentricity))
    waves = np.random.default_rng(1).normal(size=(50, 2))
    stars = np.random.default_rng(0).normal(size=(1000, 3)) + [0.0, 0.0, 25.0]
    return [
        Case("sine, 10,000 outputs", sine, np.array([0.0, 1.0]), np.linspace(0, 100, 10_000), 1e-7),
        Case("50 sines, 10,000 outputs", sine, waves, np.linspace(0, 100, 10_000), 1e-7),
        Case(
            "Kepler, 10 periods",
            kepler,
            np.array([1 - eccentricity, 0, 0, fastest]),
            np.linspace(0, 20 * np.pi, 1000),
            1e-6,
        ),
        Case("1,000 Lorenz", lorenz, stars, np.linspace(0, 2, 50), 1e-6),
    ]


# Solvers: each gives a function of the tolerance, compiled once, whose answer is an array ---------------------------


def ours(case):
    field = case.field(ops.stack)
    return lambda tolerance: ops.convert_to_numpy(
        odeint(field, case.start, case.times, precision="float64", rtol=tolerance, atol=tolerance, gradient=None)
    )


def with_scipy(case):
    field = case.field(lambda parts: parts)

    def solve(start, tolerance):
        found = solve_ivp(
            lambda t, y: field(y, t), case.times[[0, -1]], start, "DOP853", case.times, rtol=tolerance, atol=tolerance
        )
        return found.y.T

    def run(tolerance):
        if case.start.ndim == 1:
            return solve(case.start, tolerance)
        return np.stack([solve(one, tolerance) for one in case.start])

    return run


def with_diffrax(case):
    import diffrax
    import jax
    import jax.numpy as jnp

    field = case.field(jnp.stack)

    def solve(start, tolerance):
        return diffrax.diffeqsolve(
            diffrax.ODETerm(lambda t, y, args: field(y, t)), diffrax.Dopri8(), case.times[0], case.times[-1], None,
            start, saveat=diffrax.SaveAt(ts=jnp.asarray(case.times)), max_steps=100_000,
            stepsize_controller=diffrax.PIDController(rtol=tolerance, atol=tolerance),
        ).ys  # fmt: skip

    with jax.enable_x64(True):
        compiled = jax.jit(solve if case.start.ndim == 1 else jax.vmap(solve, (0, None)))

    def run(tolerance):
        with jax.enable_x64(True):
            return np.asarray(compiled(jnp.asarray(case.start), tolerance))

    return run


def with_torchdiffeq(case):
    import torch
    import torchdiffeq

    field = case.field(lambda parts: torch.stack(parts))
    start, times = torch.tensor(case.start.T.copy()), torch.tensor(case.times)

    def run(tolerance):
        # Many problems are one system there, with steps in common.
        with torch.no_grad():
            found = torchdiffeq.odeint(
                lambda t, y: field(y, t), start, times, rtol=tolerance, atol=tolerance, method="dopri8"
            )
        return np.moveaxis(found.numpy(), -1, 0) if case.start.ndim == 2 else found.numpy()

    return run


def with_tfp(case):
    import tensorflow as tf
    import tensorflow_probability as tfp

    field = case.field(tf.stack)

    @tf.function
    def solve(start, tolerance):
        solver = tfp.math.ode.DormandPrince(rtol=tolerance, atol=tolerance)
        return solver.solve(
            lambda t, y: field(y, t), case.times[0], start, solution_times=tf.constant(case.times)
        ).states

    def run(tolerance):
        found = solve(tf.constant(case.start.T.copy()), tf.constant(tolerance, tf.float64)).numpy()
        return np.moveaxis(found, -1, 0) if case.start.ndim == 2 else found

    return run


PEERS = {
    "scipy": ("scipy", with_scipy),
    "diffrax": ("diffrax", with_diffrax),
    "torchdiffeq": ("torchdiffeq", with_torchdiffeq),
    "tfp": ("tensorflow_probability", with_tfp),
}


# Timing -------------------------------------------------------------------------------------------------------


def clocked(run, least=0.5, most=20):
    """Seconds of the best of some calls."""
    all_ = []
    while len(all_) < 1 or (sum(all_) < least and len(all_) < most):
        begin = time.perf_counter()
        run()
        all_.append(time.perf_counter() - begin)
    return min(all_)


def first_call(run):
    """Seconds of a call, and what it gave."""
    begin = time.perf_counter()
    found = run()
    return time.perf_counter() - begin, found


def loosest(run, case, truth):
    """The loosest tolerance at which a solver is good enough, else that from which on it gains nothing; its error."""
    best = np.inf
    for tolerance in TOLERANCES:
        error = np.abs(run(tolerance) - truth).max()
        if error <= case.bound or error > 0.5 * best:
            break
        best = error
    return tolerance, error


def compare(case, solvers):
    truth = with_scipy(case)(3e-14)
    print(f"\n{case.name}: errors below {case.bound:.0e}")
    own = None
    for name, solver in solvers.items():
        run = solver(case)
        first, _ = first_call(lambda run=run: run(TOLERANCES[0]))
        tolerance, error = loosest(run, case, truth)
        best = clocked(lambda run=run, tolerance=tolerance: run(tolerance))
        own = best if own is None else own
        print(
            f"  {name:20s} {1e3 * best:10.2f} ms   ratio {best / own:8.2f}   error {error:.1e} at tolerance "
            f"{tolerance:.0e}{'' if error <= case.bound else ', not below'}   first call {first:.1f} s",
            flush=True,
        )


# Gradient of a network ----------------------------------------------------------------------------------------


def weights(seed=0, sizes=(8, 64, 64, 8)):
    rng = np.random.default_rng(seed)
    shapes = list(zip(sizes[:-1], sizes[1:], strict=True))
    return [np.asarray(rng.normal(size=shape) / np.sqrt(shape[0]), "float32") for shape in shapes]


def network(tanh, layers, y):
    """Two hidden layers of 64 units, for a state of 8 numbers."""
    for layer in layers[:-1]:
        y = tanh(y @ layer)
    return y @ layers[-1]


START = np.random.default_rng(1).normal(size=(256, 8)).astype("float32")
SETTINGS = {"rtol": 1e-5, "atol": 1e-5}


def own_gradient(gradient):
    def field(y, t, *layers):
        return network(ops.tanh, layers, y)

    def loss(layers):
        found = odeint(
            field, START, np.array([0.0, 1.0]), None, "dopri5", "float32", *layers, gradient=gradient,
            vectorized=True, max_steps=4096, **SETTINGS,
        )  # fmt: skip
        return ops.mean(found[:, -1] ** 2)

    if BACKEND == "jax":
        import jax

        compiled = jax.jit(jax.grad(loss))
        return lambda: [np.asarray(one) for one in compiled(list(map(jax.numpy.asarray, weights())))]
    if BACKEND == "tensorflow":
        import tensorflow as tf

        @tf.function
        def slopes(layers):
            with tf.GradientTape() as tape:
                tape.watch(layers)
                value = loss(layers)
            return tape.gradient(value, layers)

        return lambda: [one.numpy() for one in slopes(list(map(tf.constant, weights())))]
    return lambda: torch_gradient(loss)


def torch_gradient(loss):
    import torch

    layers = [torch.tensor(one, requires_grad=True) for one in weights()]
    return [one.numpy() for one in torch.autograd.grad(loss(layers), layers)]


def diffrax_gradient(adjoint):
    import diffrax
    import jax
    import jax.numpy as jnp

    term = diffrax.ODETerm(lambda t, y, layers: network(jnp.tanh, layers, y))
    controller = diffrax.PIDController(**SETTINGS)
    ways = {"direct": diffrax.RecursiveCheckpointAdjoint(), "adjoint": diffrax.BacksolveAdjoint()}

    def of_one(start, layers):
        return diffrax.diffeqsolve(
            term,
            diffrax.Dopri5(),
            0.0,
            1.0,
            None,
            start,
            layers,
            stepsize_controller=controller,
            adjoint=ways[adjoint],
        ).ys[-1]

    @jax.jit
    @jax.grad
    def slopes(layers):
        return jnp.mean(jax.vmap(of_one, (0, None))(jnp.asarray(START), layers) ** 2)

    return lambda: [np.asarray(one) for one in slopes(list(map(jnp.asarray, weights())))]


def torchdiffeq_gradient(adjoint):
    import torch
    import torchdiffeq

    def loss(layers):
        solve, further = torchdiffeq.odeint, {}
        if adjoint == "adjoint":
            solve, further = torchdiffeq.odeint_adjoint, {"adjoint_params": tuple(layers)}
        times = torch.tensor([0.0, 1.0])
        found = solve(
            lambda t, y: network(torch.tanh, layers, y),
            torch.tensor(START),
            times,
            method="dopri5",
            **SETTINGS,
            **further,
        )
        return (found[-1] ** 2).mean()

    return lambda: torch_gradient(loss)


def tfp_gradient(adjoint):
    import tensorflow as tf
    import tensorflow_probability as tfp

    @tf.function
    def slopes(layers):
        with tf.GradientTape() as tape:
            tape.watch(layers)
            found = tfp.math.ode.DormandPrince(**SETTINGS).solve(
                lambda t, y, **given: network(tf.tanh, [given[str(k)] for k in range(len(layers))], y), 0.0,
                tf.constant(START), [1.0], constants={str(k): layer for k, layer in enumerate(layers)},
            )  # fmt: skip
            value = tf.reduce_mean(found.states[-1] ** 2)
        return tape.gradient(value, layers)

    return lambda: [one.numpy() for one in slopes(list(map(tf.constant, weights())))]


GRADIENTS = {
    "diffrax": ("direct", "adjoint", diffrax_gradient),
    "torchdiffeq": ("direct", "adjoint", torchdiffeq_gradient),
    "tensorflow_probability": ("adjoint", tfp_gradient),
}


def compare_gradients(installed):
    print("\ngradient of a network with 64 + 64 tanh units, 256 states: tolerance 1e-5")
    runs = {f"ours, {way}": own_gradient(way) for way in ("direct", "adjoint")}
    for module, (*ways, make) in GRADIENTS.items():
        runs |= {f"{module[:11]}, {way}": make(way) for way in ways if module in installed}
    truth = own = None
    for name, run in runs.items():
        first, found = first_call(run)
        truth = found if truth is None else truth
        apart = max(np.abs(a - b).max() / np.abs(b).max() for a, b in zip(found, truth, strict=True))
        best = clocked(run)
        own = best if own is None else own
        print(
            f"  {name:24s} {1e3 * best:10.2f} ms   ratio {best / own:8.2f}   apart from the first {apart:.1e}   "
            f"first call {first:.1f} s",
            flush=True,
        )


def main():
    """Compare in all cases, or in one."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="part of the name of a case, or 'gradient'; default: all")
    only = parser.parse_args().only
    installed = {module for module, _ in PEERS.values() if importlib.util.find_spec(module)}
    print(f"ours on {BACKEND}; peers: {', '.join(sorted(installed)) or 'none'}")
    solvers = {"ours": ours} | {name: solver for name, (module, solver) in PEERS.items() if module in installed}
    for case in cases():
        if only in case.name:
            compare(case, solvers)
    if only in "gradient of a network":
        compare_gradients(installed)


if __name__ == "__main__":
    main()

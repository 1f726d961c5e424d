"""Trainings in processes of their own, for the tests of `distribute=`."""

import contextlib
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np

__all__ = ["cluster", "ended", "free_ports", "result", "same_training", "started", "together"]

WORKER = Path(__file__).with_name("distributed_worker.py")
ROOT = Path(__file__).parents[2]
_DEFAULTS = {
    "network": "Small", "settings": {}, "distribute": None, "n_devices": 1, "resume": False, "dies_in_epoch": None,
    "shift": 0.0, "saves": None,
}  # fmt: skip


def started(folder, name, *, rank=0, ports=(), **settings):
    """One process of a training, running."""
    file = folder / f"{name}_{rank}.json"
    file.write_text(json.dumps(_DEFAULTS | settings | {"rank": rank, "result": str(folder / f"{name}_{rank}.npz")}))
    backend = keras.backend.backend()
    environment = {key: value for key, value in os.environ.items() if key not in ("TF_CONFIG", "XLA_FLAGS")}
    environment |= {"KERAS_BACKEND": backend, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
    if ports:
        environment |= cluster(backend, rank, ports)
    with (folder / f"{name}_{rank}.log").open("w") as log:
        return subprocess.Popen([sys.executable, str(WORKER), str(file)], env=environment, stdout=log, stderr=log)


def cluster(backend, rank, ports):
    """Variables of the environment that name the processes."""
    n_workers, first = str(len(ports)), f"127.0.0.1:{ports[0]}"
    if backend == "tensorflow":
        workers = [f"127.0.0.1:{port}" for port in ports]
        return {"TF_CONFIG": json.dumps({"cluster": {"worker": workers}, "task": {"type": "worker", "index": rank}})}
    if backend == "jax":
        return {"JAX_COORDINATOR_ADDRESS": first, "JAX_NUM_PROCESSES": n_workers, "JAX_PROCESS_ID": str(rank)}
    return {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(ports[0]), "WORLD_SIZE": n_workers, "RANK": str(rank)}


def free_ports(number):
    """Ports of this machine that nobody uses now."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(number)]
        return [server.getsockname()[1] for server in sockets]


def together(folder, name, n_workers=2, of_rank=None, **settings):
    """The processes of one training, running; `of_rank` holds what is different for some."""
    ports = free_ports(n_workers)
    settings = {"distribute": "multi_worker", **settings}
    return [
        started(folder, name, rank=rank, ports=ports, **settings, **(of_rank or {}).get(rank, {}))
        for rank in range(n_workers)
    ]


def ended(processes, timeout=400):
    """Exit codes of processes; those that don't end in time are killed."""
    try:
        return [process.wait(timeout) for process in processes]
    finally:
        for process in processes:
            process.kill()
            process.wait()


def result(folder, name, rank=0):
    """What a process has found."""
    file = folder / f"{name}_{rank}.npz"
    assert file.exists(), (folder / f"{name}_{rank}.log").read_text()[-3000:]
    with np.load(file) as found:
        return dict(found)


def same_training(found, expected):
    """Losses, metrics, weights and predictions agree to four decimals."""
    assert set(found) == set(expected)
    for name in expected:
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-4, atol=5e-5, err_msg=name)

"""Whether all processes of a job are there, asked before a backend waits for them.

Left alone, TensorFlow waits for ever, and JAX ends the process without an error that Python could show.
"""

import contextlib
import select
import socket
import time

from astroNN.shared.errors import ConfigurationError

__all__ = ["roll_call"]

_HERE, _ALL_HERE = "astroNN worker {} of {}\n", b"all are here\n"
_PAUSE = 0.2  # s between two attempts


def roll_call(address, rank, n_workers, timeout):
    """Return when all processes have called this function.

    Parameters
    ----------
    address : str
        Host and port of process 0, ``"10.0.0.1:12345"``. The port is free again afterwards.
    rank, n_workers : int
        Number of this process, and how many there are.
    timeout : float
        Seconds to wait for the others.

    Raises
    ------
    TimeoutError
        Naming those that are missing.
    ConfigurationError
        (a ValueError) If the address can't be used.
    """
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit():
        raise ConfigurationError(f'distribute="multi_worker": {address!r} is no address such as 10.0.0.1:12345.')
    deadline = time.monotonic() + timeout
    if rank == 0:
        missing = _collect(int(port), n_workers, deadline)
    else:
        missing = [] if _report((host.strip("[]"), int(port)), rank, n_workers, deadline) else ["all"]
    if not missing:
        return
    who = f"process {rank} got no answer from process 0, or others are missing"
    if rank == 0:
        who = f"process {', '.join(map(str, missing))} of {n_workers} is missing"
    raise TimeoutError(
        f'distribute="multi_worker": {who}, after {timeout} s at {address}. Are all {n_workers} processes running, '
        "and can they reach this address?"
    )


def _collect(port, n_workers, deadline):
    """Numbers of the processes that have not reported in time; the others are told that all are here."""
    missing = set(range(1, n_workers))
    with contextlib.ExitStack() as stack:
        try:
            server = stack.enter_context(_listening(port, n_workers))
        except OSError as error:
            raise ConfigurationError(
                f'distribute="multi_worker": port {port} of process 0 can\'t be used ({error}). Does an earlier job '
                "still run? Else choose another port."
            ) from error
        connections = []
        while missing and _wait_until(server, deadline):
            connection = stack.enter_context(server.accept()[0])
            connections.append(connection)
            missing.discard(_caller(connection, n_workers))
        for connection in connections if not missing else ():
            with contextlib.suppress(OSError):
                connection.sendall(_ALL_HERE)
    return sorted(missing)


def _listening(port, n_workers):
    both = socket.has_dualstack_ipv6()
    family = socket.AF_INET6 if both else socket.AF_INET
    return socket.create_server(("", port), family=family, backlog=n_workers, dualstack_ipv6=both)


def _report(address, rank, n_workers, deadline):
    """Tell process 0 that this one is here; whether it answers in time that all are."""
    while (left := deadline - time.monotonic()) > 0:
        with contextlib.suppress(OSError), socket.create_connection(address, timeout=left) as connection:
            connection.sendall(_HERE.format(rank, n_workers).encode())
            connection.settimeout(max(deadline - time.monotonic(), _PAUSE))
            if _says(connection, _ALL_HERE):
                return True
        time.sleep(_PAUSE)
    return False


def _wait_until(server, deadline):
    """Whether somebody calls in time."""
    left = deadline - time.monotonic()
    return left > 0 and bool(select.select([server], [], [], left)[0])


def _caller(connection, n_workers):
    """Number of the process that has called; None if it is none of this job."""
    connection.settimeout(_PAUSE * 10)
    with contextlib.suppress(OSError):
        said = connection.recv(64).decode(errors="replace")
        return next((number for number in range(n_workers) if said == _HERE.format(number, n_workers)), None)


def _says(connection, message):
    with contextlib.suppress(OSError):
        return connection.recv(len(message), socket.MSG_WAITALL) == message
    return False

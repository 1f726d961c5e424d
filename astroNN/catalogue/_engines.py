"""What runs the work on all parts: this process, or a Dask cluster."""

import os
import warnings
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

__all__ = ["ENGINES", "check_engine"]

_READ_AHEAD = 2
_SECONDS_TO_ANSWER = 30
_ENVIRONMENT = "distributed.nanny.pre-spawn-environ"
#: numbers of threads of a process; those of numpy and PyTorch are set by Dask itself
_THREADS = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")


def run_here(work, parts, done, client=None):
    """Predict part by part, while the next ones are read and the last one is written.

    Parameters
    ----------
    work : Work
    parts : list of Part
        Those that are not finished.
    done : callable
        Called with each part once it is finished.
    client : None
        Not used.
    """
    waiting = iter(parts)
    with ThreadPoolExecutor(1) as reader, ThreadPoolExecutor(1) as writer:
        being_read, being_written = deque(), deque()

        def read_ahead():
            while len(being_read) < _READ_AHEAD and (part := next(waiting, None)) is not None:
                being_read.append((part, reader.submit(work.read, part)))

        def wait_for_written(n_left):
            while len(being_written) > n_left:
                part, writing = being_written.popleft()
                writing.result()
                done(part)

        read_ahead()
        while being_read:
            part, reading = being_read.popleft()
            rows = reading.result()
            read_ahead()
            answer = work.answer(part, rows)
            being_written.append((part, writer.submit(work.write, part, answer)))
            wait_for_written(1)
        wait_for_written(0)


def run_on_dask(work, parts, done, client=None):
    """Map the work over the parts; those of a worker that dies are done again by others.

    Parameters
    ----------
    work, parts, done
        As of `run_here`. Workers must see the files and the folder of the network under the same paths.
    client : distributed.Client or str, optional
        A cluster's client, or the address of its scheduler. Default: a cluster on this machine for the time being.

    Raises
    ------
    ConnectionError
        If the scheduler does not answer, or is lost, or a part has taken several workers with it.
    """
    from distributed import CancelledError, KilledWorker, as_completed

    by_number = {part.number: part for part in parts}
    with _client(client) as cluster:
        shared = cluster.scatter(work, broadcast=True, hash=False) if cluster.scheduler_info()["workers"] else work
        futures = cluster.map(_done_on_worker, parts, work=shared, pure=False)
        try:
            for future in as_completed(futures):
                done(by_number[future.result()])
        except (CancelledError, KilledWorker) as error:
            raise ConnectionError(
                f"predict_catalogue: the Dask cluster was lost, or its workers die ({error}). What is finished "
                "stays: look at their logs and memory, and call again."
            ) from error
        finally:
            # Nobody shall go on with what nobody waits for.
            cluster.cancel(futures)


def _done_on_worker(part, work):
    return work(part)


@contextmanager
def _local_cluster():
    """A worker for each core, of which each keeps to its own: by itself TensorFlow takes all in every process."""
    import dask
    from distributed import LocalCluster

    # To be set before TensorFlow starts; what the user has set counts more.
    environment = dask.config.get(_ENVIRONMENT) | dict.fromkeys(_THREADS, 1)
    before = {name: os.environ.get(name) for name in environment}
    try:
        with (
            dask.config.set({_ENVIRONMENT: environment}),
            LocalCluster(processes=True, threads_per_worker=1, dashboard_address=None) as cluster,
        ):
            yield cluster
    finally:
        # Dask has put it into the environment of this process, too.
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def _client(client):
    from distributed import Client

    if client is None:
        with _local_cluster() as cluster, Client(cluster) as own:
            yield own
        return
    if not isinstance(client, str):
        yield client
        return
    try:
        own = Client(client, timeout=_SECONDS_TO_ANSWER)
    except (OSError, ValueError) as error:
        raise ConnectionError(
            f"predict_catalogue: no Dask scheduler answers at `client` {client!r} ({error}). Start one "
            "(`dask scheduler`, `dask worker`), or leave `client` out for one on this machine."
        ) from error
    with own:
        yield own


def check_engine(engine, client):
    """Raise unless the engine is known and can be used.

    Raises
    ------
    ValueError
        If it is unknown, or a client is given to another one than Dask.
    TypeError
        If `client` is none.
    ImportError
        If its package is not installed.
    """
    if not isinstance(engine, str | None) or engine not in ENGINES:
        raise ValueError(f"predict_catalogue: `engine` must be None or 'dask', got {engine!r}.")
    if engine is None:
        if client is not None:
            raise ValueError("predict_catalogue: `client` is for engine='dask', which was not asked for.")
        return
    try:
        import distributed
    except ImportError as error:
        raise ImportError("engine='dask' needs Dask: pip install 'dask[distributed]'") from error
    if not isinstance(client, str | distributed.Client | None):
        raise TypeError(f"predict_catalogue: `client` must be a Client of Dask or an address, got {client!r}.")
    if isinstance(client, distributed.Client) and not client.scheduler_info()["workers"]:
        warnings.warn("The Dask cluster of `client` has no workers yet: the work waits for some.", stacklevel=3)


ENGINES = {None: run_here, "dask": run_on_dask}

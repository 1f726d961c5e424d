"""A run of 20,000 spectra that is killed again and again ends with the table of one that was not."""

import os
import random
import signal
import subprocess
import sys
import time

import h5py
import pytest

from astroNN.catalogue import predict_catalogue
from tests.catalogue.conftest import spectra_of
from tests.test_cli import environment

pytestmark = pytest.mark.slow

N_FILES, N_STARS = 40, 500


@pytest.fixture(scope="module")
def fields(tmp_path_factory):
    """Forty files of 500 spectra each."""
    folder = tmp_path_factory.mktemp("fields")
    for number in range(N_FILES):
        with h5py.File(folder / f"field{number:02d}.h5", "w") as file:
            file["spectra"] = spectra_of(number, N_STARS)
            file["id"] = [f"star {number}-{k}" for k in range(N_STARS)]
    return folder


@pytest.fixture(scope="module")
def undisturbed(network, fields, tmp_path_factory):
    out = tmp_path_factory.mktemp("undisturbed") / "out.fits"
    predict_catalogue(network, fields, out, verbose=0)
    return out.read_bytes()


def command(network, fields, out):
    return [sys.executable, "-m", "astroNN", "predict", str(network), str(fields), "--out", str(out), "--quiet"]


def n_finished(out):
    return len(list(out.parent.glob(f".{out.name}.parts/*.npz")))


def test_killed_five_times(network, fields, undisturbed, tmp_path):
    out, moments = tmp_path / "out.fits", random.Random(1)
    for number in range(5):
        process = subprocess.Popen(command(network, fields, out), cwd=tmp_path, env=environment())
        before, began = n_finished(out), time.monotonic()
        # Not before it has done something, else the sixth has to do all; and a random moment after that.
        while n_finished(out) < min(before + 2, N_FILES) and process.poll() is None:
            assert time.monotonic() - began < 300, "no part was finished"
            time.sleep(0.01)
        time.sleep(moments.uniform(0.0, 0.3))
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
        process.wait()
        if out.exists():
            break  # all was done before the last kill
        assert number == 0 or n_finished(out) >= before
    if not out.exists():
        done = subprocess.run(command(network, fields, out), cwd=tmp_path, env=environment(), timeout=300)
        assert done.returncode == 0
    assert out.read_bytes() == undisturbed
    assert not list(tmp_path.glob(".out.fits.parts"))


def test_a_full_disk_is_told_and_costs_nothing(network, fields, undisturbed, tmp_path):
    """A limit on the size of files stands for it: the table doesn't fit, its parts do."""
    resource = pytest.importorskip("resource", reason="limits of files are those of Unix")
    out = tmp_path / "out.fits"

    def limited():
        resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, 600_000))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    done = subprocess.run(
        command(network, fields, out),
        cwd=tmp_path,
        env=environment(),
        preexec_fn=limited,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1 and "writing failed" in done.stderr and "Traceback" not in done.stderr
    assert not out.exists() and n_finished(out) == N_FILES
    assert subprocess.run(command(network, fields, out), cwd=tmp_path, env=environment()).returncode == 0
    assert out.read_bytes() == undisturbed


def test_a_dask_worker_is_killed(network, fields, undisturbed, tmp_path):
    distributed = pytest.importorskip("distributed", reason="needs Dask: pip install 'dask[distributed]'")
    import threading

    out = tmp_path / "out.fits"
    with (
        distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=True,
            dashboard_address=None,
            local_directory=tmp_path / "dask",
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        victim = next(iter(client.run(os.getpid).values()))

        def kill():
            while n_finished(out) < 5:
                time.sleep(0.01)
            os.kill(victim, signal.SIGKILL)

        killer = threading.Thread(target=kill)
        killer.start()
        predict_catalogue(network, fields, out, engine="dask", client=client, verbose=0)
        killer.join()
        assert victim not in client.run(os.getpid).values()
    assert out.read_bytes() == undisturbed


def test_a_scheduler_that_does_not_answer(network, fields, tmp_path, monkeypatch):
    pytest.importorskip("distributed", reason="needs Dask: pip install 'dask[distributed]'")
    from astroNN.catalogue import _engines

    monkeypatch.setattr(_engines, "_SECONDS_TO_ANSWER", 2)
    with pytest.raises(ConnectionError, match="no Dask scheduler answers"):
        predict_catalogue(
            network, fields, tmp_path / "out.fits", engine="dask", client="tcp://127.0.0.1:1", verbose=0
        )

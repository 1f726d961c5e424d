"""The Dask cluster on this machine, which `predict_catalogue` starts where none is given."""

import os

import pytest

from astroNN.catalogue._engines import _client

pytest.importorskip("distributed", reason="needs Dask: pip install 'dask[distributed]'")

THREADS = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS")


def test_every_worker_keeps_to_its_core(monkeypatch):
    from dask.system import CPU_COUNT

    for name in THREADS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TF_NUM_INTEROP_THREADS", "3")  # what the user has chosen
    with _client(None) as client:
        assert len(client.nthreads()) == CPU_COUNT
        workers = [set(client.run(os.getenv, name).values()) for name in THREADS]
    assert workers == [{"1"}, {"3"}, {"1"}]
    assert [os.getenv(name) for name in THREADS] == [None, "3", None]

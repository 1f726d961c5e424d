"""What `distribute=` takes and refuses, and the parts of its engines."""

import json
import socket
import threading

import keras
import numpy as np
import pytest

from astroNN.models import DeepEnsemble, connect_workers
from astroNN.models.training.distribution import check_workers_agree, connection
from astroNN.models.training.distribution.engine import Engine
from astroNN.models.training.distribution.replicas import give_noise_of_their_own, read_part, read_share
from astroNN.models.training.distribution.roll_call import roll_call
from astroNN.nn.utilities.generator import BatchGenerator
from astroNN.shared.errors import ConfigurationError
from tests.models.distributed_jobs import cluster, free_ports

BACKEND = keras.backend.backend()


@pytest.fixture(scope="module")
def stars(tools):
    return tools.make_stars(96)


@pytest.fixture
def no_cluster(monkeypatch):
    """An environment that names no other processes."""
    for backend in ("tensorflow", "jax", "torch"):
        for name in cluster(backend, 0, [1]):
            monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("SLURM_STEP_NODELIST", raising=False)
    monkeypatch.setattr(connection, "_kept", {})


@pytest.mark.parametrize("value", ["mirrored", True, 2, ["auto"]])
def test_other_values_are_refused(value, stars, tools):
    net = tools.linear()
    with pytest.raises(ConfigurationError, match='must be None, "auto" or "multi_worker", got'):
        net.fit(stars.spectra, stars.labels, distribute=value)
    assert not net.has_model


def test_an_ensemble_refuses_them_too(stars, tools):
    with pytest.raises(ConfigurationError, match="distribute must be"):
        DeepEnsemble(tools.linear(), n_members=2).fit(stars.spectra, stars.labels, distribute="all")


def test_a_backend_without_an_engine_is_refused(monkeypatch):
    monkeypatch.setattr(connection.keras.backend, "backend", lambda: "numpy")
    with pytest.raises(ConfigurationError, match="the backend numpy can't train on several devices.*KERAS_BACKEND"):
        connection.engine_for("auto")


def test_one_device_trains_as_without(stars, tools):
    plain, auto = tools.linear(), tools.linear()
    plain.fit(stars.spectra, stars.labels)
    auto.fit(stars.spectra, stars.labels, distribute="auto")
    tools.same_history(plain.history, auto.history)
    assert type(connection.engine_for("auto")) is Engine


@pytest.mark.skipif(BACKEND == "jax", reason="JAX, which is in use here, is not asked for its cluster")
def test_an_environment_without_other_processes_is_refused(no_cluster, stars, tools):
    wanted = {"tensorflow": "TF_CONFIG", "torch": "MASTER_ADDR.*torchrun"}[BACKEND]
    with pytest.raises(ConfigurationError, match=wanted):
        tools.linear().fit(stars.spectra, stars.labels, distribute="multi_worker")


@pytest.mark.skipif(BACKEND == "torch", reason="torch can be connected at any time")
def test_a_backend_in_use_is_connected_no_more(no_cluster, monkeypatch):
    keras.ops.ones(1)
    for name, value in cluster(BACKEND, 0, free_ports(1)).items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError, match="connect_workers.*at the top of the script"):
        connect_workers()


@pytest.mark.tensorflow_only
@pytest.mark.skipif(BACKEND != "tensorflow", reason="TF_CONFIG is for TensorFlow")
@pytest.mark.parametrize(
    "config",
    [
        "worker 0",
        "[]",
        "{}",
        json.dumps({"cluster": {"worker": ["a:1"]}}),
        json.dumps({"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 1}}),
        json.dumps({"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": "0"}}),
        json.dumps({"cluster": {"worker": ["a"]}, "task": {"type": "worker", "index": 0}}),
        json.dumps({"cluster": {"worker": ["a:1"], "ps": ["b:1"]}, "task": {"type": "worker", "index": 0}}),
    ],
)
def test_a_malformed_tf_config_is_refused(config, no_cluster, monkeypatch):
    monkeypatch.setenv("TF_CONFIG", config)
    with pytest.raises(ConfigurationError, match="TF_CONFIG can't be used.*10.0.0.1:12345"):
        connect_workers()


@pytest.mark.tensorflow_only
@pytest.mark.skipif(BACKEND != "tensorflow", reason="Slurm is read by TensorFlow's own resolver")
def test_slurm_names_the_processes(no_cluster, monkeypatch):
    from astroNN.models.training.distribution import _tensorflow

    slurm = {"PROCID": "2", "STEP_NUM_TASKS": "4", "STEP_NODELIST": "node[17-18]", "STEP_TASKS_PER_NODE": "2(x2)"}
    for name, value in slurm.items():
        monkeypatch.setenv(f"SLURM_{name}", value)
    monkeypatch.setattr(_tensorflow.shutil, "which", lambda name: None)  # a machine without GPUs
    resolver = _tensorflow._resolver()
    assert resolver.cluster_spec().as_dict() == {
        "worker": ["node17:8888", "node17:8889", "node18:8888", "node18:8889"]
    }
    assert resolver.task_id == 2


@pytest.mark.skipif(BACKEND != "jax", reason="these variables are for JAX")
@pytest.mark.parametrize("wrong", [{"JAX_PROCESS_ID": None}, {"JAX_NUM_PROCESSES": "two"}])
def test_malformed_variables_of_jax_are_refused(wrong, no_cluster, monkeypatch):
    from astroNN.models.training.distribution import _jax

    for name, value in (cluster("jax", 0, [1, 2]) | wrong).items():
        if value is not None:
            monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError, match=next(iter(wrong))):
        _jax._initialize(1)


# Roll call -----------------------------------------------------------------------------------------------


@pytest.mark.one_backend
def test_a_roll_call_ends_when_all_are_here():
    address, ended = f"127.0.0.1:{free_ports(1)[0]}", []
    threads = [
        threading.Thread(target=lambda rank=rank: ended.append((roll_call(address, rank, 3, 30), rank)))
        for rank in (2, 1, 0)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(rank for _, rank in ended) == [0, 1, 2]


@pytest.mark.one_backend
@pytest.mark.parametrize(("rank", "missing"), [(0, "process 1, 2 of 3 is missing"), (1, "no answer from process 0")])
def test_a_roll_call_tells_who_is_missing(rank, missing):
    with pytest.raises(TimeoutError, match=missing):
        roll_call(f"127.0.0.1:{free_ports(1)[0]}", rank, 3, 0.5)


@pytest.mark.one_backend
def test_strangers_are_not_counted():
    port = free_ports(1)[0]
    timer = threading.Timer(0.3, lambda: socket.create_connection(("127.0.0.1", port)).sendall(b"GET / HTTP/1.1"))
    timer.start()
    with pytest.raises(TimeoutError, match="process 1 of 2"):
        roll_call(f"127.0.0.1:{port}", 0, 2, 1.0)


@pytest.mark.one_backend
def test_an_address_that_can_not_be_used_is_refused():
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(ConfigurationError, match="can't be used"):
        roll_call(f"127.0.0.1:{taken.getsockname()[1]}", 0, 2, 1)
    with pytest.raises(ConfigurationError, match="is no address"):
        roll_call("node17", 0, 2, 1)


# Shares, noise and agreement -----------------------------------------------------------------------------


def batches_of(n_stars, batch_size):
    spectra = np.arange(n_stars, dtype="float32")[:, None]
    rng = np.random.default_rng(0)
    return BatchGenerator(
        lambda rows: {"input": spectra[rows]}, np.arange(n_stars), spectra, batch_size=batch_size, rng=rng
    )


@pytest.mark.one_backend
@pytest.mark.parametrize("n_shares", [1, 2, 3, 8])
def test_shares_make_up_the_batch_and_differ_by_one_star_at_most(n_shares):
    batches = batches_of(11, 6)
    for index in range(2):
        shares = [read_share(batches, index, number, n_shares)[0]["input"] for number in range(n_shares)]
        np.testing.assert_array_equal(np.concatenate(shares), batches[index][0]["input"])
        assert np.ptp([len(share) for share in shares]) <= 1


@pytest.mark.one_backend
def test_only_the_rows_of_a_share_are_read():
    asked = []
    batches = batches_of(12, 12)
    batches._read_inputs = lambda rows: asked.extend(rows) or {"input": rows}
    read_part(batches, 0, 3, 6)
    assert asked == [3, 4, 5]


def test_replicas_draw_other_noise_and_keep_the_same_state():
    model = keras.Sequential([keras.Input((500,)), keras.layers.Dropout(0.5, seed=1)])
    number, answers = [0], []
    give_noise_of_their_own(model, lambda: number[0])
    before = keras.ops.convert_to_numpy(model.layers[-1].seed_generator.state)
    for replica in (0, 1, 0):
        number[0] = replica
        model.layers[-1].seed_generator.state.assign(before)
        answers.append(keras.ops.convert_to_numpy(model(np.ones((1, 500), "float32"), training=True)))
    np.testing.assert_array_equal(answers[0], answers[2])
    # Half of the pixels by chance: 5 standard errors of a fraction of 500.
    assert abs((answers[0] == answers[1]).mean() - 0.5) < 5 * 0.5 / np.sqrt(500)
    after = keras.ops.convert_to_numpy(model.layers[-1].seed_generator.state)
    assert after[0] == before[0] and after[1] == before[1] + 1


def test_workers_that_were_given_different_things_are_refused(stars, tools):
    class Two(Engine):
        n_workers = 2

        def gather(self, numbers):
            return [numbers, [numbers[0] + 1, *numbers[1:-1], numbers[-1] + 1]]

    net = tools.linear(max_epochs=1)
    net.fit(stars.spectra, stars.labels)
    sample = _Sample(stars)
    with pytest.raises(ConfigurationError, match="2 processes of this job differ in `seed`, the epoch to begin with"):
        check_workers_agree(Two(), net, sample, resume=False)


class _Sample:
    def __init__(self, stars):
        self.labels = {"output": stars.labels}

    def counting(self, rows):
        return rows

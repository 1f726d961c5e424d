"""Trainings in several processes: as good as in one, and going on after one was killed."""

import signal
import subprocess
import sys

import keras
import numpy as np
import pytest

from tests.models.distributed_jobs import ended, result, same_training, started, together

pytestmark = pytest.mark.slow

BACKEND = keras.backend.backend()

# 159 training stars of weight above 0: the last batch has one, so that a process has none.
HARD = {"batch_size": 79, "max_epochs": 3, "dropout_rate": 0.0}


@pytest.mark.parametrize("network", ["Small", "ApogeeBCNN"])
def test_two_processes_train_as_one(network, tmp_path):
    settings = HARD | ({"disable_dropout": True} if network == "ApogeeBCNN" else {})
    assert ended([started(tmp_path, "one", network=network, settings=settings)]) == [0]
    ended(together(tmp_path, "two", network=network, settings=settings))
    expected = result(tmp_path, "one")
    for rank in range(2):
        same_training(result(tmp_path, "two", rank), expected)


@pytest.mark.skipif(BACKEND == "torch", reason="on torch each device has a process")
def test_two_devices_of_one_process_train_as_one(tmp_path):
    # On JAX the devices together draw the masks that one would draw.
    settings = HARD | {"dropout_rate": 0.3 if BACKEND == "jax" else 0.0}
    ended([started(tmp_path, "one", settings=settings)])
    ended([started(tmp_path, "two", settings=settings, distribute="auto", n_devices=2)])
    same_training(result(tmp_path, "two"), result(tmp_path, "one"))


@pytest.mark.tensorflow_only
@pytest.mark.skipif(BACKEND != "tensorflow", reason="replicas of one process are TensorFlow's")
def test_replicas_of_one_process_draw_other_masks():
    done = subprocess.run([sys.executable, "-c", _MASKS], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    same = float(done.stdout.split()[-1])
    # Half of the pixels by chance: 5 standard errors of a fraction of 500.
    assert abs(same - 0.5) < 5 * 0.5 / np.sqrt(500)


def test_a_job_goes_on_where_one_of_its_processes_was_killed(tmp_path):
    # With a rate that falls, and the best weights kept: all that a checkpoint has to remember.
    falling = {"reduce_lr_patience": 1, "reduce_lr_epsilon": 1e6}
    settings = {"batch_size": 32, "max_epochs": 5, "keep_best": True} | falling
    assert ended([started(tmp_path, "one", settings=settings)]) == [0]
    settings["checkpoint"] = str(tmp_path / "run")
    codes = ended(together(tmp_path, "cut", settings=settings, of_rank={1: {"dies_in_epoch": 3}}))
    assert codes[0] != 0  # the other notices, and ends
    assert codes[1] == -signal.SIGKILL
    ended(together(tmp_path, "again", settings=settings, resume=True))
    expected = result(tmp_path, "one") | {"resumed_at": 3}
    for rank in range(2):
        same_training(result(tmp_path, "again", rank), expected)


def test_a_seed_that_nobody_set_is_the_same_for_all_and_dropout_trains(tmp_path):
    settings = {"batch_size": 64, "max_epochs": 2, "dropout_rate": 0.3, "seed": None}
    ended(together(tmp_path, "two", settings=settings, saves=str(tmp_path / "saved")))
    first, second = (result(tmp_path, "two", rank) for rank in range(2))
    same_training(first, second)
    assert sorted(path.name for path in tmp_path.glob("saved*")) == ["saved"]


def test_processes_that_were_given_other_labels_are_refused(tmp_path):
    codes = ended(together(tmp_path, "two", settings={"max_epochs": 1}, shift=1.0))
    assert 0 not in codes
    assert "differ in the labels" in (tmp_path / "two_0.log").read_text()


def test_if_the_first_process_is_refused_the_others_do_not_wait_for_it(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "thesis.tex").write_text("")
    settings = {"max_epochs": 1, "checkpoint": str(tmp_path / "run")}
    assert 0 not in ended(together(tmp_path, "two", settings=settings), timeout=120)
    assert "process 0 of 2 refused this training" in (tmp_path / "two_1.log").read_text()


_MASKS = """
import keras, numpy as np, tensorflow as tf
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)
from astroNN.models.training.distribution import engine_for
engine = engine_for("auto")
with engine.scope():
    model = keras.Sequential([keras.Input((500,)), keras.layers.Dropout(0.5, seed=1)])
    engine.adapt(model)
star = tf.ones((1, 500))
run = tf.function(lambda: engine.strategy.run(lambda: model(star, training=True)))
first, second = (np.asarray(values) for values in engine.strategy.experimental_local_results(run()))
print((first == second).mean())
"""

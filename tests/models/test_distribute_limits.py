"""What several devices can't train as one does is refused before the training; what fails leaves a whole network."""

import subprocess
import sys
from types import SimpleNamespace

import keras
import numpy as np
import pytest

from astroNN.models import _trained
from astroNN.models.training.distribution import limits, refused_together, replicas
from astroNN.models.training.distribution.engine import Engine
from astroNN.models.training.distribution.replicas import ReplicatedEngine
from astroNN.nn.layers import MCBatchNorm
from astroNN.nn.utilities.generator import BatchGenerator
from astroNN.shared.errors import ConfigurationError

BACKEND = keras.backend.backend()
sees_shares = pytest.mark.skipif(BACKEND == "jax", reason="on JAX all devices see the whole batch")


@pytest.fixture(scope="module")
def stars(tools):
    return tools.make_stars(96)


def engine():
    """That of this backend for two devices, not connected to anything."""
    if BACKEND == "tensorflow":
        from astroNN.models.training.distribution._tensorflow import TensorFlowEngine

        return TensorFlowEngine(SimpleNamespace(num_replicas_in_sync=2))
    from astroNN.models.training.distribution._torch import TorchEngine

    return TorchEngine(0, 2)


def check(*layers, kind=keras.Model, n_stars=12, optimizer="sgd", loss="mse"):
    """Ask the engine whether a network of these layers can be trained."""
    inputs = keras.Input((5,))
    outputs = inputs
    for layer in [*layers, keras.layers.Dense(1)]:
        outputs = layer(outputs)
    model = kind(inputs, outputs)
    model.compile(optimizer, loss)
    spectra = np.zeros((n_stars, 5), "float32")
    batches = BatchGenerator(lambda rows: {"input": spectra[rows]}, np.arange(n_stars), spectra, batch_size=4)
    engine().check(model, batches)


class OwnStep(keras.Model):
    def train_step(self, data):
        return super().train_step(data)


class OwnTest(keras.Model):
    def test_step(self, data):
        return super().test_step(data)


@sees_shares
def test_a_usual_network_is_taken():
    check(keras.layers.Dropout(0.1), MCBatchNorm(disable=True), loss=keras.losses.MeanSquaredError())


@sees_shares
@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"kind": OwnStep}, "`train_step` of OwnStep is not that of Keras"),
        ({"kind": OwnTest}, "`test_step` of OwnTest is not that of Keras"),
        ({"loss": keras.losses.MeanSquaredError(reduction="sum")}, "reduction='sum'"),
        ({"loss": keras.losses.MeanSquaredError(reduction="mean_with_sample_weight")}, "mean_with_sample_weight"),
    ],
)
def test_own_steps_and_other_reductions_are_refused(given, said):
    with pytest.raises(ConfigurationError, match=said):
        check(**given)


@sees_shares
def test_our_batch_normalisation_is_refused():
    with pytest.raises(ConfigurationError, match="the layer norm .MCBatchNorm. would see the stars of its own"):
        check(MCBatchNorm(name="norm"))


@pytest.mark.tensorflow_only
@pytest.mark.skipif(BACKEND != "tensorflow", reason="the others clip the sum")
@pytest.mark.parametrize("name", ["clipnorm", "clipvalue", "global_clipnorm"])
def test_clipping_on_every_device_by_itself_is_refused(name):
    with pytest.raises(ConfigurationError, match=f"SGD has {name}=0.1.*JAX or torch"):
        check(optimizer=keras.optimizers.SGD(0.1, **{name: 0.1}))


@pytest.mark.tensorflow_only
@pytest.mark.skipif(BACKEND != "tensorflow", reason="synchronised batch normalisation is TensorFlow's")
def test_batch_normalisation_needs_a_star_for_every_device():
    check(keras.layers.BatchNormalization(), n_stars=14)
    with pytest.raises(ConfigurationError, match="a star for each of the 2 devices.*has 1.*batch_size"):
        check(keras.layers.BatchNormalization(), n_stars=13)


def test_another_keras_is_refused():
    with pytest.raises(ConfigurationError, match=f"Keras {keras.__version__} has no `Model._no_such`"):
        limits.check_keras_has("_no_such")


# One worker is refused -----------------------------------------------------------------------------------


class Two(Engine):
    """The first of two workers, or the second, of which the first has refused."""

    n_workers = 2

    def __init__(self, rank):
        self.rank, self.gathered = rank, []

    def gather(self, numbers):
        self.gathered.append(numbers)
        return [[1], numbers] if self.rank else [numbers, [0]]


@pytest.mark.one_backend
def test_if_one_worker_is_refused_all_raise():
    first, second = Two(0), Two(1)
    with pytest.raises(FileExistsError, match="there"), refused_together(first):
        raise FileExistsError("there")
    assert first.gathered == [[1]]  # the others have heard of it
    with pytest.raises(ConfigurationError, match="process 0 of 2 refused this training"), refused_together(second):
        pass
    with refused_together(Two(0)):
        pass


def test_a_checkpoint_that_the_first_process_refuses_is_told_to_the_others(stars, tools, tmp_path, monkeypatch):
    workers = Two(0)
    monkeypatch.setattr(_trained, "engine_for", lambda distribute: workers)
    net = tools.linear()
    net.seed, net.checkpoint = 1, tmp_path
    (tmp_path / "thesis.tex").write_text("")
    with pytest.raises(FileExistsError):
        net.fit(stars.spectra, stars.labels, distribute="multi_worker")
    assert workers.gathered == [[1]]


# The network and its copy --------------------------------------------------------------------------------


class Fail(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 2:
            raise RuntimeError("the real error")


def test_histories_and_callbacks_forget_the_copy(stars, tools, monkeypatch):
    monkeypatch.setattr(_trained, "engine_for", lambda distribute: ReplicatedEngine())
    net, own = tools.linear(max_epochs=1), keras.callbacks.Callback()
    net.callbacks = own
    history = net.fit(stars.spectra, stars.labels, distribute="auto")
    for callback in (history, net.history, net.virtual_cvslogger, own):
        assert callback.model is net.keras_model


def test_an_error_is_not_hidden_by_a_copy_that_is_lost(stars, tools, monkeypatch, caplog):
    two = tools.linear(max_epochs=2)
    two.fit(stars.spectra, stars.labels)
    monkeypatch.setattr(_trained, "engine_for", lambda distribute: ReplicatedEngine())

    def lost(model):
        raise ValueError("the device is gone")

    monkeypatch.setattr(replicas, "take_arrays", lost)
    net = tools.linear(max_epochs=4)
    net.callbacks = Fail()
    with pytest.raises(RuntimeError, match="the real error"):
        net.fit(stars.spectra, stars.labels, distribute="auto")
    assert "the device is gone" in caplog.text and "epoch 2, the last finished" in caplog.text
    for found, expected in zip(net.keras_model.get_weights(), two.keras_model.get_weights(), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


# Backends ------------------------------------------------------------------------------------------------


@pytest.mark.skipif(BACKEND != "torch", reason="gradients of torch")
def test_an_output_that_only_some_processes_have_a_gradient_of_is_added_up_like_the_others(monkeypatch):
    import torch

    from astroNN.models.training.distribution import _torch

    # The other process has no gradient of the first variable, ones of the second and third, none of the fourth.
    others = iter([torch.tensor([0, 1, 1, 0], dtype=torch.int32), torch.zeros(2), torch.ones(2), torch.ones(2)])
    monkeypatch.setattr(_torch.dist, "all_reduce", lambda tensor: tensor.add_(next(others)))
    variables = [keras.Variable(np.zeros(2, "float32")) for _ in range(4)]
    summed = _torch._added_up([torch.full((2,), 2.0), torch.full((2,), 3.0), None, None], variables)
    assert [None if array is None else array.tolist() for array in summed] == [[2.0] * 2, [4.0] * 2, [1.0] * 2, None]


@pytest.mark.skipif(BACKEND != "torch", reason="torch's own errors")
@pytest.mark.parametrize(
    ("said", "kind"), [("EADDRINUSE", ConfigurationError), ("Timed out after 1 s", TimeoutError)]
)
def test_why_torch_could_not_connect_is_told(said, kind, monkeypatch):
    from astroNN.models.training.distribution import _torch

    def fail(*arguments, **options):
        raise RuntimeError(said)

    monkeypatch.setattr(_torch, "rendezvous", fail)
    with pytest.raises(kind, match=said):
        _torch._initialize(1)


@pytest.mark.slow
@pytest.mark.tensorflow_only
@pytest.mark.skipif(BACKEND != "tensorflow", reason="XLA on several devices of TensorFlow")
def test_where_keras_would_compile_with_xla_two_devices_train_without():
    done = subprocess.run([sys.executable, "-c", _AS_ON_GPUS], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.split()[-2:] == ["True", "1"]


_AS_ON_GPUS = """
import keras, numpy as np, tensorflow as tf
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)
# What Keras resolves to on a machine with GPUs, outside of a strategy.
from keras.src.trainers import trainer
trainer.Trainer._resolve_auto_jit_compile = lambda model: not getattr(model, "_distribute_strategy", None)
from astroNN.models import CNNBase

class Small(CNNBase):
    def model(self):
        spectra = keras.Input(self._input_shape["input"], name="input")
        return keras.Model(spectra, keras.layers.Dense(2, name="output")(keras.layers.Flatten()(spectra)))

net = Small()
net.max_epochs, net.verbose = 1, 0
spectra = np.random.default_rng(0).normal(1, 0.05, (64, 10)).astype("float32")
net.fit(spectra, spectra[:, :2], distribute="auto")
print(net.keras_model.jit_compile, len(net.history.epoch))
"""

"""One process of a training, which the tests of `distribute=` start: ``python distributed_worker.py job.json``."""

import json
import os
import signal
import sys
from pathlib import Path

import numpy as np

JOB = json.loads(Path(sys.argv[1]).read_text())
if JOB["n_devices"] > 1:
    # Before the backend looks for devices.
    os.environ["XLA_FLAGS"] = f"--xla_force_host_platform_device_count={JOB['n_devices']}"

import keras  # noqa: E402

from astroNN.models import ApogeeBCNN, CNNBase, connect_workers, load_folder  # noqa: E402
from astroNN.models.training.distribution import connection  # noqa: E402

connection.TIMEOUT = 120


class Small(CNNBase):
    """Convolution, dropout and a regularised dense layer."""

    def __init__(self):
        super().__init__()
        self.lr, self.input_norm_mode = 0.01, 2

    def model(self):
        spectra = keras.Input(self._input_shape["input"], name="input")
        hidden = keras.layers.Conv1D(2, 8, strides=4, activation="relu", name="conv")(spectra)
        hidden = keras.layers.Dropout(self.dropout_rate, seed=self.next_seed())(keras.layers.Flatten()(hidden))
        return keras.Model(spectra, keras.layers.Dense(2, kernel_regularizer="l2", name="output")(hidden))


class Die(keras.callbacks.Callback):
    """Kill -9 in the middle of an epoch."""

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_begin(self, batch, logs=None):
        if (self.epoch, batch) == (JOB["dies_in_epoch"], 1):
            os.kill(os.getpid(), signal.SIGKILL)


def stars():
    """199 stars, of which some have a weight of 0, or gaps in their labels."""
    rng = np.random.default_rng(0)
    spectra = rng.normal(1.0, 0.05, (199, 60)).astype("float32")
    labels = np.stack([4000 + 1000 * spectra[:, :6].sum(1), spectra[:, 10:16].sum(1)], axis=1)
    labels[::7, 0] = np.nan
    labels[5] = -9999.0
    weights = rng.uniform(0.5, 2.0, 199)
    weights[3] = 0.0
    return spectra, labels, weights


def network():
    if JOB["resume"]:
        return load_folder(JOB["settings"]["checkpoint"], custom_models=Small)
    if JOB["network"] == "Small":
        return Small()
    net = ApogeeBCNN()
    net.num_hidden, net.targetname, net.mc_num = [16, 8], ["teff", "flux"], 5
    return net


def main():
    distribute = JOB["distribute"]
    if distribute == "auto" and keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        cpu = tf.config.list_physical_devices("CPU")[0]
        tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * JOB["n_devices"])
    if distribute == "multi_worker" and JOB["resume"]:
        connect_workers()
    net = network()
    for name, value in {"verbose": 0, "seed": 3, "val_size": 0.2, **JOB["settings"]}.items():
        assert hasattr(net, name), name
        setattr(net, name, value)
    if JOB["dies_in_epoch"] is not None:
        net.callbacks = Die()
    spectra, labels, weights = stars()
    spectra = spectra + JOB["rank"] * JOB["shift"]
    labels = labels + JOB["rank"] * JOB["shift"]
    errors = {"labels_err": np.full(labels.shape, [20.0, 0.02])} if JOB["network"] == "ApogeeBCNN" else {}
    resumed_at = net._training_state.epoch if JOB["resume"] else 0
    net.fit(spectra, labels, sample_weight=weights, distribute=distribute, resume=JOB["resume"], **errors)
    predicted = net.predict(spectra[:5])
    np.savez(
        JOB["result"],
        predicted=predicted[0] if isinstance(predicted, tuple) else predicted,
        weights=np.concatenate([np.ravel(array) for array in net.keras_model.get_weights()]),
        seed=net.seed,
        resumed_at=resumed_at,
        **{f"history_{name}": values for name, values in net.history.history.items()},
    )
    if JOB["rank"] == 0 and JOB["saves"]:
        net.save(JOB["saves"])


main()

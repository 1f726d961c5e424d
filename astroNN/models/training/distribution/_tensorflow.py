"""Several devices on TensorFlow: `MirroredStrategy` and `MultiWorkerMirroredStrategy`."""

import json
import os
import shutil

import keras
import tensorflow as tf

from astroNN.models.training.distribution.limits import (
    check_keras_has,
    refuse_clipping,
    refuse_other_reductions,
    refuse_own_steps,
    refused_layer,
)
from astroNN.models.training.distribution.replicas import ReplicatedEngine, give_noise_of_their_own, read_share
from astroNN.models.training.distribution.roll_call import roll_call
from astroNN.nn.layers import MCBatchNorm
from astroNN.shared.errors import ConfigurationError

__all__ = ["all_devices", "connect"]

_EXAMPLE = '{"cluster": {"worker": ["10.0.0.1:12345", "10.0.0.2:12345"]}, "task": {"type": "worker", "index": 0}}'


def all_devices():
    """Engine for the devices of this process; None if there is only one."""
    kind = "GPU" if tf.config.list_physical_devices("GPU") else "CPU"
    devices = tf.config.list_logical_devices(kind)
    return TensorFlowEngine(tf.distribute.MirroredStrategy(devices)) if len(devices) > 1 else None


def connect(timeout):
    """Engine for the processes named in the environment, by ``TF_CONFIG`` or by Slurm; None if it is too late."""
    resolver = _resolver()
    workers = resolver.cluster_spec().as_dict()["worker"]
    roll_call(workers[0], resolver.task_id, len(workers), timeout)
    try:
        strategy = tf.distribute.MultiWorkerMirroredStrategy(cluster_resolver=resolver)
    except RuntimeError as error:
        if "program startup" in str(error):
            return None
        raise
    return TensorFlowEngine(strategy, resolver.task_id, len(workers))


class TensorFlowEngine(ReplicatedEngine):
    """A strategy of TensorFlow.

    Parameters
    ----------
    strategy : tf.distribute.Strategy
        Mirrors the variables.
    rank, n_workers : int, optional
        This process among the others. Default: there are no others.
    """

    def __init__(self, strategy, rank=0, n_workers=1):
        self.strategy, self.rank, self.n_workers = strategy, rank, n_workers

    def scope(self):
        return self.strategy.scope()

    def check(self, model, batches):
        check_keras_has("_maybe_symbolic_build")
        refuse_own_steps(model)
        _refuse_mixed_loss(type(model))
        refuse_other_reductions(model)
        refuse_clipping(model)
        self._check_batch_norms(model, batches)

    def _check_batch_norms(self, model, batches):
        layers, n_replicas = list(model._flatten_layers()), self.strategy.num_replicas_in_sync
        for layer in layers:
            if isinstance(layer, MCBatchNorm) and not layer.disable:
                raise refused_layer(
                    layer,
                    "would see the stars of its own device alone. Use keras.layers.BatchNormalization, train on JAX, "
                    "or with distribute=None.",
                )
        norms = [layer for layer in layers if isinstance(layer, keras.layers.BatchNormalization)]
        fewest = min(map(batches.n_rows, range(len(batches)))) if norms else n_replicas
        if fewest < n_replicas:
            # A replica without stars is shown one of zeros, which the layer would count.
            raise refused_layer(
                norms[0],
                f"needs a star for each of the {n_replicas} devices in every batch; one batch has {fewest}. Choose a "
                "`batch_size` that leaves no such rest of the training stars.",
            )

    def adapt(self, model):
        # XLA can't compile a step with exchange between devices. Keras knows that, but has decided when the original
        # was compiled, where there are GPUs, for XLA.
        model.jit_compile = False
        model.__class__ = type(f"Replicated{type(model).__name__}", (_Replicated, type(model)), {})
        give_noise_of_their_own(model, _replica)
        for layer in model._flatten_layers():
            if isinstance(layer, keras.layers.BatchNormalization):
                layer.synchronized = True

    def data(self, training, validation):
        arguments = {"x": self._read(training, shuffle=True), "steps_per_epoch": len(training)}
        if validation is not None:
            arguments |= {"validation_data": self._read(validation), "validation_steps": len(validation)}
        return arguments

    def _read(self, batches, shuffle=False):
        """Endless shares of the replicas of this process, one epoch after the other."""
        n_replicas = self.strategy.num_replicas_in_sync
        n_here = n_replicas // self.n_workers
        here = range(self.rank * n_here, (self.rank + 1) * n_here)

        def shares():
            while True:
                if shuffle:  # as Keras does itself before each epoch if it knows of the batches
                    batches.on_epoch_end()
                for index in range(len(batches)):
                    yield from (read_share(batches, index, number, n_replicas) for number in here)

        def read(context):
            return tf.data.Dataset.from_generator(shares, output_signature=signature).prefetch(2 * n_here)

        signature = keras.tree.map_structure(
            lambda array: tf.TensorSpec((None, *array.shape[1:]), array.dtype), batches[0]
        )
        return self.strategy.distribute_datasets_from_function(read)

    def gather(self, numbers):
        if self.n_workers == 1:
            return [numbers]

        @tf.function
        def everyones():
            return self.strategy.gather(self.strategy.run(lambda: tf.constant([numbers], "int32")), axis=0)

        gathered = everyones().numpy()
        return gathered[:: len(gathered) // self.n_workers].tolist()


class _Replicated:
    """Mixin of `keras.Model`: shares that differ in size add up to the whole batch, over several processes too."""

    def call(self, inputs, *arguments, **options):
        # A convolution of no stars has the wrong shape on CPUs: show it one of zeros, and forget the answer.
        n_stars = _n_stars(inputs)
        n_missing = tf.maximum(1 - n_stars, 0)
        filled = keras.tree.map_structure(
            lambda tensor: tf.pad(tensor, [[0, n_missing]] + [[0, 0]] * (len(tensor.shape) - 1)), inputs
        )
        outputs = super().call(filled, *arguments, **options)
        return keras.tree.map_structure(lambda tensor: tensor[:n_stars], outputs)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        loss = super().compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=sample_weight, training=training)
        n_replicas = tf.distribute.get_strategy().num_replicas_in_sync
        replica = tf.distribute.get_replica_context()
        if replica is None:
            return loss
        if not _is_of_keras(super().compute_loss):
            loss = loss / n_replicas  # as Keras has done to its own
        n_stars = tf.cast(_n_stars(x), loss.dtype)
        loss = tf.where(n_stars > 0, loss, tf.zeros_like(loss))  # of no stars it is NaN
        if not training:
            return loss
        weight = n_stars * n_replicas / replica.all_reduce("SUM", n_stars)
        # The value is averaged over the stars by the metric that logs it; the gradients are added up.
        return tf.stop_gradient(loss) + weight * (loss - tf.stop_gradient(loss))

    def train_step(self, data):
        return keras.tree.map_structure(_with_axis, super().train_step(data))

    def test_step(self, data):
        return keras.tree.map_structure(_with_axis, super().test_step(data))

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        """Nothing: `make_variables` has done it, and Keras' own fails with several processes."""


def _refuse_mixed_loss(kind):
    """Raise for a loss of the user's that is in part that of Keras, which has divided its part by the replicas."""
    code = getattr(kind.compute_loss, "__code__", None)
    if code is not None and "__class__" in code.co_freevars:
        raise ConfigurationError(
            f"distribute: `compute_loss` of {kind.__name__} calls that of Keras by `super()`, which on TensorFlow "
            "has another value on several devices. Compute the whole loss in it, the mean over the batch's stars."
        )


def _n_stars(inputs):
    return tf.shape(keras.tree.flatten(inputs)[0])[0]


def _is_of_keras(method):
    return method.__func__ is keras.Model.compute_loss


def _with_axis(value):
    # Of several processes Keras averages the numbers over an axis that they don't have.
    several = isinstance(tf.distribute.get_strategy(), tf.distribute.MultiWorkerMirroredStrategy)
    return tf.expand_dims(value, 0) if several else value


def _replica():
    replica = tf.distribute.get_replica_context()
    return 0 if replica is None else replica.replica_id_in_sync_group


def _resolver():
    if "TF_CONFIG" in os.environ:
        _check_tf_config(os.environ["TF_CONFIG"])
        return tf.distribute.cluster_resolver.TFConfigClusterResolver()
    if "SLURM_STEP_NODELIST" in os.environ:
        # It deals GPUs out to the tasks of a machine, also where there are none: any number will do there.
        none = {"gpus_per_node": 1024, "gpus_per_task": 1, "auto_set_gpu": False}
        gpus = {} if shutil.which("nvidia-smi") else none
        resolver = tf.distribute.cluster_resolver.SlurmClusterResolver(**gpus)
        resolver.cluster_spec()  # before it, the resolver does not know its own number
        return resolver
    raise ConfigurationError(
        'distribute="multi_worker": neither TF_CONFIG nor the variables of Slurm (start the script by `srun`) are in '
        f"the environment. On TensorFlow each process needs the addresses of all, such as TF_CONFIG='{_EXAMPLE}'."
    )


def _check_tf_config(text):
    try:
        given = json.loads(text)
        workers, task = given["cluster"]["worker"], given["task"]
        index = task["index"]
        sound = all(isinstance(address, str) and ":" in address for address in workers)
        sound = sound and task["type"] == "worker" and type(index) is int and 0 <= index < len(workers)
        sound = sound and list(given["cluster"]) == ["worker"]
    except (ValueError, KeyError, TypeError):
        sound = False
    if not sound:
        raise ConfigurationError(
            f'distribute="multi_worker": the environment variable TF_CONFIG can\'t be used: {text[:300]!r}. It must '
            f"be JSON with the addresses of all workers and the number of this one, such as {_EXAMPLE}."
        )

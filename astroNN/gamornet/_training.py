"""Training of GaMorNet as the earlier package did it: gradient descent with momentum on a plain Keras model."""

from dataclasses import dataclass

import keras

from astroNN.gamornet._drop_in_checks import check_flag, check_number, checked_sample, checked_shape, layer_choice
from astroNN.gamornet._networks import found_weights, new_model
from astroNN.gamornet._weights import load_weights, weighted_layers
from astroNN.models.misc_models.gamornet import FLAVOURS
from astroNN.shared.setting_checks import check_at_least, check_one_of

__all__ = ["Training", "prepared"]

#: names of losses in Keras 2, where today's are others
_KERAS_2_LOSSES = {
    "cosine_proximity": "cosine_similarity",
    "huber_loss": "huber",
    "kullback_leibler_divergence": "kl_divergence",
    "logcosh": "log_cosh",
}

_Schedule = keras.optimizers.schedules.LearningRateSchedule


@dataclass(frozen=True)
class Training:
    """How a network is trained; names and meanings are those of `gamornet_train_keras`.

    Parameters
    ----------
    flavour : {"keras", "tflearn"}
        Decides the rule of `decay`, and whether the norm of the gradient is limited.
    epochs, batch_size : int
    lr : float or keras.optimizers.schedules.LearningRateSchedule
    momentum, decay : float
    nesterov : bool
    loss : str or callable
    verbose : int, optional
        Default 1.
    metrics : tuple, optional
        Default: accuracy.

    Raises
    ------
    ValueError, TypeError
        If one of them can't be used.
    """

    flavour: str
    epochs: int
    batch_size: int
    lr: object
    momentum: float
    decay: float
    nesterov: bool
    loss: object
    verbose: int = 1
    metrics: tuple = ("accuracy",)

    def __post_init__(self):
        check_at_least("epochs", self.epochs, 1)
        check_at_least("batch_size", self.batch_size, 1)
        check_number("momentum", self.momentum, most=1.0)
        check_number("decay", self.decay)
        check_flag("nesterov", self.nesterov)
        check_one_of("verbose", self.verbose, (0, 1, 2, "auto"))
        if isinstance(self.lr, _Schedule):
            self._check_schedule()
        else:
            schedule = ", or a schedule of keras.optimizers.schedules"
            check_number("lr", self.lr, is_more=True, or_else=schedule)
        if not callable(self.loss):
            _check_name_of_loss(self.loss)

    @property
    def learning_rate(self):
        """Number or schedule for Keras.

        At the update t, counted from 0, and with the decay d, it is ``lr / (1 + d t)`` in the flavour of Keras, as in
        Keras 2, and ``lr d^(t / 100)`` in that of TFLearn. Without decay it is constant in both.
        """
        schedules = keras.optimizers.schedules
        if not self.decay:
            return self.lr if isinstance(self.lr, _Schedule) else float(self.lr)
        if self.flavour == "keras":
            return schedules.InverseTimeDecay(float(self.lr), decay_steps=1, decay_rate=float(self.decay))
        return schedules.ExponentialDecay(float(self.lr), decay_steps=100, decay_rate=float(self.decay))

    def optimizer(self):
        """A new optimiser."""
        return keras.optimizers.SGD(
            self.learning_rate,
            momentum=float(self.momentum),
            nesterov=bool(self.nesterov),
            global_clipnorm=FLAVOURS[self.flavour].gradient_norm,
        )

    def run(self, model, training, validation, callbacks):
        """Train a model on shuffled images.

        Parameters
        ----------
        model : keras.Model
            Its layers are frozen already, where they are to be.
        training, validation : tuple of two arrays
            Images and labels.
        callbacks : list of keras.callbacks.Callback

        Returns
        -------
        keras.Model
            The same.
        """
        model.compile(optimizer=self.optimizer(), loss=_for_keras(self.loss), metrics=list(self.metrics))
        model.fit(
            *training,
            batch_size=self.batch_size,
            epochs=self.epochs,
            validation_data=validation,
            shuffle=True,
            verbose=self.verbose,
            callbacks=callbacks,
        )
        return model

    def _check_schedule(self):
        if self.decay:
            raise ValueError(
                f"`decay` is {self.decay!r}, but `lr` is a schedule, which says itself how the rate falls: give "
                "decay=0.0, or a number as `lr`."
            )
        try:
            self.lr.get_config()
        except NotImplementedError as error:
            raise ValueError(
                f"`lr`: the schedule {type(self.lr).__name__} has no method `get_config`, without which Keras can't "
                "save the network. Define it: it returns the arguments of the schedule as a dictionary."
            ) from error


def prepared(training, data, input_shape, model_load_path, load_layers, trainable):
    """A model to be trained, and what it is trained on. Everything is checked before the model is built.

    Parameters
    ----------
    training : Training
    data : tuple of 4 arrays
        Training images and labels, validation images and labels.
    input_shape : {"SDSS", "CANDELS"} or tuple of 3 int
    model_load_path : str or Path
        Where weights come from; not looked at if no layer takes them.
    load_layers, trainable : list of 8 bool, or str
        Layers that take those weights; the others start afresh. Layers that are trained; the others are frozen.

    Returns
    -------
    model : keras.Model
    training_pair, validation_pair : tuple of two arrays

    Raises
    ------
    ValueError, TypeError, OSError
        With the reason.
    """
    shape = checked_shape(input_shape)
    load_layers = layer_choice("load_layers_bools", load_layers)
    trainable = layer_choice("trainable_bools", trainable)
    if not any(trainable):
        raise ValueError("`trainable_bools` is False for every layer: there is nothing to train.")
    weights = found_weights(training.flavour, model_load_path) if any(load_layers) else None
    pairs = checked_sample(*data, shape)
    model = new_model(training.flavour, shape)
    if weights is not None:
        load_weights(model, weights, load_layers)
    # Before compiling: the optimiser takes the weights that are trainable then.
    for layer, is_trainable in zip(weighted_layers(model)[0], trainable, strict=True):
        layer.trainable = is_trainable
    return model, *pairs


def _for_keras(loss):
    """Name or function of a loss that Keras knows, and can name in files: it can't write a `functools.partial`."""
    if isinstance(loss, str):
        return _KERAS_2_LOSSES.get(loss, loss)
    if hasattr(loss, "__name__") or hasattr(loss, "get_config"):
        return loss

    def own_loss(labels, predictions):
        return loss(labels, predictions)

    return own_loss


def _check_name_of_loss(loss):
    try:
        known = isinstance(loss, str) and callable(keras.losses.get(_for_keras(loss)))
    except (ValueError, TypeError):
        known = False
    if not known:
        raise ValueError(
            "`loss` must be the name of a loss of Keras, such as 'categorical_crossentropy', or a function of labels "
            f"and predictions; got {loss!r}."
        )

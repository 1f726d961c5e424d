"""What engines whose devices see shares of a batch can't train as one device would: refused before the training."""

import keras

from astroNN.shared.errors import ConfigurationError

__all__ = ["check_keras_has", "refuse_clipping", "refuse_other_reductions", "refuse_own_steps", "refused_layer"]

#: reductions of Keras that are the mean over the stars
_MEANS = ("sum_over_batch_size", "mean")
_CLIPPING = ("clipnorm", "clipvalue", "global_clipnorm")


def check_keras_has(name):
    """Raise if a private method of `keras.Model`, which an engine replaces, is not there any more.

    Parameters
    ----------
    name : str
        Of the method.

    Raises
    ------
    ConfigurationError
        Then.
    """
    if not hasattr(keras.Model, name):
        raise ConfigurationError(
            f"distribute: Keras {keras.__version__} has no `Model.{name}`, on which this engine builds, so that it "
            "would train wrongly. Install an earlier Keras, or train on one device (distribute=None)."
        )


def refuse_own_steps(model):
    """Raise for a model whose steps are not those of Keras: their gradients and metrics would not be added up.

    Parameters
    ----------
    model : keras.Model
        Compiled.

    Raises
    ------
    ConfigurationError
        Naming the method.
    """
    for name in ("train_step", "test_step"):
        if getattr(type(model), name) is not getattr(keras.Model, name):
            raise ConfigurationError(
                f"distribute: `{name}` of {type(model).__name__} is not that of Keras, and on "
                f"{keras.backend.backend()} each device would see its own share of a batch in it. Put the loss into "
                "`compute_loss` (the mean over the batch's stars) or compile with it, or train with distribute=None."
            )


def refuse_other_reductions(model):
    """Raise for losses that are not the mean over the stars of a batch: their shares don't add up to the whole.

    Parameters
    ----------
    model : keras.Model
        Compiled.

    Raises
    ------
    ConfigurationError
        Naming the loss.
    """
    for loss in keras.tree.flatten(model.loss):
        reduction = getattr(loss, "reduction", "sum_over_batch_size")
        if isinstance(loss, keras.losses.Loss) and reduction not in _MEANS:
            raise ConfigurationError(
                f"distribute: the loss {loss.name} has reduction={reduction!r}; on {keras.backend.backend()} several "
                'devices take reduction="sum_over_batch_size", the mean over the stars. Compile with that one.'
            )


def refuse_clipping(model):
    """Raise for an optimiser that clips gradients, where it would clip those of every device by themselves.

    Parameters
    ----------
    model : keras.Model
        Compiled.

    Raises
    ------
    ConfigurationError
        Naming the setting.
    """
    optimizer = getattr(model.optimizer, "inner_optimizer", model.optimizer)
    for name in _CLIPPING:
        value = getattr(optimizer, name, None)
        if value is not None:
            raise ConfigurationError(
                f"distribute: the optimizer {type(optimizer).__name__} has {name}={value:g}, and on "
                f"{keras.backend.backend()} each device would clip the gradients of its own stars, not those of the "
                f"batch. Leave {name} out, train on JAX or torch, or with distribute=None."
            )


def refused_layer(layer, why):
    """The error for a layer that would not see the whole batch: ``raise refused_layer(...)``.

    Parameters
    ----------
    layer : keras.layers.Layer
        Is named.
    why : str
        The rest of the sentence.

    Returns
    -------
    ConfigurationError
        To be raised.
    """
    return ConfigurationError(
        f"distribute: on {keras.backend.backend()} the layer {layer.name} ({type(layer).__name__}) {why}"
    )

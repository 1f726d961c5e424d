"""The outputs of a Bayesian network by name, whatever form `model()` gives them in."""

import keras
from keras import ops

from astroNN.nn.layers import MixtureMoments

__all__ = ["MIXTURE", "as_logits", "as_probabilities", "outputs_by_name"]

MIXTURE = "mixture"
_MOMENTS = ("output", "variance_output")


def outputs_by_name(graph, n_labels, owner):
    """Outputs ``output`` (mean) and ``variance_output`` (log variance) of a network.

    Parameters
    ----------
    graph : keras.Model
        Its output is a dictionary of the two, a pair, one tensor of both joined, or the parameters of mixtures as a
        `MixtureDensity` layer gives them.
    n_labels : int
        Number of labels.
    owner : str
        Name of the network's class, for the error.

    Returns
    -------
    dict of keras.KerasTensor
        With ``mixture`` besides, the parameters, for a network of mixtures.

    Raises
    ------
    ValueError
        If the outputs are none of these.
    """
    outputs = graph.output
    tensors = keras.tree.flatten(outputs)
    if len(tensors) == 1 and _is_mixture(tensors[0].shape, n_labels):
        return {**MixtureMoments()(tensors[0]), MIXTURE: tensors[0]}
    if isinstance(outputs, dict):
        named = {name: outputs[name] for name in _MOMENTS if name in outputs}
    else:
        if len(tensors) == 1:
            half = tensors[0].shape[-1] // 2
            tensors = [tensors[0][..., :half], tensors[0][..., half:]]
        named = dict(zip(_MOMENTS, tensors, strict=False))
    if len(named) < 2 or any(tensor.shape[-1] != n_labels for tensor in named.values()):
        got = keras.tree.map_structure(lambda tensor: tensor.shape, outputs)
        raise ValueError(
            f"`model()` of {owner} must return networks with the outputs `output` and `variance_output` of "
            f"{n_labels} numbers each, one output of both joined, or that of a MixtureDensity({n_labels}) layer; "
            f"got {got}."
        )
    return named


def as_logits(outputs, task):
    """Outputs to train with: of a classifier the logits, also where its recipe ends in probabilities.

    A softmax of probabilities would be a softmax twice, which no network can make confident.

    Parameters
    ----------
    outputs : dict of keras.KerasTensor
        As `outputs_by_name` gives them.
    task : str
        What the network answers.

    Returns
    -------
    dict of keras.KerasTensor
        By the same names.
    """
    activation = _last_activation(outputs["output"])
    probabilities = outputs["output"]
    if task == "classification" and activation == "softmax":
        return {**outputs, "output": ops.log(_inside(probabilities))}
    if task == "binary_classification" and activation == "sigmoid":
        inside = _inside(probabilities)
        return {**outputs, "output": ops.log(inside) - ops.log1p(-inside)}
    return outputs


def as_probabilities(outputs, task):
    """Outputs to predict with: of a classifier the probabilities, also where its recipe ends in logits.

    Parameters
    ----------
    outputs : dict of keras.KerasTensor
        As `outputs_by_name` gives them.
    task : str
        What the network answers.

    Returns
    -------
    dict of keras.KerasTensor
        By the same names.
    """
    wanted = {"classification": "softmax", "binary_classification": "sigmoid"}.get(task)
    if wanted is None or _last_activation(outputs["output"]) == wanted:
        return outputs
    return {**outputs, "output": keras.activations.get(wanted)(outputs["output"])}


def _inside(probabilities):
    epsilon = keras.config.epsilon()
    return ops.clip(probabilities, epsilon, 1.0 - epsilon)


def _last_activation(tensor):
    """Name of the activation that made a symbolic tensor, None if it was none."""
    operation = tensor._keras_history.operation
    activation = getattr(operation, "activation", None)
    return getattr(activation, "__name__", None) or {"Softmax": "softmax", "Sigmoid": "sigmoid"}.get(
        type(operation).__name__
    )


def _is_mixture(shape, n_labels):
    return len(shape) == 4 and tuple(shape[1:3]) == (n_labels, 3)

"""Weights taken over from another network."""

import warnings
from dataclasses import dataclass, field

import keras

from astroNN.shared.messages import tell

__all__ = ["TransferReport", "transfer_weights"]


@dataclass
class TransferReport:
    """What `transfer_weights` moved and what it did not.

    Attributes
    ----------
    moved : dict
        Name of a layer to that of the layer it has its weights from.
    kept : dict
        Name of a layer that keeps its own weights to the reason.
    n_moved, n_weights : int
        Numbers that were moved, and numbers in all.
    """

    moved: dict = field(default_factory=dict)
    kept: dict = field(default_factory=dict)
    n_moved: int = 0
    n_weights: int = 0

    def __bool__(self):
        return bool(self.moved)

    def __str__(self):
        share = 100 * self.n_moved / max(self.n_weights, 1)
        lines = [f"{self.n_moved} of {self.n_weights} weights ({share:.1f}%) were transferred and are frozen."]
        lines += [f"  {name} <- {source}" for name, source in self.moved.items()]
        lines += [f"  {name} keeps its own: {reason}" for name, reason in self.kept.items()]
        return "\n".join(lines)


def transfer_weights(net, source, exclusion_output=False):
    """Copy weights into a network layer by layer; see `NeuralNetMaster.transfer_weights`.

    Parameters
    ----------
    net : NeuralNetMaster
        Gets the weights, layer by layer from the input on; its layers that got some are frozen.
    source : NeuralNetMaster or keras.Model
        Has them.
    exclusion_output : bool, optional
        Leave out layers of the source that have ``output`` in their name. Default False.

    Returns
    -------
    TransferReport
        Which layers were moved, and why others were not.

    Raises
    ------
    TypeError
        If one of them is no network.

    Warns
    -----
    UserWarning
        If no layer's weights fit.
    """
    donors = _weighted_layers(getattr(source, "keras_model", source))
    report, position = TransferReport(), 0
    for layer in _weighted_layers(net.keras_model):
        size = sum(int(weight.size) for weight in layer.get_weights())
        report.n_weights += size
        # Layers follow one another in both networks: never look behind the last success.
        found = _first_fitting(layer, donors, position, exclusion_output)
        if found is None:
            report.kept[layer.name] = "no layer of the other network has weights of these shapes here"
            continue
        position = found + 1
        layer.set_weights(donors[found].get_weights())
        layer.trainable = False
        report.moved[layer.name] = donors[found].name
        report.n_moved += size
    if not report:
        warnings.warn("None of the layers' weights are successfully transferred.", stacklevel=3)
    tell(str(report), net.verbose)
    return report


def _weighted_layers(model):
    if not isinstance(model, keras.Model):
        raise TypeError(
            "transfer_weights: `model` must be a trained network of astroNN or a Keras model, got "
            f"{type(model).__name__}."
        )
    return [layer for layer in model.layers if layer.weights]


def _first_fitting(layer, donors, position, exclusion_output):
    shapes = [tuple(weight.shape) for weight in layer.weights]
    for number in range(position, len(donors)):
        donor = donors[number]
        is_output = exclusion_output and "output" in donor.name
        if not is_output and [tuple(weight.shape) for weight in donor.weights] == shapes:
            return number
    return None

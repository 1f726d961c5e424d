"""Which layers of a network are not trained, by names that are the same in every process."""

from astroNN.models._weight_names import stable_names
from astroNN.shared.errors import FolderError

__all__ = ["freeze_layers", "frozen_layers"]


def frozen_layers(model):
    """Names of the layers with weights that training leaves alone.

    Parameters
    ----------
    model : keras.Model
        Built.

    Returns
    -------
    list of str
        Sorted.
    """
    layers = _weighted(model)
    names = stable_names(layers)
    return sorted(names[layer.name] for layer in layers if not layer.trainable)


def freeze_layers(model, names):
    """Make layers untrainable.

    Parameters
    ----------
    model : keras.Model
        Built.
    names : list of str or None
        As `frozen_layers` gives them. None, from a folder that names no layers, freezes none.

    Raises
    ------
    FolderError
        If a name is not that of a layer with weights.
    """
    layers = _weighted(model)
    stable = stable_names(layers)
    unknown = set(map(str, names or ())) - set(stable.values())
    if not isinstance(names, list | None) or unknown:
        raise FolderError(f"`frozen` must list layers of the network, got {str(names)[:80]!r}.")
    for layer in layers:
        if names and stable[layer.name] in names:
            layer.trainable = False


def _weighted(model):
    return [layer for layer in model.layers if layer.weights]

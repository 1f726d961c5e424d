"""What a folder tells its human reader: ``hyperparameter.txt`` and ``model_card.md``."""

import platform

import keras
import numpy as np

from astroNN import __version__

__all__ = ["hyper_parameter_text", "model_card"]


def hyper_parameter_text(net):
    """The established list of settings, one ``Key: value`` a line; nothing reads it back."""
    entries = {
        "Model": net.name,
        "Model Type": net._model_type,
        "astroNN identifier": net._model_identifier or type(net).__name__,
        "Python Version": platform.python_version(),
        "astroNN Version": __version__,
        "Keras Version": keras.__version__,
        "Keras Backend": keras.backend.backend(),
        "Folder Name": net.folder_name,
        "Batch size": net.batch_size,
        "Optimizer": type(net.keras_model.optimizer).__name__,
        "Maximum Epochs": net.max_epochs,
        "Learning Rate": net.lr,
        "Validation Size": net.val_size,
        "Input Shape": net._input_shape,
        "Label Shape": net._labels_shape,
        "Number of Training Data": net.num_train,
        "Number of Validation Data": net.val_num,
        "Dropout Rate": getattr(net, "dropout_rate", None),
    }
    return "".join(f"{key}: {value} \n" for key, value in entries.items())


def model_card(net):
    """A page in Markdown on what the network is, what it was trained on, and how to use it."""
    shapes = ", ".join(f"`{name}` {tuple(shape)}" for name, shape in net._input_shape.items())
    lines = [
        f"# {type(net).__name__}",
        "",
        f"{net.name}, trained with astroNN {__version__} (Keras {keras.__version__}, {keras.backend.backend()}).",
        "",
        "## Use",
        "",
        "```python",
        "from astroNN.models import load_folder",
        'net = load_folder("path/of/this/folder")',
        "prediction = net.predict(spectra)",
        "```",
        "",
        "## What it was trained on",
        "",
        f"- inputs: {shapes}, normalised by mode {net.input_normalizer.modes_as_text(net._input_shape.keys())}",
        f"- {net.num_train} training and {net.val_num} validation stars, seed {net.seed}",
        f"- {len(net.history.epoch) if net.history else 'unknown number of'} epochs, "
        f"learning rate {net.lr}, batch size {net.batch_size}",
        "",
        "## Labels",
        "",
        "| label | training mean | training std |" + _calibration_head(net),
        "| --- | --- | --- |" + (" --- |" if _calibration_of(net) else ""),
        *_label_rows(net),
    ]
    return "\n".join(lines) + "\n"


def _label_rows(net):
    means = np.atleast_1d(net.labels_normalizer.mean_labels["output"])
    stds = np.atleast_1d(net.labels_normalizer.std_labels["output"])
    calibration = _calibration_of(net)
    names = net.targetname if isinstance(net.targetname, list) and len(net.targetname) == len(means) else None
    for k, (mean, std) in enumerate(np.broadcast(means, stds)):
        row = f"| {names[k] if names else k} | {mean:.6g} | {std:.6g} |"
        if calibration:
            row += f" {calibration.factor[k]:.3f} +- {calibration.factor_err[k]:.3f}"
            if calibration.varies:
                row += f", times (spread / {calibration.pivot[k]:.3g})^{calibration.slope[k]:.2f}"
            row += " |"
        yield row


def _calibration_of(net):
    return getattr(net, "calibration", None)


def _calibration_head(net):
    return " factor on the predicted spread |" if _calibration_of(net) else ""

"""The settings of a network as it is made, with what they mean."""

import keras

__all__ = ["COMPARED", "compared", "default_rows"]

_MEANINGS = {
    "n_members": "networks that are trained",
    "lr": "learning rate",
    "batch_size": "stars or images a step",
    "max_epochs": "epochs of fit",
    "dropout_rate": "share of the numbers that is dropped",
    "l1": "L1 penalty on kernels",
    "l2": "L2 penalty on kernels",
    "maxnorm": "largest norm of the weights of the hints",
    "num_filters": "filters of the convolutions",
    "filter_len": "their sizes in pixels",
    "pool_length": "pixels pooled into one, a side",
    "num_hidden": "units of the dense layers",
    "latent_dim": "latent variables",
    "aux_length": "further columns behind the spectrum",
    "activation": "between the layers",
    "initializer": "first weights",
    "input_norm_mode": "how inputs are normalised",
    "labels_norm_mode": "how labels are normalised",
    "val_size": "share held back for validation",
    "reduce_lr_patience": "epochs without gain before the rate is halved",
    "reduce_lr_epsilon": "gain that counts",
    "reduce_lr_min": "lowest learning rate",
    "momentum": "of the gradient descent",
    "nesterov": "whether it is Nesterov's",
    "flavour": "which of the two published versions",
    "mc_num": "Monte Carlo passes of predict",
    "task": "kind of answer",
    "targetname": "names of the labels",
}
#: where a setting means something else
_OF_CLASS = {
    ("SimplePolyNN", "num_hidden"): "degree of the polynomial",
    ("ApogeeBCNNaux", "num_hidden"): "units of the dense layers; the last two numbers have no layer",
    ("ApogeeDR14GaiaDR2BCNN", "num_hidden"): "units of the dense layers: two of the luminosity, two of the offset",
    ("ApogeeBCNNCensored", "num_hidden"): "units: two layers on all pixels, two on the windows, the hints",
    ("GaMorNet", "pool_length"): "pixels pooled into one, a side, in steps of 2",
    ("GaMorNetBCNN", "pool_length"): "pixels pooled into one, a side, in steps of 2",
}
_MANY_NAMES = 3
#: columns of a table of several networks, and the settings that they show
COMPARED = {
    "lr": ("lr",),
    "batch": ("batch_size",),
    "epochs": ("max_epochs",),
    "dropout": ("dropout_rate",),
    "l2": ("l2",),
    "norm modes": ("input_norm_mode", "labels_norm_mode"),
}


def default_rows(net):
    """Settings of a network, as (name, value, meaning); those that it has not are left out."""
    rows = []
    for name, meaning in _MEANINGS.items():
        value = getattr(net, name, None)
        if value is None or value == [] or (name, value) == ("aux_length", 0):
            continue
        rows.append((name, _as_text(name, value), _OF_CLASS.get((type(net).__name__, name), meaning)))
    return rows


def compared(net):
    """The settings of `COMPARED`, one text a column; a dash for those that a network has not."""
    return [
        "; ".join(
            _as_text(name, getattr(net, name)) if getattr(net, name, None) is not None else "-" for name in names
        )
        for names in COMPARED.values()
    ]


def _as_text(name, value):
    if isinstance(value, keras.initializers.Initializer):
        given = {key: each for key, each in value.get_config().items() if each is not None and key != "seed"}
        arguments = ", ".join(f"{key}={_number(each)}" for key, each in given.items() if not isinstance(each, dict))
        return f"{type(value).__name__}({arguments})"
    if name == "targetname" and isinstance(value, list) and len(value) > _MANY_NAMES:
        return f"{len(value)}: {value[0]} ... {value[-1]}"
    if isinstance(value, dict):
        return ", ".join(f"{key}: {each}" for key, each in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return _number(value)


def _number(value):
    return f"{value:g}" if isinstance(value, float) else str(value)

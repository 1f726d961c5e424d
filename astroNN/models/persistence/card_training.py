"""What a model card says of a training: the data, the labels, the settings, and how well it went."""

import numpy as np

from astroNN.models.persistence.card_text import cell, code, number, table
from astroNN.nn.utilities._normalizer_modes import MODES
from astroNN.shared.label_names import label_style

__all__ = [
    "data_lines",
    "inputs_lines",
    "label_names",
    "labels_lines",
    "members_scores_lines",
    "scores_lines",
    "settings_lines",
    "was_judged",
]

_MOST_ROWS = 200
_MODES_IN_WORDS = {
    "0": "taken as they are",
    "1": "one mean for all is subtracted, and one standard deviation divides",
    "2": "each has its mean subtracted and is divided by its standard deviation",
    "3": "each has its mean subtracted",
    "3s": "each has its mean subtracted, then a sigmoid",
    "4": "each is divided by its standard deviation",
    "255": "divided by 255",
}
#: settings by which a network is built, and of its training
_BUILT = {
    "filters": "num_filters",
    "length of the filters": "filter_len",
    "pooling": "pool_length",
    "hidden units": "num_hidden",
    "latent variables": "latent_dim",
    "activation": "activation",
    "last activation": "_last_layer_activation",
    "dropout rate": "dropout_rate",
    "L1": "l1",
    "L2": "l2",
    "largest norm": "maxnorm",
    "flavour": "flavour",
}
_TRAINED = {
    "learning rate at the start": "lr",
    "batch size": "batch_size",
    "epochs at most": "max_epochs",
    "fraction held back": "val_size",
    "seed": "seed",
    "early stopping": "early_stopping",
    "weights of the best epoch": "keep_best",
}
_RATES = ("learning_rate", "lr")


# Data and labels ------------------------------------------------------------------------------------------------


def inputs_lines(net):
    """The inputs of a network, and how they are normalised.

    Parameters
    ----------
    net : NeuralNetMaster
        Built.

    Returns
    -------
    list of str
        Lines of a table.
    """
    modes = net.input_normalizer.modes_as_text(net._input_shape.keys())
    rows = [
        [code(name), code(tuple(shape)), _MODES_IN_WORDS[modes[name]]] for name, shape in net._input_shape.items()
    ]
    return table(["input", "shape of one star", "normalisation"], rows)


def data_lines(net):
    """How many stars a network was trained on.

    Parameters
    ----------
    net : NeuralNetMaster
        Trained or loaded.

    Returns
    -------
    list of str
        One line of Markdown.
    """
    if net.num_train is None:
        return [
            "Not recorded: the network was not trained by this version of astroNN (an old folder, or weights that "
            "were put in)."
        ]
    held_back = (
        f"{net.num_train} training and {net.val_num} validation stars"
        if net.val_num
        else f"{net.num_train} training stars; none were held back"
    )
    return [
        f"{held_back}. Which stars these are, and how they were prepared, is for the authors to state.",
    ]


def labels_lines(net):
    """A table of the labels: how many stars had them, and their range.

    Parameters
    ----------
    net : NeuralNetMaster
        Built.

    Returns
    -------
    list of str
        Lines of Markdown; of an autoencoder one that says that it has none.
    """
    if not net._needs_every_label:
        shape = tuple(np.atleast_1d(net._labels_shape["output"]).tolist())
        return [
            f"None. It learnt to give arrays of the shape {code(shape)}: its inputs, or what was given with them."
        ]
    lines = []
    for name in net._labels_shape.keys():
        lines += [f"Output {code(name)}:", ""] if len(net._labels_shape.keys()) > 1 else []
        lines += [*_labels_of_output(net, name), ""]
    if type(net)._labels_as_predicted is not _unchanged():
        lines += ["These are the labels given to `fit`; what `predict` gives is another quantity.", ""]
    return lines[:-1]


def _unchanged():
    from astroNN.models._trained import Trained

    return Trained._labels_as_predicted


def _labels_of_output(net, output):
    shape = net._labels_shape[output]
    if not isinstance(shape, int) or shape > _MOST_ROWS:
        return [f"Arrays of the shape {code(shape)}, of which nothing is recorded."]
    names, units = label_names(net, output)
    facts = (net._training_labels or {}).get(output)
    if facts is None or len(facts["n_measured"]) != shape:
        return _from_normalizer(net, output, names, units)
    if net.task == "classification":
        shares = [mean or 0.0 for mean in facts["mean"]]
        rows = [
            [cell(name), str(round(share * n)), f"{100 * share:.1f}%"]
            for name, share, n in zip(names, shares, facts["n_measured"], strict=True)
        ]
        return table(["class", "training stars", "share"], rows)
    n_stars, rows = facts["n_stars"], []
    for k, n_measured in enumerate(facts["n_measured"]):
        missing = f"{n_stars - n_measured} ({100 * (1 - n_measured / n_stars):.1f}%)" if n_measured < n_stars else "0"
        statistics = [number(facts[name][k]) for name in ("mean", "std", "lowest", "highest")]
        rows.append([cell(names[k]), cell(units[k] or ""), str(n_measured), missing, *statistics])
    return table(["label", "unit", "measured", "missing", "mean", "std", "lowest", "highest"], rows)


def _from_normalizer(net, output, names, units):
    """All that is left of old networks: the statistics by which labels are normalised, as far as they are theirs."""
    normalizer = net.labels_normalizer
    kinds = MODES[normalizer.modes_as_text([output])[output]]
    stored = [np.atleast_1d(table[output]).ravel() for table in (normalizer.mean_labels, normalizer.std_labels)]
    columns = [
        values if kind == "feature" and len(values) == len(names) else [None] * len(names)
        for kind, values in zip(kinds, stored, strict=True)
    ]
    rows = [
        [cell(name), cell(unit or ""), number(mean), number(std)]
        for name, unit, mean, std in zip(names, units, *columns, strict=True)
    ]
    head = ["class" if net.task == "classification" else "label", "unit", "mean", "std"]
    filled = [k for k, column in enumerate(zip(*rows, strict=True)) if k == 0 or set(column) - {"", "-"}]
    picked = [[row[k] for k in filled] for row in (head, *rows)]
    return [
        *table(*picked[:1], picked[1:]),
        "",
        "How many stars had each of them, and in what range, is not recorded.",
    ]


def label_names(net, output="output"):
    """Names and units of the labels of an output.

    Parameters
    ----------
    net : NeuralNetMaster
        Built.
    output : str, optional
        Default ``"output"``.

    Returns
    -------
    names : list of str
        Numbers, from 0, where it has no names.
    units : list of (str or None)
        None where they are not known.
    """
    n_labels = net._labels_shape[output]
    names, units = net.targetname, net.target_units
    is_named = output == "output" and isinstance(names, list | tuple) and len(names) == n_labels
    has_units = is_named and units is not None and len(units) == n_labels
    names = [str(name) for name in names] if is_named else [str(k) for k in range(n_labels)]
    units = units if has_units else [None] * n_labels
    if net.task in (None, "regression") and is_named:
        units = [unit or label_style(name).unit for name, unit in zip(names, units, strict=True)]
    return names, units


# Settings -------------------------------------------------------------------------------------------------------


def settings_lines(net, is_member=False):
    """A table of the settings that a network has, and was trained with as far as that is known.

    Parameters
    ----------
    net : NeuralNetMaster
        Built.
    is_member : bool, optional
        Whether it stands for all members of an ensemble, whose seeds differ. Default False.

    Returns
    -------
    list of str
        Lines of a table.
    """
    rows, attributes = [], dict(_BUILT)
    if net.num_train is not None:
        attributes |= _TRAINED
        if net.history is not None:
            rows.append(["optimizer", cell(type(net.keras_model.optimizer).__name__)])
    for words, attribute in attributes.items():
        value = _setting(net, attribute)
        if value is not None and value is not False and not (is_member and attribute == "seed"):
            rows.append([words, cell(value)])
    return table(["setting", "value"], rows)


def _setting(net, attribute):
    """A setting as the network was built with it, in words; None if it has none."""
    from astroNN.models.persistence.schema import KEYS

    stored = {KEYS[name].attribute: value for name, value in net._built_with.items() if value is not None}
    value = stored.get(attribute, getattr(net, attribute, None))
    if callable(value):
        return getattr(value, "__name__", type(value).__name__)
    return value if isinstance(value, str | int | float | list | tuple | None) else type(value).__name__


# Scores ---------------------------------------------------------------------------------------------------------


def history_of(net):
    """Epochs of the last training that is known, and name of each logged value to its values."""
    if net.history is not None and net.history.epoch:
        return list(net.history.epoch), net.history.history
    if net._training_state is not None and net._training_state.history:
        columns = dict(net._training_state.history)
        return columns.pop("epoch", []), columns
    return [], {}


def scored_epoch(net):
    """Place, in the history, of the epoch whose weights the network has, and whether it is the best one."""
    epochs, _ = history_of(net)
    # A batch behind a training has a history of its own, in which no epoch was chosen.
    best = net.best_epoch if net._training_state is not None else None
    return (epochs.index(best), True) if best in epochs else (len(epochs) - 1, False)


def scores_of(net):
    """Name of each logged value, without that of the rate, to its value in the epoch of the network's weights."""
    (place, _), (_, columns) = scored_epoch(net), history_of(net)
    values = {name: column[place] for name, column in columns.items() if name not in _RATES and len(column)}
    return {name: value for name, value in values.items() if isinstance(value, int | float | np.number)}


def scores_lines(net):
    """A table of the losses and metrics of the epoch whose weights the network has.

    Parameters
    ----------
    net : NeuralNetMaster
        Trained or not.

    Returns
    -------
    list of str
        Lines of Markdown.
    """
    epochs, _ = history_of(net)
    if not epochs:
        return ["Not recorded: the network was not trained since it was built or loaded."]
    scores, (place, is_best) = scores_of(net), scored_epoch(net)
    chosen = ", the best one" if is_best else ""
    lines = [f"Epoch {epochs[place] + 1} of {epochs[-1] + 1}{chosen}.{_normalised(net)}"]
    if is_unfinished(net):
        later = "" if is_best else " The network may have been trained for some steps behind this epoch."
        lines[0] += f" The training ended early: {net.max_epochs} epochs were planned.{later}"
    names = dict.fromkeys(name.removeprefix("val_") for name in scores)
    rows = [[code(name), number(scores.get(name)), number(scores.get(f"val_{name}"))] for name in names]
    return [*lines, "", *table(["", "training", "validation"], rows)]


def _normalised(net):
    modes = net.labels_normalizer.modes_as_text(net._labels_shape.keys()).values()
    return "" if set(modes) == {"0"} else " Of normalised labels."


def is_unfinished(net):
    """Whether a training was cut off, or is still running."""
    state = net._training_state
    return state is not None and not state.stopped and state.epoch < net.max_epochs


def members_scores_lines(nets):
    """A table of the losses and metrics of the members of an ensemble.

    Parameters
    ----------
    nets : list of NeuralNetMaster
        The members.

    Returns
    -------
    list of str
        Lines of Markdown.
    """
    known = [scores_of(net) for net in nets if history_of(net)[0]]
    if not known:
        return ["Not recorded: the members were not trained since they were loaded."]
    rows = []
    for name in known[0]:
        values = [scores[name] for scores in known if name in scores]
        rows.append([code(name), number(float(np.mean(values))), number(min(values)), number(max(values))])
    head = ["", f"mean of {len(known)} members", "lowest", "highest"]
    return [
        f"Of the members, one by one; the ensemble usually errs less.{_normalised(nets[0])}",
        "",
        *table(head, rows),
    ]


def was_judged(net):
    """Whether the validation stars had a say in the training.

    Parameters
    ----------
    net : NeuralNetMaster
        Trained.

    Returns
    -------
    bool
        True if its learning rate, its end or its best epoch depended on them.
    """
    watched = [net._plateau_monitor] if net.reduce_lr_patience is not None else []
    if net.early_stopping or net.keep_best is True:
        watched.append(net._success_monitor or net._plateau_monitor)
    if isinstance(net.keep_best, str):
        watched.append(net.keep_best)
    return bool(net.val_num) and any(name.startswith("val_") for name in watched)

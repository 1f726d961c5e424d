"""What a model card says of a kind of network: what it is, what it answers, and which uncertainties it gives."""

import inspect

import keras

__all__ = ["doc_line", "is_ensemble", "is_ours", "parameters_text", "task_tag", "uncertainties", "use"]

_PASSES = "{mc_num} passes with dropout (Monte Carlo dropout)"
_PREDICTIVE = (
    "- `predictive`: the spread that the network predicts for each star and label; it learnt it in the training"
)
_PROPAGATED = "- `propagated`, if `inputs_err` is given: the errors of the inputs, carried through the network"
_TOTAL = "- `total`: the root of the sum of the squares of all these"
_OF_CLASSES = (
    "- `model`: the entropy of the mean probabilities of {passes}, in nats",
    "- `predictive`: exp(predicted spread of the logit) - 1",
    "- `total`: their sum",
)
_SCATTER = "the scatter of the {n_members} members"

#: by family, and by whether labels are numbers: which uncertainties `predict` gives
_UNCERTAINTIES = {
    ("plain", True): ("None: `predict` gives the labels alone.",),
    ("plain", False): ("None: `predict` gives probabilities of the classes, without spreads.",),
    ("autoencoder", True): (
        "- `predict_encoder`: a standard deviation of each of the {latent_dim} latent variables, for each star",
        "- `predict`: none",
    ),
    ("bayesian", True): (_PREDICTIVE, f"- `model`: the scatter of {_PASSES}", _PROPAGATED, _TOTAL),
    ("bayesian", False): tuple(line.format(passes=_PASSES) for line in _OF_CLASSES),
    ("ensemble", True): (f"- `model`: {_SCATTER}", "- `total`: the same"),
    ("bayesian ensemble", True): (
        _PREDICTIVE,
        f"- `model`: {_SCATTER}, and of {_PASSES} of each",
        _PROPAGATED,
        _TOTAL,
    ),
    ("bayesian ensemble", False): tuple(
        line.format(passes=f"the {{n_members}} members, each of {_PASSES}") for line in _OF_CLASSES
    ),
}

#: how `predict` is called
_CALLS = {
    "plain": "answers = net.predict({data})",
    "autoencoder": "reconstructions = net.predict({data})\nmean, std, sample = net.predict_encoder({data})",
    "bayesian": "answers, uncertainties = net.predict({data})",
    "ensemble": "answers, uncertainties = net.predict({data})",
    "bayesian ensemble": "answers, uncertainties = net.predict({data})",
}


def is_ensemble(whole):
    """Whether this is an ensemble of networks, and no network.

    Parameters
    ----------
    whole : NeuralNetMaster or DeepEnsemble
        What is asked about.

    Returns
    -------
    bool
        True for an ensemble.
    """
    return hasattr(whole, "members")


def _family(net, whole):
    # They need this module, by way of the base of all networks.
    from astroNN.models.base_bayesian_cnn import BayesianCNNBase
    from astroNN.models.base_vae import ConvVAEBase

    if isinstance(net, BayesianCNNBase):
        return "bayesian ensemble" if is_ensemble(whole) else "bayesian"
    if is_ensemble(whole):
        return "ensemble"
    return "autoencoder" if isinstance(net, ConvVAEBase) else "plain"


def task_tag(net):
    """Task of a network in one word.

    Parameters
    ----------
    net : NeuralNetMaster
        Built or not.

    Returns
    -------
    str
        ``"autoencoder"``, or the network's ``task``.
    """
    return "autoencoder" if _family(net, net) == "autoencoder" else net.task or "regression"


def uncertainties(net, whole):
    """Lines on the uncertainties that a network or an ensemble gives.

    Parameters
    ----------
    net : NeuralNetMaster
        The network, or a member of the ensemble.
    whole : NeuralNetMaster or DeepEnsemble
        The network again, or the ensemble.

    Returns
    -------
    list of str
        Lines of Markdown.
    """
    family, is_regression = _family(net, whole), net.task in (None, "regression")
    # An ensemble of classifiers has the scatter of their probabilities.
    lines = _UNCERTAINTIES.get((family, is_regression)) or _UNCERTAINTIES[family, True]
    facts = {name: getattr(net, name, None) for name in ("mc_num", "latent_dim")}
    facts["n_members"] = len(whole) if is_ensemble(whole) else None
    remark = []
    if getattr(net, "disable_dropout", False):
        remark = ["", "Dropout was switched off when the network was built: passes do not differ by it."]
    return [line.format(**facts) for line in lines] + remark


def use(net, whole):
    """Lines of Python that load and ask a network or an ensemble.

    Parameters
    ----------
    net : NeuralNetMaster
        The network, or a member of the ensemble.
    whole : NeuralNetMaster or DeepEnsemble
        The network again, or the ensemble.

    Returns
    -------
    list of str
        Lines of code.
    """
    kind, names = type(net).__name__, list(net._input_shape.keys())
    data = names[0] if len(names) == 1 else "{" + ", ".join(f'"{name}": {name}' for name in names) + "}"
    lines = ["from astroNN.models import load_folder"]
    if is_ours(net):
        lines.append('net = load_folder("path/of/this/folder")')
    else:
        lines.append(f'net = load_folder("path/of/this/folder", custom_models={kind})  # the class of its authors')
    data = "inputs" if data == "input" else data  # a function of Python has that name
    return [*lines, *_CALLS[_family(net, whole)].format(data=data).split("\n")]


def is_ours(net):
    """Whether the class of a network is one of astroNN's.

    Parameters
    ----------
    net : NeuralNetMaster
        What is asked about.

    Returns
    -------
    bool
        False for a class of the user's own.
    """
    return type(net).__module__.split(".")[0] == "astroNN"


def doc_line(net):
    """First line of the documentation of a network's class, or what can be said without.

    Parameters
    ----------
    net : NeuralNetMaster
        Of that class.

    Returns
    -------
    str
        One line.
    """
    text = inspect.cleandoc(vars(type(net)).get("__doc__") or "").strip()
    # Nothing but its own: that of a base speaks of the base.
    if text:
        return text.split("\n")[0]
    base = next(kind for kind in type(net).__mro__[1:] if kind.__module__.split(".")[0] == "astroNN")
    return f"A network of its authors' own, derived from `{base.__name__}`."


def parameters_text(net):
    """Number of weights of a network, and which layers training leaves alone.

    Parameters
    ----------
    net : NeuralNetMaster
        Built.

    Returns
    -------
    str
        Part of a line.
    """
    from astroNN.models.persistence.frozen import frozen_layers

    frozen = frozen_layers(net.keras_model)
    trained = sum(int(keras.ops.size(weight)) for weight in net.keras_model.trainable_weights)
    text = f"{net.keras_model.count_params():,} parameters"
    return f"{text}, of which {trained:,} are trained; frozen layers: {', '.join(frozen)}" if frozen else text

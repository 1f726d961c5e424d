"""What a folder tells its human reader: ``hyperparameter.txt`` and ``model_card.md``."""

import platform

import keras

from astroNN import __version__
from astroNN.models.persistence import card_kinds as kinds
from astroNN.models.persistence import card_training as training
from astroNN.models.persistence.card_limits import calibration_lines, limits_lines
from astroNN.models.persistence.card_text import cell, code

__all__ = ["ensemble_card", "hyper_parameter_text", "model_card"]


def hyper_parameter_text(net):
    """The established list of settings; nothing reads it back.

    Parameters
    ----------
    net : NeuralNetMaster
        Built.

    Returns
    -------
    str
        One ``Key: value`` a line.
    """
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
    """A page in Markdown: what the network is, its data, settings, scores, calibration, limits, licence, citation.

    Everything is what the network knows of itself; what it does not know is left out, or said to be not recorded.

    Parameters
    ----------
    net : NeuralNetMaster
        Built, with normalisers.

    Returns
    -------
    str
        The content of ``model_card.md``.

    Raises
    ------
    ConfigurationError
        (a ValueError) If ``license`` is no text.
    """
    about = [
        kinds.doc_line(net),
        "",
        f"- kind: {cell(net.name)}",
        f"- {kinds.parameters_text(net)}",
        f"- saved with {_versions()}",
    ]
    return _page(type(net).__name__, net, net, about, training.scores_lines(net))


def ensemble_card(ensemble, member_folder):
    """The same page for an ensemble of networks.

    Parameters
    ----------
    ensemble : DeepEnsemble
        With at least one member.
    member_folder : callable
        Number of a member, from 0, to the name of its folder.

    Returns
    -------
    str
        The content of ``model_card.md``.
    """
    nets = ensemble._nets
    about = [
        "Networks of one kind, which differ in their random numbers alone, used as one. Each is this:",
        "",
        f"> {kinds.doc_line(nets[0])}",
        "",
        f"- an ensemble: {len(ensemble)} of {ensemble.n_members} members are trained, on the same stars, seed "
        f"{ensemble.seed}",
        f"- every member has {kinds.parameters_text(nets[0])}",
        f"- folders: `{member_folder(0)}` to `{member_folder(len(nets) - 1)}`, each of which can be loaded by itself "
        "and has a card of its own",
        f"- saved with {_versions()}",
    ]
    title = f"Deep ensemble of {len(ensemble)} {type(nets[0]).__name__}"
    return _page(title, nets[0], ensemble, about, training.members_scores_lines(nets))


def _page(title, net, whole, about, scores):
    """The page of a network, or of an ensemble of which `net` is a member."""
    sections = {
        "Use": ["```python", *kinds.use(net, whole), "```"],
        "Uncertainties": kinds.uncertainties(net, whole),
        "Data": [*training.data_lines(net), "", *training.inputs_lines(net)],
        "Labels": training.labels_lines(net),
        "Settings": training.settings_lines(net, is_member=kinds.is_ensemble(whole)),
        "Scores": scores,
        "Calibration": calibration_lines(net, whole),
        "Limits": limits_lines(net, whole),
        "Licence": _licence(net),
        "Citation": ["```bibtex", whole.citation(), "```"],
    }
    lines = [*_front_matter(net, whole), f"# {title}", "", *about]
    for heading, content in sections.items():
        lines += ["", f"## {heading}", "", *content]
    return "\n".join(lines) + "\n"


def _front_matter(net, whole):
    """What sites that share models read from a card."""
    tags = ["astronomy", "keras", kinds.task_tag(net), *(["ensemble"] if kinds.is_ensemble(whole) else [])]
    return ["---", "library_name: astronn", "tags:", *(f"- {tag}" for tag in tags), "---", ""]


def _licence(net):
    net._check_license()
    if net.license and net.license.strip():
        return [net.license.strip()]
    return [
        'Not stated. It is for the authors of this network to state: in this place, or by `net.license = "..."` '
        "before `net.save()`. The licence of astroNN is that of its code, not of networks trained with it."
    ]


def _versions():
    return (
        f"astroNN {__version__}, Keras {keras.__version__} ({code(keras.backend.backend())}), Python "
        f"{platform.python_version()}"
    )

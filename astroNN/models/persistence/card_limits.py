"""What a model card says of the trust that a network earns: its calibration, and what it was not trained for."""

from astroNN.models.persistence.card_kinds import task_tag
from astroNN.models.persistence.card_text import cell, code, number, table
from astroNN.models.persistence.card_training import label_names, was_judged

__all__ = ["calibration_lines", "limits_lines"]

_CALIBRATIONS = {"calibration": "factor", "calibration_propagated": "factor with `inputs_err`"}


def calibration_lines(net, whole):
    """A table of the factors on the predicted spreads of a network or an ensemble.

    Parameters
    ----------
    net : NeuralNetMaster
        The network, or a member of the ensemble.
    whole : NeuralNetMaster or DeepEnsemble
        Has the calibration.

    Returns
    -------
    list of str
        Lines of Markdown.
    """
    found = {name: getattr(whole, name, None) for name in _CALIBRATIONS}
    found = {name: calibration for name, calibration in found.items() if calibration is not None}
    if not found:
        return [_without_calibration(net, whole)]
    names, _ = label_names(net)
    head, columns = ["label"], [[cell(name) for name in names]]
    for name, calibration in found.items():
        head += [_CALIBRATIONS[name], "validation stars"]
        columns += [_factors(calibration), [number(n) for n in calibration.n_stars]]
    return [
        "`predict` multiplies the spreads by these factors, found on the validation stars; `calibrated=False` leaves "
        "them out. They hold on the average of stars like those.",
        "",
        *table(head, [list(row) for row in zip(*columns, strict=True)]),
    ]


def _factors(calibration):
    for k, (factor, error) in enumerate(zip(calibration.factor, calibration.factor_err, strict=True)):
        text = f"{factor:.3f} +- {error:.3f}"
        if calibration.varies:
            low, pivot, high = (getattr(calibration, name)[k] for name in ("lowest", "pivot", "highest"))
            text += (
                f", times (spread / {pivot:.3g})^{calibration.slope[k]:.2f} for spreads from {low:.3g} to {high:.3g}"
            )
        yield text


def _without_calibration(net, whole):
    if net.task not in (None, "regression"):
        return (
            "None: classes have no spreads that could be multiplied. Whether probabilities are right is not recorded."
        )
    if not hasattr(whole, "calibration"):
        return "None: there are no predicted spreads of labels."
    return "None: the spreads are as they are predicted, and nothing tells whether they are too small or too large."


def limits_lines(net, whole):
    """A list of what a network or an ensemble was not trained for, as far as it knows.

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
    task = task_tag(net)
    limits = [_range_of_labels(net), _kind_of_inputs(net)] if task != "autoencoder" else [_kind_of_inputs(net)]
    limits.append(
        f"Missing elements of the inputs (NaN, -9999, or marked in `mask`) become {_fill(net)}. An answer to a star "
        "of which much is missing is drawn to those of common stars. A star without a good pixel gets "
        f"{'the class -1' if _gives_classes(net) else 'NaN'}."
    )
    limits.append(_scores(net))
    limits += _rare_labels(net)
    return [f"- {limit}" for limit in limits if limit]


def _range_of_labels(net):
    if net.task not in (None, "regression"):
        return (
            "It knows the classes above and no others: whatever it is shown, it calls one of them. The shares of the "
            "classes among the training stars are part of its answers; where classes are commoner or rarer, they err."
        )
    known = "above" if net._training_labels else "of its training labels, which is not recorded"
    return (
        f"Beyond the range {known} an answer is an extrapolation, which no star has tested; nor has it tested the "
        "uncertainty. Within the range, answers where training stars are rare are drawn to where they are common."
    )


def _kind_of_inputs(net):
    shapes = ", ".join(code(tuple(shape)) for shape in net._input_shape.values())
    return (
        f"It takes inputs of the shape {shapes}, prepared as those of its training were (the same pixels, "
        "normalisation, resolution, noise). It can't tell when they are not, and answers all the same: "
        "`astroNN.nn.calibration.OutOfDistribution`, fitted on the training inputs, finds those unlike them."
    )


def _fill(net):
    modes = set(net.input_normalizer.modes_as_text(net._input_shape.keys()).values())
    # A network that was only built has a fill that nobody measured.
    known = net.num_train is not None and all(name in net.input_normalizer.fill for name in net._input_shape.keys())
    # Centred features: 0 is the mean, whether a fill is stored or not.
    return "the mean of the training stars" if known or modes <= {"2", "3"} else "0 after the normalisation"


def _gives_classes(net):
    return net.task not in (None, "regression") and hasattr(net, "mc_num")


def _scores(net):
    if net.num_train is None:
        return "How well it does is not recorded: try it on stars with known answers first."
    if not net.val_num:
        return "No stars were held back: nothing here tells how it does on stars that it has not seen."
    if was_judged(net):
        return (
            "The validation stars had a say in the training (learning rate, end, or best epoch): on new stars expect "
            "scores a little worse. No scores of a test set are recorded."
        )
    return "The scores are those of the validation stars. No scores of a test set are recorded."


def _rare_labels(net):
    """Labels that most of the training stars lacked."""
    facts = (net._training_labels or {}).get("output")
    if facts is None or facts["n_stars"] == 0 or len(facts["n_measured"]) != net._labels_shape["output"]:
        return []
    names, _ = label_names(net)
    rare = [cell(name) for name, n in zip(names, facts["n_measured"], strict=True) if n < 0.5 * facts["n_stars"]]
    return [f"More than half of the training stars lacked {', '.join(rare)}."] if rare else []

"""The facts of ``astronn info`` for a terminal."""

from astroNN.commands._saved_facts import ENSEMBLE

__all__ = ["as_text"]

_UNITS = ("B", "kB", "MB", "GB", "TB")
_MOST_LISTED = 40
_AGREES = {True: "as saved (SHA-256 agrees)", False: "CHANGED since they were saved", None: "no checksum to compare"}
_LIBRARIES = {"astroNN": "astroNN", "keras": "Keras", "tensorflow": "TensorFlow", "python": "Python"}


def as_text(facts):
    """Facts, one a line, under the name of the folder.

    Parameters
    ----------
    facts : dict
        Of `facts_of`.

    Returns
    -------
    str
        Without characters that could steer a terminal: a folder may come from anybody.
    """
    rows = _ensemble_rows(facts) if facts["class"] == ENSEMBLE and "members" in facts else _network_rows(facts)
    width = max(len(name) for name, _ in rows)
    lines = [f"{facts['folder']}: {facts['class']}, {_kind(facts)}"]
    lines += [f"  {name:<{width}}  {text}" for name, text in rows]
    return "\n".join("".join(c if c.isprintable() else "?" for c in line) for line in lines)


def _kind(facts):
    legacy = ", saved by version 1" if facts["format_version"] is None else ""
    task = f" for {facts['task'].replace('_', ' ')}" if facts.get("task") else ""
    return f"{facts['type'] or 'network'}{task}{legacy}"


def _network_rows(facts):
    return [
        ("written by", _versions(facts["written_by"])),
        *_data_rows(facts),
        ("weights", _weights(facts["weights"])),
        *_training_rows(facts["training"]),
        *_spread_rows(facts),
        ("resuming", _resuming(facts["resume"], facts["training"])),
        *_file_rows(facts["files"]),
    ]


def _ensemble_rows(facts):
    rows = [("written by", _versions(facts["written_by"]))]
    rows += _data_rows(facts) if "labels" in facts else []
    rows += [("members", f"{facts['n_trained']} of {facts['n_members']} trained, seed {facts['seed']}")]
    for member in facts["members"]:
        best = member["training"]["best_epoch"]
        epochs = f"{member['training']['epochs'] or '?'} epochs"
        told = [_weights(member["weights"]), epochs] + ([f"best {_best(best)}"] if best else [])
        rows.append((f"  {member['folder']}", "; ".join(told)))
    rows += _training_rows(facts["members"][0]["training"] | {"seed": None})[:1] if facts["members"] else []
    rows += _spread_rows(facts)
    if facts["resume"]:
        rows.append(("resuming", "members are left to train: load_folder(...).fit(..., resume=True) goes on"))
    return rows + _file_rows(facts["files"])


def _versions(versions):
    told = [f"{label} {versions[name]}" for name, label in _LIBRARIES.items() if name in versions]
    backend = f" (backend {versions['keras_backend']})" if "keras_backend" in versions else ""
    return ", ".join(told) + backend if told else "unknown"


def _data_rows(facts):
    inputs = ", ".join(f"{name} ({', '.join(map(str, shape))})" for name, shape in facts["inputs"].items())
    return [("inputs", inputs or "unknown"), ("labels", _labels(facts["labels"]))]


def _labels(labels):
    told = []
    for label in labels[:_MOST_LISTED]:
        shape = f" ({', '.join(map(str, label['shape']))})" if "shape" in label else ""
        told.append(label["name"] + shape + (f" [{label['unit']}]" if label["unit"] else ""))
    more = f", ... ({len(labels)} in all)" if len(labels) > _MOST_LISTED else ""
    return ", ".join(told) + more or "unknown"


def _weights(weights):
    if weights is None:
        return "missing"
    count = "unreadable" if weights["numbers"] is None else f"{weights['numbers']:,} numbers"
    return f"{count}, {_AGREES[weights['sha256_agrees']]}"


def _training_rows(training):
    of = {"stars": "stars", "validation_stars": "validation stars"}
    told = [f"{training[name]:,} {text}" for name, text in of.items() if training[name] is not None]
    names = {"batch_size": "batches of", "lr": "learning rate", "seed": "seed"}
    told += [f"{text} {training[name]}" for name, text in names.items() if training[name] is not None]
    rows = [("training", ", ".join(told) or "unknown")]
    if training["epochs"]:
        most = f" of {training['max_epochs']}" if training["max_epochs"] else ""
        rows.append(("epochs", f"{training['epochs']}{most}; the last: {_values(training['last_epoch'])}"))
    if training["best_epoch"]:
        kept = ", whose weights these are" if training["weights_of_best_epoch"] else ""
        rows.append(("best epoch", f"{_best(training['best_epoch'])}{kept}"))
    return rows


def _values(epoch):
    """The losses of an epoch, as there may be dozens of metrics."""
    shown = [name for name in ("loss", "val_loss") if name in epoch]
    return ", ".join(f"{name} {epoch[name]:.4g}" for name in shown) or "no loss logged"


def _best(best):
    return f"{best['epoch']} by {best['judged_by']} ({best['value']:.4g})"


def _spread_rows(facts):
    rows = []
    monte_carlo = facts.get("monte_carlo")
    if monte_carlo:
        passes, rate = monte_carlo["passes"], monte_carlo["dropout_rate"]
        told = [] if passes is None else [f"{passes} passes"]
        rows.append(("Monte Carlo", ", ".join(told + ([] if rate is None else [f"dropout rate {rate:g}"])) or "yes"))
    if monte_carlo or facts["kind"] == "ensemble":
        rows.append(("calibration", _factors(facts["calibration"], facts.get("labels", []))))
    if facts["calibration_propagated"]:
        rows.append(("  with errors", _factors(facts["calibration_propagated"], facts.get("labels", []))))
    return rows


def _factors(calibration, labels):
    if calibration is None:
        return "none"
    names = [label["name"] for label in labels]
    pairs = zip(names, calibration["factor"], calibration["factor_err"], strict=False)
    told = [f"{name} {factor:.3f} +- {error:.3f}" for name, factor, error in pairs if None not in (factor, error)]
    varies = " (at the pivot; they vary with the spread)" if calibration["varies"] else ""
    return f"spreads times {', '.join(told)}{varies}"


def _resuming(resume, training):
    if resume is None:
        return "no state of the training is stored; `fit` starts a new one from these weights"
    if not resume["possible"]:
        return "the state of the training is missing or damaged"
    if resume["unfinished"]:
        return (
            f"unfinished, {resume['epochs_done']} of {training['max_epochs']} epochs: "
            "load_folder(...).fit(..., resume=True) goes on"
        )
    return "finished; with a larger max_epochs load_folder(...).fit(..., resume=True) goes on"


def _file_rows(files):
    listed = [f"{file['name']}, {_size(file['bytes'])}" for file in files[:_MOST_LISTED]]
    if len(files) > _MOST_LISTED:
        listed.append(f"... {len(files)} in all")
    return [("files" if k == 0 else "", text) for k, text in enumerate(listed)]


def _size(size):
    for unit in _UNITS:
        if size < 1000 or unit == _UNITS[-1]:
            return f"{size:.3g} {unit}" if unit != "B" else f"{size} B"
        size /= 1000
    raise AssertionError  # the loop returns

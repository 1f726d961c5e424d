"""Folders as version 1 of astroNN wrote them, written by hand with json, h5py and zipfile.

Nothing of astroNN is used, and no Keras writes a file: layouts are those of Keras 2.2 and 2.12, and of Keras 3 (as
files show that Keras 3.0, 3.5, 3.6 and 3.15 wrote), names and orders those documented for version 1.
"""

import io
import json
import re
import zipfile
from dataclasses import dataclass, field

import h5py
import numpy as np

PARAMETERS, HDF5, ARCHIVE = "astroNN_model_parameter.json", "model_weights.h5", "model_weights.keras"


@dataclass
class OldLayer:
    """One layer with weights: class and name in version 1 (None: automatic), model it is nested in, arrays."""

    kind: str
    name: str | None
    arrays: dict = field(default_factory=dict)
    inside: str | None = None


def named(layers, first=0):
    """Give automatic names in the order of making, counting from `first` in every class as in a long session."""
    counts = {}
    for layer in layers:
        if layer.name is None:
            number = counts.setdefault(layer.kind, first)
            counts[layer.kind] += 1
            stem = snake(layer.kind)
            layer.name = f"{stem}_{number}" if number else stem
    return layers


def snake(kind):
    return {"Conv1D": "conv1d", "Conv2D": "conv2d", "Dense": "dense", "Conv1DTranspose": "conv1d_transpose",
            "Sequential": "sequential"}.get(kind) or re.sub(r"(?<!^)(?=[A-Z])", "_", kind).lower()  # fmt: skip


def write_hdf5(path, layers, weightless=(), texts=np.bytes_, version="2.12.0", optimizer="Adam/m"):
    """A whole model as Keras 2 saved it; `layers` in the order of the file."""
    with h5py.File(path, "w") as file:
        file.attrs["keras_version"], file.attrs["backend"] = texts(version), texts("tensorflow")
        file.attrs["model_config"] = texts(json.dumps(_config(layers, weightless)))
        custom = {"class_name": "Custom>Adam", "config": {"lr": 0.005, "decay": 0.0, "is_legacy_optimizer": False}}
        file.attrs["training_config"] = texts(json.dumps({"loss": "zeros_loss", "optimizer_config": custom}))
        weights = file.create_group("model_weights")
        weights.attrs["keras_version"], weights.attrs["backend"] = texts(version), texts("tensorflow")
        groups = list(dict.fromkeys([*weightless, *(layer.inside or layer.name for layer in layers)]))
        weights.attrs["layer_names"] = [np.bytes_(name) for name in groups]
        for group in groups:
            written = []
            weights.create_group(group)
            for layer in layers:
                if (layer.inside or layer.name) == group:
                    for key, array in layer.arrays.items():
                        written.append(f"{layer.name}/{key}:0")
                        weights[f"{group}/{written[-1]}"] = array
            weights[group].attrs["weight_names"] = [np.bytes_(name) for name in written]
        state = file.create_group("optimizer_weights")
        for layer in layers:
            for key, array in layer.arrays.items():
                state[f"{optimizer}/{layer.name}/{key}:0"] = np.full_like(array, 7.0)


def write_archive(path, layers, with_names=True, config=None, extra=()):
    """A whole model as Keras 3 saved it; `layers` in the order of the file. Before 3.6 groups bore no names."""
    memory = io.BytesIO()
    with h5py.File(memory, "w") as file:
        counts = {}
        for layer in layers:
            where = "layers/sequential/layers" if layer.inside else "layers"
            stem = snake(layer.kind)
            counts[where, stem] = number = counts.get((where, stem), -1) + 1
            group = file.create_group(f"{where}/{stem}{f'_{number}' if number else ''}/vars")
            if with_names:
                group.attrs["name"] = layer.name
            for i, array in enumerate(layer.arrays.values()):
                group[str(i)] = array
        generator = file.create_group("layers/mc_dropout/seed_generator/vars")
        generator["0"] = np.array([1, 2], "uint32")
        if with_names:
            generator.attrs["name"] = "seed_generator"
        file.create_group("vars")
        file["optimizer/vars/0"] = np.int64(3)
        file["optimizer/vars/1"] = np.ones((3, 4), "float32")
    members = {
        "metadata.json": json.dumps({"keras_version": "3.5.0", "date_saved": "2024-06-01@12:00:00"}),
        "config.json": json.dumps(_config(layers)) if config is None else config,
        "model.weights.h5": memory.getvalue(),
    }
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in [*members.items(), *extra]:
            archive.writestr(name, content)


def _config(layers, weightless=()):
    def entry(kind, name, **more):
        return {"class_name": kind, "config": {"name": name, **more}, "inbound_nodes": []}

    inner = [entry(layer.kind, layer.name) for layer in layers if layer.inside]
    outer = [entry("InputLayer", "input"), *(entry("MCDropout", name) for name in weightless)]
    # What must never be run: the body of a Lambda, as Keras stores it.
    outer.append(entry("Lambda", "lambda_1", function=["4wAAAAAAAAAA", None, None]))
    outer += [entry(layer.kind, layer.name) for layer in layers if not layer.inside]
    if inner:
        outer.append(entry("Sequential", next(la.inside for la in layers if la.inside), layers=inner))
    return {"module": "keras", "class_name": "Functional", "config": {"name": "model", "layers": outer}}


def parameters_1_1(net, identifier=None):
    """Keys of the JSON file of version 1.1, and 1.2 in development, from the attributes of a network."""

    def listed(table):
        return {name: np.ravel(np.asarray(values, "float64")).tolist() for name, values in table.items()}

    inputs = {name: list(shape) for name, shape in net._input_shape.items()}
    parameters = {
        "id": identifier or type(net).__name__, "input": inputs, "labels": dict(net._labels_shape.items()),
        "hidden": net.num_hidden, "filternum": net.num_filters, "filterlen": net.filter_len,
        "pool_length": net.pool_length, "task": net.task, "activation": net.activation,
        "last_layer_activation": net._last_layer_activation, "input_mean": listed(net.input_mean),
        "input_std": listed(net.input_std), "labels_mean": listed(net.labels_mean),
        "labels_std": listed(net.labels_std), "valsize": net.val_size, "targetname": net.targetname,
        "input_norm_mode": net.input_normalizer.modes_as_text(net._input_shape.keys()),
        "labels_norm_mode": net.labels_normalizer.modes_as_text(net._labels_shape.keys()),
        "dropout_rate": getattr(net, "dropout_rate", 0.0), "l1": net.l1, "l2": net.l2, "maxnorm": net.maxnorm,
        "batch_size": net.batch_size, "input_names": list(net._input_shape.keys()), "output_names": ["output"],
    }  # fmt: skip
    if net._model_type == "CVAE":
        parameters["latent"] = net.latent_dim
        del parameters["input_names"], parameters["output_names"], parameters["last_layer_activation"]
    if net._model_type == "BCNN":
        parameters |= {"inv_tau": 1e-5, "length_scale": 3, "aux_length": net.aux_length}
        _add_errors(parameters)
    return parameters


def _add_errors(parameters):
    """What version 1.1 kept of the errors among inputs and labels, and nothing uses."""
    parameters["labels"]["variance_output"] = parameters["labels"]["output"]
    for key in ("input", "input_mean", "input_std", "input_norm_mode"):
        parameters[key] |= {"input_err": parameters[key]["input"], "labels_err": parameters[key]["input"]}
    for key in ("labels_mean", "labels_std", "labels_norm_mode"):
        parameters[key]["variance_output"] = parameters[key]["output"]
    parameters["input_names"] = ["input", "input_err", "labels_err"]
    parameters["output_names"] = ["output", "variance_output"]


def flat(parameters, oldest=True):
    """The same as version 1.0 wrote it: one array, one list; 1.0.0 had fewer keys."""
    told = dict(parameters)
    for key in ("input", "input_mean", "input_std", "input_norm_mode"):
        told[key] = told[key]["input"]
    for key in ("labels", "labels_mean", "labels_std", "labels_norm_mode"):
        told[key] = told[key]["output"]
    for key in ("input_norm_mode", "labels_norm_mode"):
        told[key] = int(told[key]) if told[key].isdigit() else told[key]
    missing = ["input_names", "output_names", "aux_length"]
    missing += ["activation", "last_layer_activation", "l1", "maxnorm"] if oldest else []
    return {key: value for key, value in told.items() if key not in missing}


def write_parameters(folder, parameters):
    folder.mkdir(exist_ok=True)
    (folder / PARAMETERS).write_text(json.dumps(parameters, indent=4, sort_keys=True))
    return folder


#: parameters of version 1.1 for a small `ApogeeBCNN`
N_PIXELS, N_LABELS = 40, 2
SOUND = {
    "id": "ApogeeBCNN", "input": {"input": [N_PIXELS, 1]}, "labels": {"output": N_LABELS}, "hidden": [6, 4],
    "filternum": [2, 4], "filterlen": 8, "pool_length": 4, "task": "regression", "activation": "relu",
    "last_layer_activation": "linear", "input_mean": {"input": [0.5] * N_PIXELS}, "input_std": {"input": [1.0]},
    "labels_mean": {"output": [1.0, 2.0]}, "labels_std": {"output": [1.0, 2.0]}, "input_norm_mode": {"input": "3"},
    "labels_norm_mode": {"output": "2"}, "valsize": 0.1, "targetname": ["a", "[C/H]"], "dropout_rate": 0.1,
    "l1": None, "l2": 1e-9, "maxnorm": None, "batch_size": 64, "input_names": ["input"], "output_names": ["output"],
    "inv_tau": 1e-5, "length_scale": 3, "aux_length": 0,
}  # fmt: skip


def sound_layers():
    """Its weights."""
    rng = np.random.default_rng(0)
    table = [("Conv1D", None, (8, 1, 2)), ("Conv1D", None, (8, 2, 4)), ("Dense", None, (40, 6)),
             ("Dense", None, (6, 4)), ("Dense", "output", (4, 2)), ("Dense", "variance_output", (4, 2))]  # fmt: skip
    made = [
        OldLayer(
            kind,
            name,
            {"kernel": rng.normal(size=shape).astype("float32"), "bias": np.zeros(shape[-1:], "float32")},
        )
        for kind, name, shape in table
    ]
    return named(made)

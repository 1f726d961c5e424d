"""Write docs/source/nn_reference.rst: each loss, metric, layer and numpy mirror in a table.

The equations are read from the docstrings. The rest is measured: what a missing value does, and on which Keras
backends the thing runs and gives the same. With ``--check`` nothing is written, and the exit status is 1 if the page
is not what would be written. TensorFlow, JAX and torch must be installed.

Usage: python docs/make_reference_table.py [--check]
"""

import argparse
import importlib
import inspect
import json
import os
import re
import subprocess
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

PAGE = Path(__file__).parent / "source" / "nn_reference.rst"
BACKENDS = {"tensorflow": "TF", "jax": "JAX", "torch": "torch"}
ROOMS = {
    "Losses and metrics": "astroNN.nn.losses",
    "Layers": "astroNN.nn.layers",
    "Mirrors in numpy": "astroNN.nn.numpy",
}
INTRODUCTION = """\
Table of losses, metrics and layers
===================================

Made by ``docs/make_reference_table.py``. The equations are those of the docstrings; what a missing value (magic
number or NaN) does was measured, as was on which Keras backends a name runs with the same result.

"""

# Labels and predictions between 0 and 1, which suit every loss.
LABELS = np.array([[0.9, 0.2, 0.7], [0.3, 0.6, 0.1], [0.8, 0.35, 0.5], [0.4, 0.75, 0.15]], "float32")
PREDICTED = np.array([[0.7, 0.3, 0.6], [0.2, 0.8, 0.3], [0.5, 0.45, 0.9], [0.65, 0.1, 0.25]], "float32")
SPREAD = np.full_like(LABELS, 0.4)

# How to call what isn't called with (y_true, y_pred).
FURTHER_ARGUMENTS = {
    "robust_mse": (SPREAD, SPREAD),
    "robust_categorical_crossentropy": (0 * SPREAD, None),
    "robust_binary_crossentropy": (0 * SPREAD, None),
}
BOUND_ARGUMENTS = {
    "mse_lin_wrapper": (SPREAD, SPREAD),
    "mse_var_wrapper": (SPREAD, SPREAD),
    "bayesian_categorical_crossentropy_wrapper": (0 * SPREAD,),
    "bayesian_categorical_crossentropy_var_wrapper": (SPREAD,),
    "bayesian_binary_crossentropy_wrapper": (0 * SPREAD,),
    "bayesian_binary_crossentropy_var_wrapper": (SPREAD,),
}
OF_LABELS_ALONE = ("l1", "l2", "magic_correction_term", "magic_num_check", "median")
OF_MIXTURES = ("mixture_nll", "mixture_nll_wrapper")
NOT_IN_TABLE = ("losses_lookup", "weighted_loss", "mae_core", "mape_core", "MonteCarloEngine")

LAYER_ARGUMENTS = {
    "BoolMask": ([True, True, False],),
    "Conv1DFlipout": (2, 2),
    "Conv2DFlipout": (2, 2),
    "DenseFlipout": (2,),
    "DenseReparameterization": (2,),
    "FastMCInference": (5,),
    "FastMCRepeat": (5,),
    "MCDropout": (0.3,),
    "MCGaussianDropout": (0.3,),
    "MCSpatialDropout1D": (0.3,),
    "MCSpatialDropout2D": (0.3,),
    "MixtureDensity": (2,),
}
LAYER_INPUT_SHAPES = {
    "ChannelResponseNormalization": (2, 6, 6, 3),
    "Conv1DFlipout": (2, 6, 2),
    "Conv2DFlipout": (2, 6, 6, 2),
    "FastMCInferenceMeanVar": (5, 2, 3),
    "MCSpatialDropout1D": (2, 6, 2),
    "MCSpatialDropout2D": (2, 6, 6, 2),
    "MixtureMoments": (2, 3, 3, 4),
    "SpatialResponseNormalization": (2, 6, 6, 3),
}
PAIRS = ("ErrorProp", "KLDivergenceLayer", "VAESampling")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare with the page instead of writing it")
    parser.add_argument("--measure", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        json.dump({room: measured(module) for room, module in ROOMS.items()}, sys.stdout)
        return
    with ThreadPoolExecutor() as pool:
        text = page(*pool.map(measured_on, BACKENDS))
    if options.check and PAGE.read_text(encoding="utf-8") != text:
        sys.exit(f"{PAGE.name} is not up to date: run python docs/make_reference_table.py")
    if not options.check:
        PAGE.write_text(text, encoding="utf-8")


def measured_on(backend):
    """What `measured` finds in a process of its own, since a process has but one backend."""
    command = [sys.executable, __file__, "--measure"]
    environment = {**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}
    result = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(result.stdout.splitlines()[-1])


def measured(module_name):
    """Name to what a missing value does and the values without one, for all public names of a module."""
    warnings.simplefilter("ignore")
    module = importlib.import_module(module_name)
    measure = measured_layer if module_name.endswith("layers") else measured_function
    return {name: measure(getattr(module, name), name) for name in names_and_aliases(module)}


def names_and_aliases(module):
    """Public names but for those not for the table; each with the other names of the same thing."""
    found = {}
    for name in module.__all__:
        thing = getattr(module, name)
        if callable(thing) and name not in NOT_IN_TABLE:
            found.setdefault(id(thing), [thing.__name__]).append(name)
    by_name = {own: [name for name in names if name != own] for own, *names in found.values()}
    return dict(sorted(by_name.items(), key=lambda item: item[0].lower()))


def measured_function(function, name):
    """How a loss, metric or mirror takes labels with a gap."""

    def evaluate(labels):
        if name in OF_MIXTURES:
            parameters = np.random.default_rng(0).normal(size=(*LABELS.shape, 3, 2)).astype("float32")
            return as_numpy((function(SPREAD) if name.endswith("wrapper") else function)(labels, parameters))
        if name in OF_LABELS_ALONE or len(inspect.signature(function).parameters) == 1:
            return as_numpy(function(labels))
        if name in BOUND_ARGUMENTS:
            # Of the classification losses without their noise, which is random.
            predicted = 0 * PREDICTED if name.endswith("crossentropy_var_wrapper") else PREDICTED
            return as_numpy(function(*BOUND_ARGUMENTS[name])(labels, predicted))
        arguments = (PREDICTED, labels) if function.__module__.startswith("astroNN.nn.numpy") else (labels, PREDICTED)
        return as_numpy(function(*arguments, *FURTHER_ARGUMENTS.get(name, ())))

    complete = evaluate(LABELS)
    marked, blank, no_labels = LABELS.copy(), LABELS.copy(), LABELS.copy()
    marked[0, 1], blank[0, 1], no_labels[2] = -9999.0, np.nan, np.nan
    with_magic, with_nan = evaluate(marked), evaluate(blank)
    one_a_star = complete.shape == (len(LABELS),)
    if complete.dtype == bool:
        missing = "is found"
    elif not (np.isfinite(with_nan).all() and np.allclose(with_magic, with_nan)):
        missing = "stays" if np.isnan(with_nan).sum() == 1 < with_nan.size else "not looked for: fill gaps first"
    else:
        empty_is_zero = one_a_star and evaluate(no_labels)[2] == 0.0
        missing = "left out; 0 for a star without labels" if empty_is_zero else "left out"
    return {"missing": missing, "value": np.round(complete.astype("float64"), 4).tolist()}


def measured_layer(layer_class, name):
    """Where a missing element of a layer's input comes out."""
    shape = LAYER_INPUT_SHAPES.get(name, (2, 3))
    x = np.random.default_rng(0).normal(size=shape).astype("float32")
    layer = made_layer(layer_class, name)
    evaluate = (lambda x: layer([x, np.ones_like(x)])) if name in PAIRS else layer
    as_numpy(evaluate(x))
    gap = x.copy()
    gap[(0,) * x.ndim] = np.nan
    out = as_numpy(evaluate(gap))
    if not np.isnan(out).any():
        missing = "has no effect"
    elif np.isnan(out).sum() == 1 or not np.isnan(out[1:]).any() and out.shape == x.shape == (2, 3):
        missing = "stays where it is"
    else:
        missing = "spreads: fill gaps first"
    return {"missing": missing, "value": None}


def made_layer(layer_class, name):
    import keras

    if name == "MCConcreteDropout":
        return layer_class(keras.layers.Dense(2))
    if name == "TensorInput":
        return layer_class(np.ones((2, 3), "float32"))
    if name == "FastMCInference":
        return layer_class(5)(random_model())
    if name == "FastMCInferenceV2_internal":
        return layer_class(random_model(), 5)
    return layer_class(*LAYER_ARGUMENTS.get(name, ()))


def random_model():
    import keras

    inputs = keras.Input((3,))
    return keras.Model(inputs, importlib.import_module(ROOMS["Layers"]).MCDropout(0.3)(inputs))


def as_numpy(value):
    import keras

    value = keras.tree.flatten(value)[0]
    if isinstance(value, np.ma.MaskedArray):
        return np.asarray(value.filled(np.nan) if value.dtype.kind == "f" else value)
    return np.asarray(keras.ops.convert_to_numpy(value))


def page(*by_backend):
    """The page, from what was measured on each backend."""
    parts = [INTRODUCTION]
    for room, module_name in ROOMS.items():
        module = importlib.import_module(module_name)
        parts.append(f"{room}\n{'-' * len(room)}\n\n.. currentmodule:: {module_name}\n\n")
        parts.append(".. list-table::\n   :header-rows: 1\n   :widths: 64 20 16\n\n")
        parts.append(row("Name, equation", "A missing value", "Backends"))
        for name, aliases in names_and_aliases(module).items():
            found = [backend[room][name] for backend in by_backend]
            role = "class" if inspect.isclass(getattr(module, name)) else "func"
            runs_on = "numpy" if module_name.endswith("numpy") else agreeing_backends(found)
            shown = ", ".join([f":{role}:`{name}`", *(f"``{alias}``" for alias in aliases)])
            # In one cell, on lines of their own: some names are as long as their equations.
            parts.append(row(f"{shown}\n\n       {equation(getattr(module, name))}", found[0]["missing"], runs_on))
        parts.append("\n")
    return "".join(parts).rstrip("\n") + "\n"


def row(*cells):
    return "".join(f"   {'*' if i == 0 else ' '} - {cell}\n" for i, cell in enumerate(cells))


def agreeing_backends(found):
    """Names of the backends that give what the first gives (random results are only run)."""
    first = found[0]
    agree = [
        shown
        for shown, here in zip(BACKENDS.values(), found, strict=True)
        if here["missing"] == first["missing"]
        and (first["value"] is None or np.allclose(here["value"], first["value"], atol=2e-4, equal_nan=True))
    ]
    return ", ".join(agree)


def equation(thing):
    """First displayed equation of a docstring, or its first inline one."""
    text = inspect.getdoc(thing) or ""
    displayed = re.search(r"\.\. math::(.*?)(?:\n\s*\n(?!\s)|\n\s*\n(?=\S)|\Z)", text, re.DOTALL)
    inline = re.search(r":math:`([^`]*)`", text)
    if not (displayed or inline):
        raise ValueError(f"{thing.__name__} has no equation in its docstring.")
    text = " ".join((displayed or inline).group(1).split()).rstrip(" ,.")
    # Lines that are aligned on a page of their own stand side by side in a cell.
    return f":math:`{text.replace('&', '').replace(chr(92) * 2, ', ' + chr(92) + 'quad')}`"


if __name__ == "__main__":
    main()

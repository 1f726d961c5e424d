"""The published 22-label network: its folder of version 1.0.0, with weights of our own, answers as numpy does.

Leung & Bovy 2019 published the folder of an `ApogeeBCNNCensored`; settings and statistics of the labels below are
those of its JSON file. Its weights are replaced by random ones, all different, so that two swapped arrays show.
"""

import numpy as np
import pytest

from astroNN.apogee import aspcap_mask
from astroNN.models import load_folder
from astroNN.nn.layers._graph import without_dropout

from ..helpers.old_folders import HDF5, OldLayer, named, write_hdf5, write_parameters

TARGETS = "teff logg C C1 N O Na Mg Al Si P S K Ca Ti Ti2 V Cr Mn Fe Co Ni".split()
ELEMENTS = [name for name in TARGETS if name not in ("teff", "logg", "Fe")]
LABELS_MEAN = [
    4654.886, 2.329889, -0.1863665, -0.2107793, 0.144421, -0.08096852, -0.1005601, -0.05027461, -0.06286449,
    -0.07706584, -0.1715443, -0.07587225, -0.08499179, -0.09702623, -0.1123822, -0.03456134, -0.1396756,
    -0.1471301, -0.1721989, -0.1236209, -0.1014683, -0.09886852,
]  # fmt: skip
LABELS_STD = [
    293.8528, 0.5627897, 0.3185561, 0.2723594, 0.3697409, 0.2447765, 0.3112318, 0.2552221, 0.3092727, 0.2406109,
    0.3421674, 0.2291867, 0.2670441, 0.2696269, 0.3099205, 0.2326336, 0.3387792, 0.3479612, 0.3760275, 0.2991957,
    0.3629175, 0.2890518,
]  # fmt: skip
PUBLISHED = {
    "id": "ApogeeBCNNCensored", "input": [7514, 1], "labels": 22, "hidden": [192, 64, 32, 16, 2],
    "filternum": [2, 4], "filterlen": 8, "pool_length": 4, "input_norm_mode": 3, "labels_norm_mode": 2,
    "inv_tau": 4.772539682539683e-05, "length_scale": 3, "l2": 5e-09, "dropout_rate": 0.3, "batch_size": 64,
    "valsize": 0.1, "task": "regression", "labels_mean": LABELS_MEAN, "labels_std": LABELS_STD, "input_std": [1.0],
    "targetname": ["teff", "logg", "[C/H]", "[CI/H]", "[N/H]", "[O/H]", "[Na/H]", "[Mg/H]", "[Al/H]", "[Si/H]",
                   "[P/H]", "[S/H]", "[K/H]", "[Ca/H]", "[Ti/H]", "[TiII/H]", "[V/H]", "[Cr/H]", "[Mn/H]", "[Fe/H]",
                   "[Co/H]", "[Ni/H]"],
}  # fmt: skip
N_FLAT = 7514 // 4 * 4  # pixels after pooling, times filters


def shapes():
    """Kernels in the order of making, by the name in version 1.0 or, for those named by Keras, by what they are."""
    wide = {"C": (8, 4), "N": (8, 4)}
    sizes = {"conv 1": (8, 1, 2), "conv 2": (8, 2, 4), "whole 1": (N_FLAT, 192), "whole 2": (192, 64)}
    sizes |= {f"{label}{end}": (64, 1) for end in ("", " var") for label in ("teff", "logg", "fe")}
    sizes["aux_fullspec"] = (64, 2)
    for element in ELEMENTS:
        first, second = (n * factor for n, factor in zip((32, 16), wide.get(element, (1, 1)), strict=True))
        n_pixels, e = int(aspcap_mask(element, dr=14).sum()), element.lower()
        sizes |= {f"{e}_dense": (n_pixels, first), f"{e}_dense_2": (first, second)}
        sizes |= {f"{e}_concat": (second + 5, 1), f"{e}_concat_var": (second + 5, 1)}
    return sizes


@pytest.fixture(scope="module")
def weights():
    rng = np.random.default_rng(22)
    return {
        name: (
            (rng.normal(0, np.sqrt(2 / np.prod(shape[:-1])), shape)).astype("float32"),
            rng.normal(0, 0.3, shape[-1:]).astype("float32"),
        )
        for name, shape in shapes().items()
    }


@pytest.fixture(scope="module")
def input_mean():
    return np.random.default_rng(1).uniform(0.9, 1.0, 7514)


@pytest.fixture(scope="module")
def spectra(input_mean):
    return (input_mean + np.random.default_rng(2).normal(0, 0.3, (3, 7514))).astype("float32")


@pytest.fixture(scope="module")
def write(weights, input_mean, tmp_path_factory):
    """Write the folder as version 1.0.0 did, with Keras 2.2 on its own, which counts from 1."""

    def written(**changes):
        folder = write_parameters(
            tmp_path_factory.mktemp("published") / "astroNN_0617_run001",
            PUBLISHED | {"input_mean": input_mean.tolist()} | changes,
        )
        layers = {}
        for name, (kernel, bias) in weights.items():
            is_automatic = " " in name or name in ("teff", "logg", "fe")
            kind = "Conv1D" if "conv " in name else "Dense"
            layers[name] = OldLayer(kind, None if is_automatic else name, {"kernel": kernel, "bias": bias})
        named(layers.values(), first=1)
        assert layers["fe var"].name == "dense_8"
        # By depth: only the beginning and the end are documented, and nothing may hang on it.
        start = "conv 1,conv 2,whole 1,whole 2,teff,logg,c_dense,fe,c1_dense".split(",")
        end = "mn_concat_var,fe var,co_concat_var,ni_concat_var".split(",")
        order = [*start, *(name for name in layers if name not in (*start, *end)), *end]
        weightless = ["input", *(f"MCDropout_{i}" for i in range(1, 42)), *(f"{e}_Mask" for e in ELEMENTS)]
        write_hdf5(
            folder / HDF5, [layers[name] for name in order], weightless, version="2.2.0",
            optimizer="training/Adam/Adam",
        )  # fmt: skip
        return folder

    return written


def by_numpy(weights, x):
    """Normalised labels and log variances without dropout, by the published architecture, in float64."""

    def dense(name, value):
        kernel, bias = (array.astype("float64") for array in weights[name])
        return value @ kernel + bias

    def convolution(name, value):
        kernel, bias = (array.astype("float64") for array in weights[name])
        # "same" padding of an even filter of 8: 3 before, 4 after.
        windows = np.lib.stride_tricks.sliding_window_view(np.pad(value, ((0, 0), (3, 4), (0, 0))), 8, axis=1)
        return np.maximum(np.einsum("npck,kco->npo", windows, kernel) + bias, 0)

    features = convolution("conv 2", convolution("conv 1", x[..., None]))
    features = features[:, :N_FLAT].reshape(len(x), -1, 4, 4).max(axis=2).reshape(len(x), -1)
    whole = np.maximum(dense("whole 2", np.maximum(dense("whole 1", features), 0)), 0)
    labels = {label: dense(label.lower(), whole) for label in ("teff", "logg", "Fe")}
    log_variances = {label: dense(f"{label.lower()} var", whole) for label in ("teff", "logg", "Fe")}
    hints = np.hstack([dense("aux_fullspec", whole), *labels.values()])
    for element in ELEMENTS:
        e = element.lower()
        window = np.maximum(dense(f"{e}_dense", x[:, aspcap_mask(element, dr=14)]), 0)
        window = np.hstack([np.maximum(dense(f"{e}_dense_2", window), 0), hints])
        labels[element], log_variances[element] = dense(f"{e}_concat", window), dense(f"{e}_concat_var", window)
    return [np.hstack([values[name] for name in TARGETS]) for values in (labels, log_variances)]


def test_the_published_network_loads_and_answers_as_numpy_does(write, weights, spectra, input_mean):
    net = load_folder(write())
    expected = by_numpy(weights, spectra.astype("float64") - input_mean.astype("float32"))
    inputs = net._read_inputs({"input": spectra}, {}, np.arange(len(spectra)))
    answers = without_dropout(net.keras_model_predict).predict(inputs, verbose=0)
    for name, truth in zip(("output", "variance_output"), expected, strict=True):
        # Sums of up to 7512 products of order one, rounded to 6e-8 each, at random: 5e-6, and ten times that.
        np.testing.assert_allclose(answers[name], truth, rtol=5e-5, atol=5e-5)
        # Two swapped arrays would show: labels differ by far more than the tolerance.
        assert np.min(np.abs(np.diff(np.sort(truth, axis=1), axis=1))) > 1e-4
    assert net.targetname[2:4] == ["[C/H]", "[CI/H]"]
    assert (net.dropout_rate, net.inv_model_precision, net.activation) == (0.3, 4.772539682539683e-05, "relu")


def test_its_predictions_are_in_the_units_of_the_stored_means(write, weights, spectra, input_mean):
    net = load_folder(write(dropout_rate=0.0))
    net.verbose, net.mc_num = 0, 2
    pred, pred_std = net.predict(spectra)
    labels, log_variances = by_numpy(weights, spectra.astype("float64") - input_mean.astype("float32"))
    scale = np.array(LABELS_STD)
    # Teff, near 4655 K, is rounded to 5e-4 K, 2e-6 of its scatter.
    np.testing.assert_allclose((pred - LABELS_MEAN) / scale, labels, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(pred_std["predictive"], np.exp(0.5 * log_variances) * scale, rtol=1e-3)
    assert np.all(pred_std["model"] <= 1e-4 * scale)

"""Folders of version 1 load, and answer as they did there."""

import json
import shutil

import h5py
import numpy as np
import pytest
from scipy.stats import chi2

from astroNN.models import load_folder
from astroNN.nn.layers._graph import without_dropout
from astroNN.shared.errors import FolderError

BAYESIAN = ("apogee_bcnn", "apogee_bcnn_aux", "apogee_gaia_bcnn", "mnist_bcnn")
CLOSE = {"rtol": 1e-4, "atol": 1e-5}


@pytest.fixture(scope="module")
def legacy(shared_data):
    folder = shared_data / "legacy"
    if not folder.is_dir():
        pytest.skip("the folders of version 1 (../shared/data/legacy) are not here")
    return folder


@pytest.fixture
def reference(legacy):
    """Network and recorded arrays by name."""

    def read(name):
        net = load_folder(legacy / name)
        net.verbose = 0
        return net, np.load(legacy / f"{name}_io.npz")

    return read


def without_random_layers(net, x):
    answers = without_dropout(net.keras_model_predict).predict(
        net._read_inputs({"input": x}, {}, np.arange(len(x))), verbose=0
    )
    return np.concatenate([answers["output"], answers["variance_output"]], axis=1)


@pytest.mark.parametrize("name", ["apogee_cnn", "galaxy10_cnn"])
def test_a_network_without_dropout_answers_exactly_as_it_did(reference, name):
    net, recorded = reference(name)
    np.testing.assert_allclose(net.predict(recorded["x"].astype("float32")), recorded["pred"], **CLOSE)


def test_its_jacobian_is_the_recorded_one(reference):
    net, recorded = reference("apogee_cnn")
    np.testing.assert_allclose(net.jacobian(recorded["x"][:3]), recorded["jacobian3"], rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("name", BAYESIAN)
def test_the_mean_network_of_a_bayesian_one_answers_exactly_as_it_did(reference, name):
    net, recorded = reference(name)
    np.testing.assert_allclose(without_random_layers(net, recorded["x"]), recorded["raw_nodropout"], **CLOSE)


# What the recorded spreads can tell. An independent Monte Carlo (numpy, float64, 3000 to 4000 passes, a mask of its
# own for every element and pass) gives spreads of which the recorded ones, from 100 passes, are 0.984 +- 0.018 (aux),
# 0.971 +- 0.012 (bcnn) and 0.958 +- 0.024 (gaia) in the median over stars. 0.982 to 0.993 is what 100 passes give in
# the median, since outputs have long tails (kurtosis 4 to 7). Ours, from 800, are 0.992, 1.003 and 0.997 of the
# independent ones: what is left against the recorded ones, up to 3.8%, is the scatter of theirs.
@pytest.mark.slow
@pytest.mark.parametrize("name", BAYESIAN[:3])
def test_means_and_spreads_over_passes_agree_within_their_errors(reference, name):
    net, recorded = reference(name)
    # Many passes, so that the scatter is that of the recorded ones; the draws of a seed are the same everywhere.
    n_recorded, net.mc_num, net.seed = int(recorded["mc_num"]), 800, 1
    pred, pred_std = net.predict(recorded["x"], sampling="per_star")
    error = pred_std["model"] * np.sqrt(1 / n_recorded + 1 / net.mc_num)
    chi_square = np.sum(((pred - recorded["pred_mc"]) / error) ** 2)
    assert chi2.sf(chi_square, pred.size) > 0.001
    for part in ("total", "model", "predictive"):
        assert abs(np.median(pred_std[part] / recorded[part]) - 1) < 0.05, part


@pytest.mark.slow
def test_classes_and_their_uncertainties_agree_within_their_errors(reference):
    net, recorded = reference("mnist_bcnn")
    n_recorded, net.mc_num, net.seed = int(recorded["mc_num"]), 800, 1
    x = recorded["x"]
    mean, variance, _ = net._monte_carlo({"input": x}, {}, "per_star")
    pred, pred_std = net.predict(x, sampling="per_star")
    # Where the first two classes are as good as equal, either may win.
    first, second = np.argsort(mean, axis=1)[:, :-3:-1].T
    rows = np.arange(len(x))
    scatter = (variance[rows, first] + variance[rows, second]) * (1 / n_recorded + 1 / net.mc_num)
    clear = mean[rows, first] - mean[rows, second] > 4 * np.sqrt(scatter)
    assert clear.sum() > len(x) / 8
    np.testing.assert_array_equal(pred[clear], recorded["pred_mc"][clear])
    same = pred == recorded["pred_mc"]
    # "model" is the entropy of the mean probabilities, "predictive" tells the spread of the class's logit.
    for part, rows in (("model", slice(None)), ("predictive", same), ("total", same)):
        assert abs(np.median(pred_std[part][rows] / recorded[part][rows]) - 1) < 0.05, part
    np.testing.assert_allclose(pred_std["model"], -np.sum(mean * np.log(mean), axis=1), rtol=1e-4)


def passes_by_numpy(folder, spectrum, n_passes, rng):
    """Normalised outputs of an `ApogeeBCNNaux` in as many passes, every element dropped on its own, in float64."""
    parameters = json.loads((folder / "astroNN_model_parameter.json").read_text())
    rate = parameters["dropout_rate"]
    with h5py.File(folder / "model_weights.h5") as file:
        weights = {
            name: [group[name][key][()].astype("float64") for key in ("kernel:0", "bias:0")]
            for name, group in file["model_weights"].items()
            if name in group
        }

    def dropped(x):
        return x * (rng.random(x.shape) >= rate) / (1 - rate)

    def convolved(name, x):
        kernel, bias = weights[name]
        windows = np.lib.stride_tricks.sliding_window_view(np.pad(x, ((0, 0), (3, 4), (0, 0))), 8, axis=1)
        return np.maximum(np.einsum("npck,kco->npo", windows, kernel, optimize=True) + bias, 0)

    def dense(name, x):
        return x @ weights[name][0] + weights[name][1]

    mean, std = (np.ravel(parameters[f"input_{key}"]["input"]) for key in ("mean", "std"))
    x = (spectrum.astype("float64") - mean) / std
    features = np.repeat(convolved("conv1d", x[None, :-2, None]), n_passes, axis=0)
    features = convolved("conv1d_1", dropped(features))
    features = features[:, : features.shape[1] // 4 * 4].reshape(n_passes, -1, 4, 4).max(axis=2)
    features = dropped(features.reshape(n_passes, -1))
    features = np.hstack([features, np.repeat(x[None, -2:], n_passes, axis=0)])
    features = np.maximum(dense("dense", features), 0)
    return dense("output", np.maximum(dense("dense_1", dropped(features)), 0))[:, 0]


@pytest.mark.slow
def test_spreads_are_those_of_an_independent_monte_carlo(legacy, reference):
    net, recorded = reference("apogee_bcnn_aux")
    n_stars, net.mc_num, net.seed = 8, 1500, 3
    x, rng = recorded["x"][:n_stars], np.random.default_rng(5)
    passes = np.array([passes_by_numpy(legacy / "apogee_bcnn_aux", star, net.mc_num, rng) for star in x])
    _, pred_std = net.predict(x, sampling="per_star")
    ratio = pred_std["model"][:, 0] / net.labels_std["output"][0] / passes.std(axis=1)
    kurtosis = np.mean((passes - passes.mean(1)[:, None]) ** 4, axis=1) / passes.var(axis=1) ** 2
    # Error of a standard deviation from n passes: sqrt((kurtosis - 1) / 4 n), twice, over independent stars.
    error = np.sqrt(np.mean((kurtosis - 1) / (4 * net.mc_num)) * 2 / n_stars)
    assert error < 0.012
    assert abs(ratio.mean() - 1) < 4 * error


def test_an_autoencoder_encodes_and_decodes_as_it_did(reference):
    net, recorded = reference("apogee_cvae")
    mean, std, _ = net.predict_encoder(recorded["x"])
    np.testing.assert_allclose(mean, recorded["z_mean"], **CLOSE)
    np.testing.assert_allclose(std, recorded["z_std"], **CLOSE)
    decoded = net.keras_decoder.predict(recorded["z_mean"], verbose=0)
    np.testing.assert_allclose(decoded, recorded["decoder_raw_mean"], **CLOSE)


@pytest.mark.parametrize("name", ["apogee_cnn", "apogee_bcnn"])
def test_the_flat_parameters_of_version_1_0_mean_the_same(legacy, reference, name, tmp_path):
    shutil.copytree(legacy / f"{name}_flatjson", tmp_path / name)
    shutil.copy(legacy / name / "model_weights.h5", tmp_path / name)
    flat = load_folder(tmp_path / name)
    net, recorded = reference(name)
    x = recorded["x"]
    if name == "apogee_cnn":
        np.testing.assert_array_equal(flat.predict(x), net.predict(x))
    else:
        np.testing.assert_array_equal(without_random_layers(flat, x), without_random_layers(net, x))


@pytest.fixture
def copied(legacy, tmp_path):
    """A folder of version 1 to spoil; files come read-only."""
    folder = tmp_path / "old"
    folder.mkdir()
    for name in ("astroNN_model_parameter.json", "model_weights.h5"):
        shutil.copyfile(legacy / "apogee_bcnn" / name, folder / name)
    return folder


def test_an_array_without_a_place_and_a_layer_without_an_array_are_errors(copied):
    with h5py.File(copied / "model_weights.h5", "a") as file:
        weights = file["model_weights"]
        weights.move("variance_output/variance_output", "variance_output/spread")
    with pytest.raises(FolderError, match="variance_output.*find no array.*spread"):
        load_folder(copied)


def test_an_array_of_another_shape_is_an_error(copied):
    with h5py.File(copied / "model_weights.h5", "a") as file:
        del file["model_weights/output/output/bias:0"]
        file["model_weights/output/output/bias:0"] = np.zeros(5, "float32")
    with pytest.raises(FolderError, match="shape"):
        load_folder(copied)


def test_heads_of_equal_shape_are_told_apart_whatever_their_order_in_the_file(copied):
    before = load_folder(copied)
    with h5py.File(copied / "model_weights.h5", "a") as file:
        weights = file["model_weights"]
        # The order of a group is that of its names; what stands first by position is now the other head.
        weights.attrs["layer_names"] = sorted(weights.attrs["layer_names"], reverse=True)
    after = load_folder(copied)
    for first, second in zip(before.get_weights(), after.get_weights(), strict=True):
        np.testing.assert_array_equal(first, second)


def test_numbers_that_go_on_through_a_session_keep_the_order_of_making(copied):
    before = load_folder(copied)
    with h5py.File(copied / "model_weights.h5", "a") as file:
        weights = file["model_weights"]
        for old, new in (("dense_1", "dense_10"), ("dense", "dense_9")):
            weights.move(f"{old}/{old}", f"{old}/{new}")
            weights.move(old, new)
    after = load_folder(copied)
    for first, second in zip(before.get_weights(), after.get_weights(), strict=True):
        np.testing.assert_array_equal(first, second)


def test_a_link_in_an_old_file_is_never_followed(copied):
    with h5py.File(copied / "model_weights.h5", "a") as file:
        del file["model_weights/output/output/bias:0"]
        file["model_weights/output/output/bias:0"] = h5py.ExternalLink("elsewhere.h5", "/secret")
    with pytest.raises(FolderError, match="link"):
        load_folder(copied)


def test_statistics_that_version_1_could_not_take_become_0_and_1(copied):
    path = copied / "astroNN_model_parameter.json"
    parameters = json.loads(path.read_text())
    parameters["input_mean"]["input"][3] = None
    parameters["labels_std"]["output"][1] = 0.0
    path.write_text(json.dumps(parameters))
    net = load_folder(copied)
    assert net.input_mean["input"][3] == 0.0
    assert net.labels_std["output"][1] == 1.0


def test_a_truncated_old_file_is_an_error(copied):
    weights = copied / "model_weights.h5"
    weights.write_bytes(weights.read_bytes()[:5000])
    with pytest.raises(FolderError, match="can't be read"):
        load_folder(copied)

"""Each ready-made network: its size by hand, a falling loss, and the same answers after saving and loading."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import keras
import numpy as np
import pytest

import astroNN.models
from astroNN.apogee import aspcap_mask
from astroNN.models import load_folder

N_STARS, N_PIXELS = 96, 200
ELEMENTS = "C C1 N O Na Mg Al Si P S K Ca Ti Ti2 V Cr Mn Co Ni".split()


def dense(n_inputs, *units):
    """Weights and biases of dense layers in a row."""
    sizes = [n_inputs, *units]
    return sum((before + 1) * after for before, after in zip(sizes, sizes[1:], strict=False))


def conv(area, *channels):
    """Weights and biases of convolutions in a row, each with filters over `area` pixels."""
    return sum((area * before + 1) * after for before, after in zip(channels, channels[1:], strict=False))


def censored():
    total = conv(8, 1, 2, 4) + dense(7514 // 4 * 4, 192, 96) + 6 * dense(96, 1) + dense(96, 2)
    for element in ELEMENTS:
        first, second = (256, 64) if element in ("C", "N") else (32, 16)
        total += dense(int(aspcap_mask(element, dr=14).sum()), first, second) + 2 * dense(second + 5, 1)
    return total


@dataclass
class Case:
    """One network: how many weights it must have, on what it is trained, and what it gives."""

    n_weights: int
    kind: str = "spectra"
    n_labels: int = 3
    answer: tuple = (N_STARS, 3)
    settings: dict = field(default_factory=dict)


POOLED = N_PIXELS // 4 * 4
# Images of 28x28 pixels: 7x7 behind the first convolution, and 4x4, 2x2 and 1x1 behind the three poolings.
# So small a network takes gradient descent hundreds of steps to leave its start.
SMALL_GALAXIES = {"num_filters": [8] * 5, "num_hidden": [12, 10], "dropout_rate": 0.1, "optimizer": "adam",
                  "lr": 0.003, "max_epochs": 8, "batch_size": 16}  # fmt: skip
SMALL_GAMORNET = conv(25, 8, 8) + conv(9, 8, 8, 8, 8) + dense(8, 12, 10)
CASES = {
    "ApogeeCNN": Case(conv(8, 1, 2, 4) + dense(POOLED, 196, 96, 3)),
    "StarNet2017": Case(conv(8, 1, 4, 16) + dense(4 * POOLED, 256, 128, 3)),
    "ApogeeBCNN": Case(conv(8, 1, 2, 4) + dense(POOLED, 196, 96) + 2 * dense(96, 3)),
    "ApogeeBCNNaux": Case(conv(8, 1, 2, 4) + dense(POOLED + 2, 162, 64) + 2 * dense(64, 3), "aux"),
    "ApogeeBCNNCensored": Case(censored(), "whole", 22, (N_STARS, 22)),
    "ApogeeDR14GaiaDR2BCNN": Case(
        conv(8, 1, 2, 4) + dense(7512, 162, 64) + 2 * dense(64, 1) + dense(3, 32, 16, 1), "gaia", 1, (N_STARS, 1)
    ),
    "ApogeeKeplerEchelle": Case(
        conv(64, 1, 2, 4) + dense(((30 - 14) // 4) * ((40 - 14) // 4) * 4, 64) + dense(64 + 2, 32, 3), "echelle"
    ),
    "Cifar10CNN": Case(conv(9, 3, 8, 16) + dense(7 * 7 * 16, 256, 128, 10), "image", 10, (N_STARS, 10)),
    "Galaxy10CNN": Case(conv(9, 3, 8, 16) + dense(7 * 7 * 16, 256, 128, 10), "image", 10, (N_STARS, 10)),
    "MNIST_BCNN": Case(
        conv(9, 3, 8, 16) + dense(7 * 7 * 16, 256, 128) + 2 * dense(128, 10), "image", 10, (N_STARS,)
    ),
    "GaMorNet": Case(conv(121, 3, 8) + SMALL_GAMORNET + dense(10, 3), "image", 3, (N_STARS, 3), SMALL_GALAXIES),
    "GaMorNetBCNN": Case(conv(121, 3, 8) + SMALL_GAMORNET + 2 * dense(10, 3), "image", 3, (N_STARS,), SMALL_GALAXIES),
    "SimplePolyNN": Case(4 * N_PIXELS * 3, settings={"lr": 0.0005}),
    "ApogeeCVAE": Case(
        conv(8, 1, 2, 4) + dense(POOLED, 128, 64) + 2 * dense(64, 2)
        + dense(2, 64, N_PIXELS * 4) + conv(8, 4, 4, 2, 1),
        "reconstruction", answer=(N_STARS, N_PIXELS, 1),
    ),
    "ApokascEncoderDecoder": Case(
        conv(8, 1, 32, 64) + dense(N_PIXELS // 8 * 64, 16) + 2 * dense(16, 5)
        + dense(5, N_PIXELS // 4 * 16) + conv(32, 16, 16, 16, 1),
        "reconstruction", answer=(N_STARS, N_PIXELS, 1),
    ),
}  # fmt: skip


def data(case):
    """Inputs and labels that a network can learn from."""
    rng = np.random.default_rng(0)
    if case.kind in ("image", "echelle"):
        return images(case, rng)
    spectra = rng.normal(1.0, 0.05, (N_STARS, 7514 if case.kind in ("whole", "gaia") else N_PIXELS))
    labels = np.stack([spectra[:, 5 * k : 5 * k + 5].sum(1) for k in range(case.n_labels)], axis=1)
    if case.kind == "aux":
        spectra = np.hstack([spectra, rng.normal(size=(N_STARS, 2))])
    if case.kind == "gaia":
        spectra = np.hstack([spectra, rng.normal(11, 1, (N_STARS, 1)), rng.normal(size=(N_STARS, 3))])
        labels = np.abs(rng.normal(1.0, 0.2, (N_STARS, 1)))
    return spectra.astype("float32"), spectra.astype("float32") if case.kind == "reconstruction" else labels


def images(case, rng):
    if case.kind == "echelle":
        pictures = rng.integers(0, 255, (N_STARS, 30, 40)).astype("float32")
        aux = rng.normal(size=(N_STARS, 2))
        return {"input": pictures, "aux": aux}, np.hstack([aux, aux[:, :1]])
    classes = rng.integers(0, case.n_labels, N_STARS)
    pictures = rng.integers(0, 50, (N_STARS, 28, 28, 3)) + 20 * classes[:, None, None, None]
    return pictures.astype("float32"), np.eye(case.n_labels)[classes]


@pytest.fixture(scope="module")
def trained_by_name(tmp_path_factory):
    """Function that gives a trained network by name, its inputs, history and folder; trained the first time."""
    shelf, known = tmp_path_factory.mktemp("shelf"), {}

    def trained(name):
        if name not in known:
            case = CASES[name]
            net = getattr(astroNN.models, name)()
            net.verbose, net.seed, net.max_epochs, net.val_size, net.batch_size = 0, 1, 2, 0.0, 32
            if hasattr(net, "mc_num"):
                net.mc_num = 4
            for setting, value in case.settings.items():
                setattr(net, setting, value)
            x, y = data(case)
            history = net.fit(x, y).history
            np.savez(shelf / f"{name}.npz", **(x if isinstance(x, dict) else {"input": x}))
            known[name] = net, x, history, net.save(shelf / name)
        return known[name]

    trained.shelf = shelf
    return trained


@pytest.fixture(params=CASES)
def trained(request, trained_by_name):
    """Name, trained network, inputs, history, and folder of the saved network."""
    return request.param, *trained_by_name(request.param)


def label_of(answer):
    return answer[0] if isinstance(answer, tuple) else answer


def test_it_has_the_weights_of_the_architecture_table(trained):
    name, net, *_ = trained
    assert net.keras_model.count_params() == CASES[name].n_weights


def test_its_loss_falls(trained):
    _, _, _, history, _ = trained
    assert np.isfinite(history["loss"]).all()
    assert history["loss"][-1] < history["loss"][0]


def test_its_answer_has_the_documented_shape(trained):
    name, net, x, *_ = trained
    answer = net.predict(x)
    assert label_of(answer).shape == CASES[name].answer
    if isinstance(answer, tuple):
        assert set(answer[1]) == {"total", "model", "predictive"}
        assert all(spread.shape == CASES[name].answer and (spread >= 0).all() for spread in answer[1].values())


def test_saved_and_loaded_it_answers_the_same(trained):
    name, net, x, _, folder = trained
    loaded = load_folder(folder)
    assert type(loaded) is type(net)
    if CASES[name].kind == "reconstruction":
        np.testing.assert_array_equal(loaded.predict_encoder(x)[0], net.predict_encoder(x)[0])
        z = np.ones((3, net.latent_dim), "float32")
        np.testing.assert_array_equal(loaded.predict_decoder(z), net.predict_decoder(z))
    else:
        np.testing.assert_array_equal(label_of(loaded.predict(x)), label_of(net.predict(x)))


# In other processes ------------------------------------------------------------------------------------------


def parts_of(net, x):
    """Everything that a network predicts and that is not random, by name."""
    if hasattr(net, "predict_encoder"):
        mean, std, _ = net.predict_encoder(x)
        return {"pred": mean, "std": std, "decoded": net.predict_decoder(mean)}
    answer = net.predict(x)
    return {"pred": answer[0], **answer[1]} if isinstance(answer, tuple) else {"pred": answer}


SCRIPT = """
import os
from pathlib import Path
import numpy as np
from astroNN.models import load_folder

for folder in sorted(path for path in Path(os.environ["SHELF"]).iterdir() if path.is_dir()):
    net = load_folder(folder)
    net.verbose = 0
    inputs = dict(np.load(folder.with_suffix(".npz")))
    x = inputs if len(inputs) > 1 else inputs["input"]
    if hasattr(net, "predict_encoder"):
        mean, std, _ = net.predict_encoder(x)
        parts = {"pred": mean, "std": std, "decoded": net.predict_decoder(mean)}
    else:
        answer = net.predict(x)
        parts = {"pred": answer[0], **answer[1]} if isinstance(answer, tuple) else {"pred": answer}
    weights = {f"weight{k}": weight for k, weight in enumerate(net.get_weights())}
    np.savez(folder.name + ".npz", type=type(net).__name__, **parts, **weights)
"""


@pytest.fixture(
    scope="module",
    params=[["without a home"], pytest.param(["at home", "without a home"], marks=pytest.mark.slow)],
    ids=["without a home", "two at once"],
)
def answers(request, trained_by_name, run_python, tmp_path_factory):
    """What other processes, at work at the same time, say: one of them has no home that it could write to."""
    for name in CASES:
        trained_by_name(name)
    no_folder = tmp_path_factory.mktemp("home") / "file"
    no_folder.write_text("")
    homeless = {"HOME": no_folder, "ASTRONN_CONFIG": no_folder / "config.ini", "KERAS_HOME": no_folder / "keras",
                "MPLCONFIGDIR": no_folder / "mpl", "XDG_CACHE_HOME": no_folder / "cache"}  # fmt: skip
    environments = {"at home": {}, "without a home": {name: str(path) for name, path in homeless.items()}}
    places = {name: tmp_path_factory.mktemp("elsewhere") for name in request.param}
    with ThreadPoolExecutor(2) as pool:
        jobs = [
            pool.submit(run_python, SCRIPT, place, SHELF=str(trained_by_name.shelf), **environments[name])
            for name, place in places.items()
        ]
        for job in jobs:
            job.result()
    return places


@pytest.mark.one_backend
def test_in_another_process_it_is_the_same(trained, answers):
    name, net, x, *_ = trained
    parts = parts_of(net, x)
    for place in answers.values():
        told = np.load(place / f"{name}.npz")
        assert told["type"] == type(net).__name__
        for number, weight in enumerate(net.get_weights()):
            assert told[f"weight{number}"].tobytes() == weight.tobytes()
        for part, expected in parts.items():
            # The same operations on the same numbers; threads may add up in another order.
            scale = float(np.abs(expected).max())
            np.testing.assert_allclose(told[part], expected, rtol=1e-5, atol=1e-5 * scale, err_msg=part)


def test_all_ready_made_networks_are_here():
    ready_made = {name for name in astroNN.models.__all__ if name[0].isupper() and not name.endswith("Base")}
    aliases = {"ApogeeKplerEchelle", "SimplePloyNN", "DeepEnsemble", "NeuralNetMaster"}
    assert ready_made - aliases <= set(CASES) and set(CASES) <= ready_made | {"Galaxy10CNN"}


@pytest.mark.slow
def test_the_censored_network_sees_each_element_in_its_own_windows_alone():
    net = astroNN.models.ApogeeBCNNCensored()
    net.verbose, net.max_epochs = 0, 1
    spectra, labels = data(CASES["ApogeeBCNNCensored"])
    net.fit(spectra[:64], labels[:64])
    graph = net.keras_model_predict
    for element in ELEMENTS:
        window = keras.Model(graph.inputs, graph.get_layer(f"{element}_Mask").output)
        pixels = window.predict({"input": np.arange(7514, dtype="float32")[None, :, None]}, verbose=0)
        np.testing.assert_array_equal(pixels[0], np.flatnonzero(aspcap_mask(element, dr=14)))


def test_a_polynomial_with_the_inputs_added_is_one_after_loading_too(tmp_path):
    x = np.linspace(-1.0, 1.0, 64, dtype="float32")[:, None]
    net = astroNN.models.SimplePolyNN(use_xbias=True)
    net.verbose, net.max_epochs = 0, 1
    net.fit(x, 2 * x)
    np.testing.assert_array_equal(load_folder(net.save(tmp_path / "polynomial")).predict(x), net.predict(x))

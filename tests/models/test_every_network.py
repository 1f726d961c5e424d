"""Each ready-made network: its size by hand, a falling loss, and the same answers after saving and loading."""

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
    classes = rng.integers(0, 10, N_STARS)
    pictures = rng.integers(0, 50, (N_STARS, 28, 28, 3)) + 20 * classes[:, None, None, None]
    return pictures.astype("float32"), np.eye(10)[classes]


@pytest.fixture(scope="module", params=CASES)
def trained(request, tmp_path_factory):
    """Name, trained network, inputs, history, and folder of the saved network."""
    case = CASES[request.param]
    net = getattr(astroNN.models, request.param)()
    net.verbose, net.seed, net.max_epochs, net.val_size, net.batch_size = 0, 1, 4, 0.0, 32
    if hasattr(net, "mc_num"):
        net.mc_num = 4
    for name, value in case.settings.items():
        setattr(net, name, value)
    x, y = data(case)
    history = net.fit(x, y).history
    return request.param, net, x, history, net.save(tmp_path_factory.mktemp("networks") / request.param)


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

"""Catalogues of all kinds of networks and files hold what `predict` gives."""

import h5py
import numpy as np
import pytest
from astropy.table import Table

from astroNN.apogee import network_input, read_apstar, read_aspcapstar
from astroNN.catalogue import FLAGS, predict_catalogue
from astroNN.datasets import simulate_apogee
from astroNN.models import MNIST_BCNN, ApogeeBCNN, DeepEnsemble, Galaxy10CNN
from astroNN.shared.tables import read_table
from tests.catalogue.conftest import N_PIXELS, spectra_of
from tests.helpers.apogee_files import apstar_hdus, aspcapstar_hdus

N_STARS = 130  # two blocks of 64 that share masks of dropout, and a rest


def made(net, files, tmp_path, **settings):
    """The catalogue of a network that is saved on the way."""
    summary = predict_catalogue(net.save(tmp_path / "run"), files, tmp_path / "labels.h5", verbose=0, **settings)
    return summary, read_table(tmp_path / "labels.h5", "test")


def small(net, **settings):
    net.seed, net.verbose, net.max_epochs = 1, 0, 1
    for name, value in settings.items():
        setattr(net, name, value)
    return net


def same_labels(table, expected):
    for name in expected.colnames:
        np.testing.assert_array_equal(table[name], expected[name], err_msg=name)


def test_an_ensemble(tmp_path):
    x = spectra_of(0, 300)
    template = small(ApogeeBCNN(lr=0.01), num_hidden=[16, 8], mc_num=4, targetname=["sum"])
    net = DeepEnsemble(template, n_members=2)
    net.verbose = 0
    net.fit(x, x[:, :6].sum(axis=1, keepdims=True))
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["spectra"], file["spectra_err"] = spectra_of(1, N_STARS), np.full((N_STARS, N_PIXELS), 0.01)
    _, table = made(net, tmp_path / "a.h5", tmp_path, errors="spectra_err")
    pred, pred_std = net.predict(spectra_of(1, N_STARS), inputs_err=np.full((N_STARS, N_PIXELS), 0.01, "float32"))
    assert {"model", "predictive", "propagated", "total"} <= set(pred_std)
    same_labels(table, net.as_table(pred, pred_std))
    assert (table["sum_err_model"] > 0).all() and (table["sum_err_propagated"] > 0).all()


@pytest.fixture(scope="module")
def images():
    """Images of ten classes, of which each has a row of its own that is bright."""
    rng = np.random.default_rng(0)
    kind = rng.integers(0, 10, N_STARS)
    image = rng.integers(0, 40, (N_STARS, 12, 12)).astype("float32")
    image[np.arange(N_STARS), kind + 1] += 200
    return image, np.eye(10)[kind]


@pytest.mark.parametrize("trained_on", [(), (1,)], ids=["h_w", "h_w_1"])
@pytest.mark.parametrize("predicted", [(), (1,)], ids=["h_w", "h_w_1"])
def test_a_classifier(images, trained_on, predicted, tmp_path):
    image, labels = images
    net = small(Galaxy10CNN(), num_filters=[4, 4], num_hidden=[8, 8], pool_length=2)
    net.fit(image.reshape(*image.shape, *trained_on), labels)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["images"] = image.reshape(*image.shape, *predicted)
    _, table = made(net, tmp_path / "a.h5", tmp_path)
    probability = net.predict(image)
    np.testing.assert_array_equal(np.stack([table[name] for name in net.targetname], axis=1), probability)
    np.testing.assert_allclose(probability.sum(axis=1), 1.0, rtol=1e-5)


def test_a_bayesian_classifier(images, tmp_path):
    image, labels = images
    net = small(MNIST_BCNN(), num_filters=[4, 4], num_hidden=[8, 8], mc_num=4)
    net.fit(image, labels)
    mask = np.zeros(image.shape, bool)
    mask[7], mask[8, :5] = True, True
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["images"], file["mask"] = image, mask
    _, table = made(net, tmp_path / "a.h5", tmp_path)
    with pytest.warns(UserWarning, match="no good pixel"):
        answer = net.predict(image, mask=mask)
    same_labels(table, net.as_table(*answer))
    assert table["class"][7] == -1 and set(table["class"]) <= set(range(-1, 10))
    expected = np.zeros(N_STARS, int)
    expected[7:9] = FLAGS["no_good_pixel"], FLAGS["many_missing_pixels"]
    np.testing.assert_array_equal(table["flag"], expected)


# Files of APOGEE ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def apogee_network():
    """A network for spectra of 7514 pixels that costs little."""
    x = np.random.default_rng(0).normal(1.0, 0.05, (40, 7514)).astype("float32")
    net = small(ApogeeBCNN(), num_filters=[1, 1], num_hidden=[4, 4], mc_num=4, targetname=["teff"], val_size=0.0)
    net.fit(x, 4000 + 1000 * x[:, :1])
    return net


def test_files_as_the_pipeline_of_apogee_lays_them_out(apogee_network, tmp_path):
    stars = simulate_apogee(4, seed=1)
    names = [f"2M0000000{k}+1234567" for k in range(4)]
    bits = stars.mask[:3].astype("i2")
    paths = [tmp_path / f"{'apStar' if k < 2 else 'aspcapStar'}-{name}.fits" for k, name in enumerate(names)]
    apstar_hdus(names[0], stars.spectra[:1], stars.spectra_err[:1], bits[:1], snr=80.0).writeto(paths[0])
    apstar_hdus(names[1], stars.spectra[:3], stars.spectra_err[:3], bits).writeto(paths[1])  # of several visits
    for k in (2, 3):
        aspcapstar_hdus(names[k], stars.spectra[k], stars.spectra_err[k]).writeto(paths[k])
    inputs = Table({"path": [path.name for path in paths], "source_id": 10**18 + np.arange(4)})
    inputs.write(tmp_path / "list.csv")
    _, table = made(apogee_network, tmp_path / "list.csv", tmp_path, errors="yes")
    read = [network_input((read_apstar if k < 2 else read_aspcapstar)(path)) for k, path in enumerate(paths)]
    flux, err, mask = (np.concatenate(arrays) for arrays in zip(*read, strict=True))
    same_labels(table, apogee_network.as_table(*apogee_network.predict(flux, inputs_err=err, mask=mask)))
    assert [str(np.asarray(name).astype(str)) for name in table["APOGEE_ID"]] == names
    np.testing.assert_array_equal(table["source_id"], 10**18 + np.arange(4))
    np.testing.assert_allclose(table["SNR"], [80.0, 100.0, 100.0, 100.0])
    np.testing.assert_allclose(table["missing_fraction"], mask.mean(axis=1), rtol=1e-6)


def test_real_files_of_apogee(apogee_network, shared_data, tmp_path):
    folder = shared_data / "spectra"
    paths = sorted(folder.glob("aspcapStar*.fits")) + sorted(folder.glob("apStar*.fits"))
    summary, table = made(apogee_network, [folder / "a*Star*.fits"], tmp_path)
    assert summary.n_rows == len(paths) >= 12 and summary.flags["unreadable"] == 0
    order = [[str(path) for path in paths].index(name) for name in map(_text, table["file"])]
    read = [network_input((read_apstar if path.name[:6] == "apStar" else read_aspcapstar)(path)) for path in paths]
    flux, _, mask = (np.concatenate(arrays)[order] for arrays in zip(*read, strict=True))
    same_labels(table, apogee_network.as_table(*apogee_network.predict(flux, mask=mask)))
    assert all(_text(star) in paths[k].name for star, k in zip(table["APOGEE_ID"], order, strict=True))


def _text(value):
    return value.decode() if isinstance(value, bytes) else str(value)

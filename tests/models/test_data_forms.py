"""Forms in which inputs and labels come: arrays, dictionaries, tables, single stars; they all mean the same."""

import keras
import numpy as np
import pandas
import pytest
from astropy import units
from astropy.table import Column, MaskedColumn, Table
from keras import layers, ops

from astroNN.models import BayesianCNNBase, CNNBase, ConvVAEBase, load_folder
from astroNN.nn.layers import MCDropout, VAESampling

N_STARS = 48


class Quick:
    """Settings and layers that the three networks below share."""

    def __init__(self):
        super().__init__()
        self.verbose, self.seed, self.val_size, self.max_epochs, self.lr = 0, 3, 0.0, 1, 0.01
        self.input_norm_mode = self.labels_norm_mode = 2

    def compile(self, *args, **kwargs):
        super().compile(*args, **kwargs)
        self.keras_model.run_eagerly = True  # compiling takes most of the time of so small a training

    def inputs(self):
        """Keras inputs, and what they are together."""
        symbols = {name: keras.Input(shape, name=name) for name, shape in self._input_shape.items()}
        flat = [layers.Flatten()(symbol) for symbol in symbols.values()]
        return symbols, layers.Concatenate()(flat) if len(flat) > 1 else flat[0]

    def dense(self, name, units=None):
        return layers.Dense(
            units or self._labels_shape["output"], kernel_initializer=self.fresh_initializer(), name=name
        )


class Plain(Quick, CNNBase):
    def model(self):
        symbols, x = self.inputs()
        return keras.Model(symbols, self.dense("output")(x))


class Bayesian(Quick, BayesianCNNBase):
    def __init__(self):
        super().__init__()
        self.mc_num = 2

    def model(self):
        symbols, x = self.inputs()
        x = MCDropout(0.1, seed=self.next_seed())(x)
        return keras.Model(symbols, {name: self.dense(name)(x) for name in ("output", "variance_output")})


class Autoencoder(Quick, ConvVAEBase):
    def model(self):
        symbols, x = self.inputs()
        latent = [self.dense(name, 2)(x) for name in ("z_mean", "z_log_var")]
        decoder = keras.Sequential([keras.Input((2,)), self.dense("decode")], name="output")
        return keras.Model(symbols, [*latent, VAESampling(seed=self.next_seed())(latent)]), decoder


NETWORKS = [Plain, Bayesian, Autoencoder]
networks = pytest.mark.parametrize("network", NETWORKS)


@pytest.fixture(scope="module")
def whole():
    """Fluxes and labels in whole numbers, which every type of number holds exactly."""
    rng = np.random.default_rng(0)
    spectra = rng.integers(0, 100, (N_STARS, 12)).astype("float32")
    return spectra, spectra[:, :2] + spectra[:, 3:5]


def labels_for(network, spectra, labels):
    return spectra if network is Autoencoder else labels


@pytest.fixture(scope="module")
def trained(whole):
    """One network of every kind, trained on arrays of float32."""
    nets = {}
    for network in NETWORKS:
        nets[network] = network()
        nets[network].fit_on_batch(whole[0], labels_for(network, *whole))
    return nets


def answer(net, x):
    """What a network tells of stars, without what it draws."""
    if isinstance(net, Autoencoder):
        return net.predict_encoder(x)[0]
    predicted = net.predict(x)
    return predicted[0] if isinstance(predicted, tuple) else predicted


# Dictionaries ---------------------------------------------------------------------------------------------------


@networks
def test_dictionaries_of_arrays_mean_what_arrays_do(network, trained, whole):
    spectra, labels = whole[0], labels_for(network, *whole)
    net = network()
    net.fit_on_batch({"input": spectra}, {"output": labels})
    np.testing.assert_allclose(answer(net, {"input": spectra}), answer(trained[network], spectra), rtol=1e-4)
    assert net.fit({"input": spectra}, {"output": labels}).epoch == [0]
    from_dictionary, from_array = net.evaluate({"input": spectra}, {"output": labels}), net.evaluate(spectra, labels)
    assert set(from_dictionary) == set(from_array) and np.isfinite(from_dictionary["loss"])
    jacobian = net.jacobian_latent if network is Autoencoder else net.jacobian
    np.testing.assert_array_equal(jacobian({"input": spectra[:2]}), jacobian(spectra[:2]))


@networks
def test_two_inputs_are_taken_by_every_method(network, whole, tmp_path):
    spectra, labels = whole[0], labels_for(network, *whole)
    data = {"input": spectra, "aux": spectra[:, 0]}  # one number a star, without an axis
    net = network()
    net.fit(data, {"output": labels})
    net.fit_on_batch(data, labels)
    assert np.isfinite(net.evaluate(data, labels)["loss"])
    expected = answer(net, data)
    one = {"input": spectra[5], "aux": spectra[5, :1]}
    if network is not Bayesian:  # whose draws belong to the row of a star
        np.testing.assert_allclose(answer(net, one), expected[5:6], rtol=1e-4)
    loaded = load_folder(net.save(tmp_path / "run"), custom_models=network)
    loaded.verbose = 0
    np.testing.assert_array_equal(answer(loaded, data), expected)
    jacobian = net.jacobian_latent if network is Autoencoder else net.jacobian
    assert jacobian(data).shape == (N_STARS, 2, 12)


def test_errors_and_weights_may_be_dictionaries_too(whole):
    spectra, labels = whole
    errors = {"input": np.ones_like(spectra)}
    net = Bayesian()
    net.fit_on_batch(
        {"input": spectra}, {"output": labels}, errors, {"output": labels * 0.1}, {"output": labels[:, 0]}
    )
    assert "propagated" in net.predict({"input": spectra}, errors)[1]
    with pytest.raises(ValueError, match=r"`labels_err` as a dictionary.*'output' alone.*\['labels'\]"):
        net.fit_on_batch(spectra, labels, labels_err={"labels": labels})


@pytest.mark.parametrize("network", [Bayesian, Autoencoder])
def test_several_kinds_of_labels_are_refused_where_there_is_one_output(network, whole):
    with pytest.raises(ValueError, match=r"`labels`.*'output' alone.*\['mass', 'output'\]"):
        network().fit(whole[0], {"output": labels_for(network, *whole), "mass": whole[1]})


# Several outputs ------------------------------------------------------------------------------------------------


class TwoOutputs(Plain):
    """Outputs as a list; their names are those of the layers."""

    def compile(self, *args, **kwargs):
        super().compile(*args, **kwargs)
        self.keras_model.run_eagerly = False

    def model(self):
        symbols, x = self.inputs()
        return keras.Model(symbols, [self.dense(name, n)(x) for name, n in self._labels_shape.items()])


class TwoNamedOutputs(TwoOutputs):
    def model(self):
        symbols, x = self.inputs()
        return keras.Model(symbols, {name: self.dense(name, n)(x) for name, n in self._labels_shape.items()})


@pytest.mark.slow
@pytest.mark.parametrize("network", [TwoOutputs, TwoNamedOutputs])
def test_a_network_of_two_outputs_learns_and_predicts_both_by_name(network, whole, tmp_path):
    spectra, labels = whole
    targets = {"output": labels, "mass": labels[:, 0] + 1000.0}
    net = network()
    net.labels_norm_mode = {"output": 2, "mass": 2}
    net.lr, net.max_epochs, net.batch_size = 0.05, 60, 16
    net.fit(spectra, targets)
    pred = net.predict(spectra)
    assert {name: array.shape for name, array in pred.items()} == {"output": (N_STARS, 2), "mass": (N_STARS, 1)}
    # Both are linear in the pixels: what is left is a small part of the spread, each about its own mean.
    for name, truth in (("output", labels), ("mass", targets["mass"][:, None])):
        assert np.std(pred[name] - truth, axis=0).max() < 0.3 * truth.std(axis=0).min()
        np.testing.assert_allclose(pred[name].mean(axis=0), truth.mean(axis=0), atol=0.1 * truth.std())
    scores = net.evaluate(spectra, targets)
    assert {"loss", "output_mean_absolute_error", "mass_mean_absolute_error"} <= set(scores)
    loaded = load_folder(net.save(tmp_path / "run"), custom_models=network)
    loaded.verbose = 0
    for name, array in loaded.predict(spectra).items():
        np.testing.assert_array_equal(array, pred[name])


def test_outputs_and_labels_of_different_names_are_explained(whole):
    spectra, labels = whole
    with pytest.raises(ValueError, match=r"`model\(\)` of TwoOutputs.*\['mass', 'output'\].*\['age', 'output'\]"):

        class Misnamed(TwoOutputs):
            def model(self):
                symbols, x = self.inputs()
                return keras.Model(symbols, [self.dense(name, 1)(x) for name in ("output", "mass")])

        Misnamed.__name__ = "TwoOutputs"
        Misnamed().fit(spectra, {"output": labels, "age": labels})


def test_labels_of_other_names_than_the_trained_ones_are_named(whole):
    spectra, labels = whole
    net = TwoOutputs()
    net.fit_on_batch(spectra, {"output": labels, "mass": labels})
    with pytest.raises(ValueError, match=r"`labels` must have the labels \['mass', 'output'\], got \['output'\]"):
        net.fit(spectra, labels)
    with pytest.raises(ValueError, match=r"`labels\['mass'\]`.*2 labels, got 1"):
        net.evaluate(spectra, {"output": labels, "mass": labels[:, 0]})


# Types of arrays ------------------------------------------------------------------------------------------------


def memory_mapped(array, folder):
    path = folder / f"{array.shape[1]}_columns.npy"
    np.save(path, array)
    return np.load(path, mmap_mode="r")


FORMS = {
    "uint8": lambda x, _: x.astype("uint8"),
    "int16": lambda x, _: x.astype("int16"),
    "int64": lambda x, _: x.astype("int64"),
    "float16": lambda x, _: x.astype("float16"),
    "float64": lambda x, _: x.astype("float64"),
    "big endian": lambda x, _: x.astype(">f8"),
    "columns first": lambda x, _: np.asfortranarray(x),
    "every other column": lambda x, _: np.repeat(x, 2, axis=1)[:, ::2],
    "backwards": lambda x, _: x[::-1].copy()[::-1],
    "memory map": memory_mapped,
    "list": lambda x, _: x.tolist(),
    "pandas": lambda x, _: pandas.DataFrame(x),
    "quantity": lambda x, _: x * units.K,
    "column": lambda x, _: Column(x),
    "tensor": lambda x, _: ops.convert_to_tensor(x),
    "numpy mask": lambda x, _: np.ma.array(x, mask=np.zeros(x.shape, bool)),
    "astropy mask": lambda x, _: MaskedColumn(x, mask=np.zeros(x.shape, bool)),
}


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS)
@networks
def test_the_type_of_an_array_changes_nothing(network, form, trained, whole, tmp_path):
    spectra, labels = whole[0], labels_for(network, *whole)
    net = trained[network]
    other = FORMS[form](spectra, tmp_path)
    np.testing.assert_array_equal(answer(net, other), answer(net, spectra))
    losses = net.evaluate(other, FORMS[form](labels, tmp_path)), net.evaluate(spectra, labels)
    assert np.isfinite([loss["loss"] for loss in losses]).all()
    if network is Plain:  # the only one without random numbers in its loss
        assert losses[0] == losses[1]


@pytest.mark.parametrize("form", [lambda y: y, lambda y: y[:, None], pandas.Series, Column, lambda y: y * units.K])
def test_one_label_a_star_needs_no_axis(form, whole):
    spectra, labels = whole
    net = Plain()
    net.fit_on_batch(spectra, form(labels[:, 0]))
    assert net._labels_shape == {"output": 1} and net.predict(spectra).shape == (N_STARS, 1)


@pytest.mark.parametrize(
    "hidden",
    [
        lambda x, bad: np.ma.array(x, mask=bad),
        lambda x, bad: np.ma.array(x.astype("int32"), mask=bad),
        lambda x, bad: np.where(bad, np.nan, x),
        lambda x, bad: np.where(bad, -9999, x).astype("int32"),
        lambda x, bad: np.where(bad, -9999.0, x) * units.K,
        lambda x, bad: pandas.DataFrame(np.where(bad, np.nan, x)),
    ],
    ids=["mask", "mask of integers", "nan", "magic integers", "magic quantity", "pandas"],
)
def test_what_is_hidden_is_missing(hidden, trained, whole):
    spectra, _ = whole
    bad = np.zeros(spectra.shape, bool)
    bad[3, 4:7] = True
    expected = trained[Plain].predict(spectra, mask=bad)
    assert not np.allclose(expected[3], trained[Plain].predict(spectra)[3])
    np.testing.assert_array_equal(trained[Plain].predict(hidden(spectra, bad)), expected)


@pytest.mark.parametrize(
    ("wrong", "kind"),
    [
        (lambda x: x.astype("datetime64[s]"), "datetime64"),
        (lambda x: pandas.DataFrame(x).astype({0: str}), "object"),
        (lambda x: [x, x[:, :1]], "dictionary"),
        (lambda x: iter(x), "object"),
    ],
)
@pytest.mark.parametrize("name", ["input_data", "labels"])
def test_what_are_no_numbers_is_refused(wrong, kind, name, whole):
    data = dict(zip(("input_data", "labels"), whole, strict=True))
    data[name] = wrong(data[name])
    with pytest.raises(TypeError, match=f"`{name}`.*{kind}"):
        Plain().fit(**data)


def test_a_table_of_pixels_is_refused(whole):
    with pytest.raises(TypeError, match="`input_data` has dtype"):
        Plain().fit(Table(whole[0]), whole[1])


# A single star --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("network", [Plain, Autoencoder])
def test_a_single_spectrum_is_one_star(network, trained, whole):
    spectra, net = whole[0], trained[network]
    for one in (spectra[5], spectra[5][:, None], spectra[5:6], spectra[5:6, :, None], {"input": spectra[5]}):
        np.testing.assert_allclose(answer(net, one), answer(net, spectra)[5:6], rtol=1e-5)
    jacobian = net.jacobian_latent if network is Autoencoder else net.jacobian
    assert jacobian(spectra[5]).shape == (1, 2, 12)


def test_a_single_spectrum_is_one_star_for_a_bayesian_network(trained, whole):
    pred, pred_std = trained[Bayesian].predict(whole[0][5])
    assert pred.shape == pred_std["total"].shape == (1, 2)
    with_errors = trained[Bayesian].predict(whole[0][5], np.ones(12))[1]
    assert with_errors["propagated"].shape == (1, 2)


@pytest.mark.parametrize("channels", [(), (3,)])
def test_a_single_image_is_one_image(whole, channels):
    shape = (4, 3) if not channels else (2, 2, 3)
    images, net = whole[0].reshape(N_STARS, *shape), Plain()
    net.fit_on_batch(images, whole[1])
    np.testing.assert_allclose(net.predict(images[7]), net.predict(images)[7:8], rtol=1e-5)
    mask = np.zeros(images.shape, bool)
    mask[7, 0, 0] = True
    np.testing.assert_allclose(net.predict(images[7], mask=mask[7]), net.predict(images, mask=mask)[7:8], rtol=1e-5)

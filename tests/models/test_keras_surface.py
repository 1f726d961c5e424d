"""What a network shows of its Keras model, and what happens when there is none."""

import keras
import numpy as np
import pytest

from astroNN.models import ApogeeBCNN, ApogeeCNN, ApogeeCVAE, ConvVAEBase


@pytest.fixture
def linear(stars, tools):
    """A trained network of one layer, of which a test may do away with anything."""
    net = tools.small(tools.Linear(), max_epochs=1)
    net.fit(stars.spectra, stars.labels)
    return net


def test_a_network_has_no_model_before_it_is_trained_or_loaded(linear):
    assert not ApogeeCNN().has_model
    assert linear.has_model
    linear.has_model_check()


@pytest.mark.parametrize(
    "use",
    [
        lambda net: net.has_model_check(),
        lambda net: net.input_shape,
        lambda net: net.output_shape,
        lambda net: net.uses_learning_phase,
        lambda net: net.get_weights(),
        lambda net: net.get_layer("output"),
        lambda net: net.get_config(),
        lambda net: net.summary(),
        lambda net: net.save_weights(),
        lambda net: net.plot_model(),
        lambda net: net.plot_dense_stats(),
    ],
)
def test_whatever_needs_a_model_says_that_there_is_none(use):
    with pytest.raises(AttributeError, match="No model found.*`fit`"):
        use(ApogeeCNN())


def test_shapes_of_a_plain_network_are_those_of_its_arrays(linear, cnn):
    assert linear.input_shape == (None, 60, 1)
    assert linear.output_shape == (None, 2)
    assert (cnn.input_shape, cnn.output_shape) == ((None, 60, 1), (None, 2))


def test_shapes_of_a_bayesian_network_are_those_of_its_predictions(untrained):
    net = untrained(ApogeeBCNN())
    assert net.input_shape == (None, 60, 1)  # the errors of the labels belong to the training alone
    assert net.output_shape == {"output": (None, 2), "variance_output": (None, 2)}


def test_shapes_of_an_autoencoder_hold_the_latent_variables(untrained):
    net = untrained(ApogeeCVAE())
    net._labels_shape = {"output": 60}
    net.compile()
    assert net.input_shape == (None, 60, 1)
    assert net.output_shape == {"output": (None, 60, 1), "z_mean": (None, 2), "z_log_var": (None, 2)}
    assert isinstance(net, ConvVAEBase)


def test_only_ordinary_dropout_makes_training_differ_from_prediction(linear, cnn, untrained):
    assert cnn.uses_learning_phase
    assert not linear.uses_learning_phase
    assert not untrained(ApogeeBCNN()).uses_learning_phase  # its dropout is always on


def test_layers_are_found_by_name_and_number_and_hold_the_weights(linear):
    layer = linear.get_layer("output")
    assert layer is linear.get_layer(index=len(linear.keras_model.layers) - 1)
    kernel, bias = linear.get_weights()
    assert (kernel.shape, bias.shape) == ((60, 2), (2,))
    np.testing.assert_array_equal(layer.get_weights()[0], kernel)
    with pytest.raises(ValueError, match="No such layer"):
        linear.get_layer("nothing")


def test_the_configuration_names_every_layer(linear):
    config = linear.get_config()
    assert {layer["config"]["name"] for layer in config["layers"]} >= {"input", "output"}


def test_the_summary_is_printed_with_the_number_of_weights(linear, capsys):
    linear.summary()
    printed = capsys.readouterr().out
    assert "output" in printed
    assert "122" in printed  # 60 * 2 + 2


def test_saved_weights_bring_the_predictions_back(linear, stars, tools, tmp_path):
    path = linear.save_weights(tmp_path / "some.weights.h5")
    assert path == tmp_path / "some.weights.h5"
    before, predicted = linear.get_weights(), linear.predict(stars.spectra[:5])
    linear.keras_model.set_weights([np.zeros_like(array) for array in before])
    linear.keras_model.load_weights(path)
    np.testing.assert_array_equal(linear.predict(stars.spectra[:5]), predicted)
    assert [entry.name for entry in tmp_path.iterdir()] == ["some.weights.h5"]


def test_weights_go_to_the_current_folder_by_default(linear, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    linear.save_weights()
    assert (tmp_path / "model.weights.h5").is_file()


def test_existing_weights_are_replaced_only_if_the_user_agrees(linear, tmp_path):
    path = tmp_path / "a.weights.h5"
    path.write_bytes(b"old")
    with pytest.raises(FileExistsError, match="overwrite=True"):
        linear.save_weights(path, overwrite=False)
    assert path.read_bytes() == b"old"
    linear.save_weights(path)
    assert path.read_bytes()[:4] == b"\x89HDF"


@pytest.mark.parametrize("name", ["weights.h5", "model.keras", "model"])
def test_weights_need_the_ending_of_keras(linear, tmp_path, name):
    with pytest.raises(ValueError, match=r"`filename` must end in '\.weights\.h5'"):
        linear.save_weights(tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_a_missing_folder_for_the_weights_is_an_error(linear, tmp_path):
    with pytest.raises(OSError):
        linear.save_weights(tmp_path / "missing" / "a.weights.h5")


def fake_drawing(content=b"drawn"):
    """In place of Keras' function, which needs graphviz."""
    asked = {}

    def plot_model(model, to_file, **settings):
        asked.update(settings, model=model, to_file=to_file)
        if content is not None:
            with open(to_file, "wb") as stream:
                stream.write(content)

    return plot_model, asked


def test_the_layers_are_drawn_into_the_networks_folder(linear, tmp_path, monkeypatch):
    plot_model, asked = fake_drawing()
    monkeypatch.setattr(keras.utils, "plot_model", plot_model)
    linear.fullfilepath = str(tmp_path)
    path = linear.plot_model("layers.png", show_shapes=False, rankdir="LR")
    assert path == tmp_path / "layers.png"
    assert path.read_bytes() == b"drawn"
    assert (asked["show_shapes"], asked["show_layer_names"], asked["rankdir"]) == (False, True, "LR")
    assert asked["model"] is linear.keras_model
    assert [entry.name for entry in tmp_path.iterdir()] == ["layers.png"]


def test_the_layers_of_a_network_without_folder_are_drawn_into_the_current_one(linear, tmp_path, monkeypatch):
    monkeypatch.setattr(keras.utils, "plot_model", fake_drawing()[0])
    monkeypatch.chdir(tmp_path)
    linear.plot_model()
    assert (tmp_path / "model.png").is_file()


def no_graphviz(*args, **kwargs):
    raise ImportError("You must install graphviz.")


@pytest.mark.parametrize("drawing", [no_graphviz, fake_drawing(None)[0]], ids=["raises", "prints"])
def test_without_graphviz_there_is_a_warning_and_the_old_drawing_stays(linear, tmp_path, monkeypatch, drawing):
    (tmp_path / "model.png").write_bytes(b"old")
    monkeypatch.setattr(keras.utils, "plot_model", drawing)
    linear.fullfilepath = str(tmp_path)
    with pytest.warns(UserWarning, match="model.png was not drawn.*graphviz"):
        assert linear.plot_model() is None
    assert (tmp_path / "model.png").read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["model.png"]


def test_the_real_drawing_is_a_picture_or_a_warning(linear, tmp_path, recwarn):
    linear.fullfilepath = str(tmp_path)
    path = linear.plot_model()
    if path is None:
        assert any("was not drawn" in str(warning.message) for warning in recwarn)
    else:
        assert path.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


def test_a_flushed_network_has_no_model_and_can_be_trained_again(linear, stars):
    linear.flush()
    assert not linear.has_model
    with pytest.raises(AttributeError, match="No model found"):
        linear.predict(stars.spectra[:2])
    linear.fit(stars.spectra[:, :40], stars.labels)  # of another shape: nothing of the old one is left
    assert linear.predict(stars.spectra[:2, :40]).shape == (2, 2)
    assert linear.jacobian(stars.spectra[:2, :40]).shape == (2, 2, 40)


@pytest.mark.slow
def test_flushing_one_network_leaves_the_others_alone(linear, stars, tools):
    other = tools.small(tools.Linear(), max_epochs=1, seed=8)
    other.fit(stars.spectra, stars.labels)
    predicted = other.predict(stars.spectra[:5])
    linear.flush()
    np.testing.assert_array_equal(other.predict(stars.spectra[:5]), predicted)
    other.fit(stars.spectra, stars.labels)
    assert np.isfinite(other.predict(stars.spectra[:5])).all()

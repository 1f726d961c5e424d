"""Pictures of weights and trainings: the numbers drawn, the files written, and nothing left behind."""

import csv

import keras
import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure

from astroNN.models import ApogeeCVAE, SimplePolyNN, load_folder
from astroNN.models.inspection.plots.dense_stats import dense_kernels, draw_dense_stats
from astroNN.models.inspection.plots.history import draw_history
from astroNN.nn.layers import DenseFlipout

pytestmark = pytest.mark.one_backend

EPOCHS = 4
HISTORY = {
    "loss": np.array([4.0, 2.0, 1.0, 0.5]),
    "val_loss": np.array([5.0, 3.0, 2.0, 2.5]),
    "mean_absolute_error": np.array([1.0, 0.5, 0.4, 0.3]),
    "learning_rate": np.array([0.01, 0.01, 0.005, 0.005]),
}


def legend_texts(axes):
    return [text.get_text().replace("\u2212", "-") for text in axes.get_legend().get_texts()]


def curve(panel, label):
    return next(line for line in panel.lines if line.get_label() == label).get_xydata()


# Weights ------------------------------------------------------------------------------------------


def test_the_curves_are_the_densities_of_every_dense_kernel(cnn):
    figure, axes = cnn.plot_dense_stats()
    names = ["hidden_1", "hidden_2", "dense_output"]
    assert len(axes.patches) == len(names)
    for name, drawn in zip(names, axes.patches, strict=True):
        kernel = cnn.get_layer(name).get_weights()[0].astype("float64")
        expected, edges = np.histogram(kernel, bins=200, range=(-2, 2), density=True)
        np.testing.assert_allclose(drawn.get_data().values, expected, rtol=1e-6)
        np.testing.assert_allclose(drawn.get_data().edges, edges)
    assert tuple(figure.get_size_inches()) == (15, 10)


def test_the_legend_gives_extremes_mean_and_spread(cnn):
    _, axes = cnn.plot_dense_stats()
    kernel = cnn.get_layer("hidden_2").get_weights()[0].astype("float64")
    numbers = f"max {kernel.max():.3g}, min {kernel.min():.3g}, mean {kernel.mean():.3g}, std {kernel.std():.3g}"
    assert legend_texts(axes)[1] == f"hidden_2: {numbers}"


def test_the_title_names_the_folder(cnn, monkeypatch):
    assert cnn.plot_dense_stats()[1].get_title() == "Dense Layers Weight Statistics of ApogeeCNN (not saved)"
    monkeypatch.setattr(cnn, "folder_name", "run_7")
    assert cnn.plot_dense_stats()[1].get_title() == "Dense Layers Weight Statistics of run_7"


def test_weights_outside_the_range_and_broken_ones_are_counted_and_not_drawn():
    kernel = np.array([[0.5, 0.5, -3.0], [np.nan, np.inf, 0.5]])
    _, axes = draw_dense_stats({"a": kernel}, "title")
    density = axes.patches[0].get_data().values
    assert density.sum() * 0.02 == pytest.approx(1.0)  # the bins are 4 / 200 wide
    assert density[125] == pytest.approx(50.0)  # all that is inside lies in the bin of 0.5
    assert legend_texts(axes)[0].endswith("min -3, mean -0.375, std 1.52, 1 outside, 2 not finite")


def test_a_layer_without_a_finite_weight_is_named_and_does_no_harm():
    _, axes = draw_dense_stats({"a": np.full((2, 2), np.nan), "b": np.full(3, 9.0)}, "title")
    assert legend_texts(axes)[0] == "a: no finite weight"
    assert (axes.patches[1].get_data().values == 0).all()


def test_nested_shared_and_variational_layers_are_found_once():
    shared = keras.layers.Dense(3, name="shared")
    inner = keras.Sequential([keras.Input((4,)), keras.layers.Dense(4, name="inner")], name="nested")
    x = keras.Input((4,))
    y = DenseFlipout(2, seed=0, name="flipout")(shared(shared_input := inner(x)) + shared(shared_input))
    kernels = dense_kernels(keras.Model(x, y))
    assert {name: kernel.shape for name, kernel in kernels.items()} == {
        "inner": (4, 4), "shared": (4, 3), "flipout (means)": (3, 2),
    }  # fmt: skip


def test_the_decoder_of_an_autoencoder_counts(untrained):
    net = untrained(ApogeeCVAE())
    net._labels_shape = {"output": 60}
    net.compile()
    assert "decoder_hidden_1" in dense_kernels(net.keras_model)


def test_many_layers_have_a_legend_beside_the_panel():
    kernels = {f"layer_{k}": np.full((2, 2), 0.1 * k) for k in range(15)}
    figure, axes = draw_dense_stats(kernels, "title")
    assert axes.get_legend() is None
    assert len(figure.legends[0].get_texts()) == 15


def test_a_network_without_dense_layers_has_nothing_to_show(untrained):
    net = untrained(SimplePolyNN(), targetname=["a", "b"])
    with pytest.raises(ValueError, match="SimplePolyNN has no dense layer"):
        net.plot_dense_stats()


# Training -----------------------------------------------------------------------------------------


def test_the_history_drawn_is_that_of_the_training(cnn):
    _, panels = cnn.plot_history()
    history = cnn.history.history
    np.testing.assert_allclose(curve(panels[0], "training"), np.stack([[1, 2], history["loss"]], axis=1))
    np.testing.assert_allclose(curve(panels[0], "validation")[:, 1], history["val_loss"])
    assert [panel.get_ylabel().replace("\n", " ") for panel in panels] == [
        "loss", "mean absolute error [normalised]", "mean error [normalised]", "learning rate",
    ]  # fmt: skip
    np.testing.assert_allclose(curve(panels[-1], "learning rate")[:, 1], history["learning_rate"])


def test_a_loaded_network_shows_the_history_of_its_folder(folder, bcnn):
    net = load_folder(folder)
    assert net.history is None
    _, panels = net.plot_history("output_mean_absolute_error")
    expected = bcnn.history.history["val_output_mean_absolute_error"]
    np.testing.assert_allclose(curve(panels[1], "validation")[:, 1], expected)


def test_metrics_are_drawn_in_the_order_asked_for_and_the_loss_and_rate_always():
    history = HISTORY | {"a": np.ones(EPOCHS), "val_a": np.ones(EPOCHS), "b": np.ones(EPOCHS)}
    _, panels = draw_history(history, ["b", "a"])
    assert [panel.get_ylabel() for panel in panels] == ["loss", "b", "a", "learning rate"]
    assert [len(panel.lines) for panel in panels] == [2, 1, 2, 1]
    _, panels = draw_history(history, [])
    assert [panel.get_ylabel() for panel in panels] == ["loss", "learning rate"]
    assert len(draw_history(history, ["loss", "a"])[1]) == 3  # the loss is drawn once
    with pytest.raises(ValueError, match=r"`metrics` \['val_a'\] were not logged"):
        draw_history(history, "val_a")


@pytest.mark.parametrize("n_metrics", [0, 3, 4, 5])
def test_every_metric_has_a_panel_and_the_lowest_ones_the_epochs(n_metrics):
    history = HISTORY | {f"metric_{k}": np.arange(4.0) for k in range(n_metrics)}
    figure, panels = draw_history(history)
    assert len(panels) == len(figure.axes) == 3 + n_metrics
    lowest = [panel for panel in panels if panel.get_xlabel() == "epoch"]
    assert panels[-1] in lowest and len(lowest) <= 2


def test_a_loss_over_decades_is_drawn_by_its_logarithm_and_a_likelihood_is_not():
    falling = HISTORY | {"loss": np.array([900.0, 30.0, 2.0, 0.5])}
    assert draw_history(falling)[1][0].get_yscale() == "log"
    assert draw_history(HISTORY)[1][0].get_yscale() == "linear"
    assert draw_history(HISTORY | {"loss": np.array([900.0, 30.0, 2.0, -0.5])})[1][0].get_yscale() == "linear"


def test_a_history_of_version_one_is_read(cnn, tmp_path, monkeypatch):
    with open(tmp_path / "training_history.csv", "w", newline="") as stream:
        csv.writer(stream).writerows([["epoch", "loss", "lr", "val_loss"], [0, 3.0, 0.1, "nan"], [1, 2.0, 0.1, 4.0]])
    monkeypatch.setattr(cnn, "history", None)
    monkeypatch.setattr(cnn, "fullfilepath", str(tmp_path))
    _, panels = cnn.plot_history()
    np.testing.assert_array_equal(curve(panels[0], "training"), [[1, 3.0], [2, 2.0]])
    np.testing.assert_array_equal(curve(panels[0], "validation"), [[1, np.nan], [2, 4.0]])
    assert len(panels) == 2


@pytest.mark.parametrize(
    "text", ["", "epoch,loss\n0,1\n1\n", "loss,epoch\n1,0\n", "\x00\x01\n"], ids=["empty", "cut", "order", "binary"]
)
def test_a_damaged_history_is_named(cnn, tmp_path, monkeypatch, text):
    (tmp_path / "training_history.csv").write_text(text)
    monkeypatch.setattr(cnn, "history", None)
    monkeypatch.setattr(cnn, "fullfilepath", str(tmp_path))
    with pytest.raises(ValueError, match="training_history.csv can't be read"):
        cnn.plot_history()


def test_a_history_without_epochs_is_refused(cnn, tmp_path, monkeypatch):
    (tmp_path / "training_history.csv").write_text("epoch,loss\n")
    monkeypatch.setattr(cnn, "history", None)
    monkeypatch.setattr(cnn, "fullfilepath", str(tmp_path))
    with pytest.raises(ValueError, match="no epoch"):
        cnn.plot_history()


def test_what_another_callback_logged_as_text_is_left_out(cnn, monkeypatch):
    history = type("History", (), {"history": {"loss": [2.0, 1.0], "remark": ["good", "better"]}})()
    monkeypatch.setattr(cnn, "history", history)
    with pytest.warns(UserWarning, match="`remark`"):
        _, panels = cnn.plot_history()
    assert len(panels) == 1


def test_without_a_history_the_user_is_told_where_it_was_looked_for(cnn, tmp_path, monkeypatch):
    monkeypatch.setattr(cnn, "history", None)
    with pytest.raises(ValueError, match="was not trained in this session: train it"):
        cnn.plot_history()
    monkeypatch.setattr(cnn, "fullfilepath", str(tmp_path))
    with pytest.raises(ValueError, match="holds no training_history.csv"):
        cnn.plot_history()


# Files, settings and pyplot -----------------------------------------------------------------------


def test_a_file_is_written_only_when_asked_for(cnn, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cnn, "fullfilepath", str(tmp_path))
    cnn.plot_dense_stats()
    cnn.plot_history()
    assert not list(tmp_path.iterdir())
    cnn.plot_history(path=tmp_path / "history.png")
    cnn.plot_dense_stats(path=str(tmp_path / "dense.pdf"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dense.pdf", "history.png"]
    assert (tmp_path / "history.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert (tmp_path / "dense.pdf").read_bytes()[:5] == b"%PDF-"


def test_wrong_places_are_refused_before_drawing(cnn, tmp_path):
    with pytest.raises(ValueError, match=r"`path` must end in .png, .pdf, .svg"):
        cnn.plot_history(path=tmp_path / "history.jpeg")
    with pytest.raises(FileNotFoundError, match="missing does not exist"):
        cnn.plot_history(path=tmp_path / "missing" / "history.png")
    assert not list(tmp_path.iterdir())


def test_figures_leave_pyplot_and_the_users_settings_alone(cnn):
    from matplotlib import pyplot

    before = matplotlib.rcParams.copy()
    figures = [cnn.plot_dense_stats()[0], cnn.plot_history()[0]]
    assert all(isinstance(figure, Figure) for figure in figures)
    assert pyplot.get_fignums() == []
    assert matplotlib.rcParams == before


@pytest.mark.slow
def test_drawing_needs_no_screen_whatever_the_backend(run_python, tmp_path):
    script = """
import numpy as np
from astroNN.models.inspection.plots.history import draw_history
from astroNN.shared.plotting import save_figure
figure, panels = draw_history({"loss": np.arange(3.0)})
save_figure(figure, "history.png")
from matplotlib import pyplot  # Keras imports it; it must know of no figure
assert pyplot.get_fignums() == []
"""
    run_python(script, tmp_path, MPLBACKEND="TkAgg", DISPLAY="")
    assert (tmp_path / "history.png").is_file()

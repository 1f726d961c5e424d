"""Labels from tables, and predictions as tables: names, units, order and errors of the columns."""

import json

import numpy as np
import pandas
import pytest
from astropy import units as u
from astropy.table import MaskedColumn, QTable, Table

from astroNN.models import ApogeeBCNN, DeepEnsemble, load_folder
from tests.helpers.ensembles import Heads
from tests.models.conftest import Linear, make_stars, small

STARS = make_stars(64)


def labels_table(**columns):
    table = Table({"teff": STARS.labels[:, 0], "flux": STARS.labels[:, 1]} | columns)
    table["teff"].unit, table["flux"].unit = "K", "mJy"
    return table


def trained(labels=None, network=Linear, **given):
    net = small(network(), max_epochs=1)
    net.fit(STARS.spectra, labels_table() if labels is None else labels, **given)
    return net


@pytest.fixture(scope="module")
def net():
    return trained()


def test_a_table_gives_the_labels_their_names_and_units(net):
    assert net.targetname == ["teff", "flux"]
    assert net.target_units == ["K", "mJy"]


def test_a_table_trains_as_the_array_of_its_columns(net):
    plain = trained(STARS.labels)
    np.testing.assert_array_equal(net.predict(STARS.spectra), plain.predict(STARS.spectra))


@pytest.mark.parametrize(
    "make",
    [
        lambda table: QTable(table),
        lambda table: table.to_pandas(),
        lambda table: table.as_array(),
        lambda table: {"output": table},
    ],
    ids=["QTable", "DataFrame", "structured", "dict"],
)
def test_every_kind_of_table_means_the_same(net, make):
    other = trained(make(labels_table()))
    assert other.targetname == ["teff", "flux"]
    np.testing.assert_array_equal(net.predict(STARS.spectra), other.predict(STARS.spectra))


def test_columns_without_names_name_nothing():
    net = small(Linear(), max_epochs=1, targetname=["teff", "logg"])
    net.fit(STARS.spectra, pandas.DataFrame(STARS.labels))
    assert (net.targetname, net.target_units) == (["teff", "logg"], None)


@pytest.mark.parametrize("form", ["column", "quantity", "series"])
def test_a_single_column_is_a_label_with_a_name(form):
    table = labels_table()
    column = {"column": table["teff"], "quantity": QTable(table)["teff"], "series": table.to_pandas()["teff"]}[form]
    net = trained(column)
    assert net.targetname == ["teff"]
    assert net.target_units == ([None] if form == "series" else ["K"])


def test_masked_entries_are_missing():
    hidden = np.arange(64) % 3 == 0
    masked = trained(labels_table(flux=MaskedColumn(STARS.labels[:, 1], mask=hidden)))
    with_nan = STARS.labels.copy()
    with_nan[hidden, 1] = np.nan
    np.testing.assert_array_equal(masked.predict(STARS.spectra), trained(with_nan).predict(STARS.spectra))


def test_later_tables_are_read_by_name_and_in_their_units(net):
    scores = net.evaluate(STARS.spectra, STARS.labels)
    other = labels_table()[["flux", "teff"]]
    other["flux"] = other["flux"].to("Jy")
    assert net.evaluate(STARS.spectra, other) == pytest.approx(scores, rel=1e-5, abs=1e-5)


def test_a_later_table_with_other_columns_is_refused(net):
    other = labels_table()
    other.rename_column("flux", "logg")
    with pytest.raises(ValueError, match=r"columns \['teff', 'logg'\].* trained on \['teff', 'flux'\]"):
        net.evaluate(STARS.spectra, other)


def test_a_unit_that_does_not_convert_is_refused(net):
    other = labels_table()
    other["teff"].unit = "mas"
    with pytest.raises(u.UnitConversionError, match=r"labels\['teff'\].* 'mas'"):
        net.evaluate(STARS.spectra, other)


def bayesian_prediction(labels, labels_err):
    net = trained(labels, Heads, labels_err=labels_err)  # runs without compilation, unlike an `ApogeeBCNN`
    return net, net.predict(STARS.spectra)


@pytest.fixture(scope="module")
def bayesian():
    """Trained on arrays of labels and of errors that differ from star to star, and the prediction."""
    return bayesian_prediction(STARS.labels, varied_errors())


def test_the_errors_make_a_difference(bayesian):
    _, (pred, _) = bayesian_prediction(STARS.labels, None)
    assert not np.array_equal(pred, bayesian[1][0])


def varied_errors():
    return STARS.labels_err * np.linspace(0.1, 10, 64, dtype="float32")[:, None]


@pytest.mark.parametrize(
    ("names", "apart"),
    [(("teff_err", "flux_err"), True), (("TEFF_ERR", "e_flux"), False), (("teff_error", "flux_e"), False)],
)
def test_errors_are_found_by_the_names_of_their_labels(bayesian, names, apart):
    errors = {name: varied_errors()[:, k].copy() for k, name in enumerate(names)}
    whole = labels_table(**errors)
    labels_err = Table(errors)[list(names)[::-1]] if apart else whole
    _, (pred, pred_std) = bayesian_prediction(whole[["teff", "flux"]], labels_err)
    np.testing.assert_array_equal(pred, bayesian[1][0])
    np.testing.assert_array_equal(pred_std["total"], bayesian[1][1]["total"])


def test_errors_in_columns_called_as_the_labels_and_in_other_units(bayesian):
    errors = Table({"flux": varied_errors()[:, 1] * 1e3, "teff": varied_errors()[:, 0] / 1e3})
    errors["flux"].unit, errors["teff"].unit = "uJy", "kK"
    _, (pred, pred_std) = bayesian_prediction(labels_table(), errors)
    np.testing.assert_allclose(pred, bayesian[1][0], rtol=1e-4)


@pytest.mark.parametrize(
    ("columns", "match"),
    [
        (("teff_err", "logg_err"), "'flux_err'"),
        (("teff_err", "e_teff", "flux_err"), r"\['teff_err', 'e_teff'\]"),
        (("teff", "flux", "snr"), "'teff_err'"),
    ],
    ids=["missing", "twice", "values for errors"],
)
def test_errors_that_can_not_be_told_are_refused(columns, match):
    errors = Table(dict.fromkeys(columns, np.ones(64)))
    with pytest.raises(ValueError, match=match):
        trained(labels_table(), Heads, labels_err=errors)


def test_a_prediction_as_a_table(bayesian):
    net, (pred, pred_std) = bayesian
    net.targetname, net.target_units = ["teff", "flux"], ["K", None]
    table = net.as_table(pred, pred_std)
    parts = ["", "_err", "_err_model", "_err_predictive"]
    assert sorted(table.colnames) == sorted(name + part for name in ("teff", "flux") for part in parts)
    np.testing.assert_array_equal(table["flux"], pred[:, 1])
    np.testing.assert_array_equal(table["teff_err"], pred_std["total"][:, 0])
    np.testing.assert_array_equal(table["teff_err_model"], pred_std["model"][:, 0])
    assert table["teff_err"].unit == u.K
    assert table["flux"].unit is None


def test_units_of_known_labels_need_no_table():
    net = small(Linear(), max_epochs=1, targetname=["teff", "logg"])
    net.fit(STARS.spectra, STARS.labels)
    table = net.as_table(net.predict(STARS.spectra))
    assert [str(table[name].unit) for name in table.colnames] == ["K", "dex"]


def test_the_error_of_a_logarithm_has_no_zero_point():
    net = small(Linear(), targetname=["logg"], target_units=["dex(cm / s2)"])
    table = net.as_table(np.ones((3, 1)), {"total": np.ones((3, 1))})
    assert table["logg"].unit == u.dex(u.cm / u.s**2)
    assert table["logg_err"].unit == u.dex


def test_names_and_units_are_saved(net, tmp_path):
    loaded = load_folder(net.save(tmp_path / "net"))
    table = loaded.as_table(loaded.predict(STARS.spectra))
    assert table.colnames == ["teff", "flux"]
    assert [str(table[name].unit) for name in table.colnames] == ["K", "mJy"]


def test_a_unit_that_is_none_is_refused_in_a_folder(net, tmp_path):
    folder = net.save(tmp_path / "net")
    file = folder / "astroNN_model_parameter.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"target_units": [{"K": 1}, "mJy"]}))
    with pytest.raises(ValueError, match="`target_units` must be a list of units"):
        load_folder(folder)


def test_an_ensemble_takes_and_gives_tables():
    ensemble = DeepEnsemble(small(Linear(), max_epochs=1), n_members=2, verbose=0, seed=1)
    ensemble.fit(STARS.spectra, labels_table())
    table = ensemble.as_table(*ensemble.predict(STARS.spectra))
    assert table.colnames == ["teff", "teff_err", "teff_err_model", "flux", "flux_err", "flux_err_model"]
    assert table["flux_err_model"].unit == u.mJy


def test_classes_of_a_bayesian_classifier():
    net = small(ApogeeBCNN(), task="classification")
    table = net.as_table(np.array([3, 1]), {"total": np.array([0.1, 0.2])})
    assert table.colnames == ["class", "class_err"]
    assert list(table["class"]) == [3, 1]


@pytest.mark.parametrize("pred", [np.ones(4), np.ones((4, 3, 1)), {"output": np.ones((4, 2))}])
def test_what_is_no_prediction_of_labels_makes_no_table(net, pred):
    with pytest.raises(ValueError, match="as_table: `pred` must be an array of shape"):
        net.as_table(pred)


@pytest.mark.parametrize(
    ("labels", "match"),
    [
        (Table({"teff": np.ones((64, 2))}), "arrays of shape"),
        (Table(), "without columns or rows"),
        (pandas.DataFrame({"teff": []}), "without columns or rows"),
        (Table({"teff": ["a"] * 64}), "must hold numbers"),
    ],
)
def test_a_table_that_holds_no_labels(labels, match):
    with pytest.raises((ValueError, TypeError), match=match):
        trained(labels)

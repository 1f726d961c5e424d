import csv

import numpy as np
import pytest

from astroNN.demo.labels import label_style
from astroNN.demo.table import format_table, robust_scatter, score_labels, write_csv

# Five stars with two labels. Errors of the first: -2, -1, 0, 1, 12; of the second: 0.1 for all.
TRUE = np.array([[4000.0, 1.0], [4100.0, 2.0], [4200.0, 3.0], [4300.0, 4.0], [4400.0, 5.0]])
PREDICTED = TRUE + np.array([[-2.0, 0.1], [-1.0, 0.1], [0.0, 0.1], [1.0, 0.1], [12.0, 0.1]])
STD = np.array([[1.5, 0.06], [1.5, 0.2], [1.5, 0.2], [1.5, 0.2], [7.0, 0.2]])
NAMES = ("teff", "logg")


def test_scores_equal_a_computation_by_hand():
    teff, logg = score_labels(TRUE, PREDICTED, STD, NAMES)
    assert (teff.label, teff.unit, teff.n_stars) == ("teff", "K", 5)
    assert teff.bias == 0.0
    assert teff.scatter == pytest.approx(1.4826)  # |error - 0| = 2, 1, 0, 1, 12: the median is 1
    assert teff.predicted_std == 1.5
    assert teff.within_1sigma == pytest.approx(3 / 5)  # -1, 0 and 1, but neither -2 nor 12 of 7
    assert teff.within_2sigma == pytest.approx(5 / 5)  # 2 < 3 and 12 < 14
    assert teff.spread == pytest.approx(np.sqrt(2.0) * 100.0)
    assert logg.bias == pytest.approx(0.1)
    assert logg.scatter == pytest.approx(0.0, abs=1e-12)
    assert (logg.within_1sigma, logg.within_2sigma) == (pytest.approx(4 / 5), pytest.approx(5 / 5))


def test_fractions_and_scatter_of_gaussian_errors_are_those_of_a_gaussian():
    n = 40_000
    rng = np.random.default_rng(1)
    std = rng.uniform(0.5, 2.0, (n, 1))
    (score,) = score_labels(np.zeros((n, 1)), rng.normal(0, std), std, ["Fe"])
    assert abs(score.within_1sigma - 0.6827) < 5 * np.sqrt(0.6827 * 0.3173 / n)
    assert abs(score.within_2sigma - 0.9545) < 5 * np.sqrt(0.9545 * 0.0455 / n)
    # The MAD estimate of a Gaussian's sigma has the standard error 1.17 / sqrt(n).
    assert abs(robust_scatter(rng.normal(3, 2, n)) / 2 - 1) < 5 * 1.17 / np.sqrt(n)


def test_stars_without_a_true_or_predicted_label_are_left_out():
    true, predicted, std = TRUE.copy(), PREDICTED.copy(), STD.copy()
    true[0, 0], predicted[4, 0], std[4, 0] = np.nan, np.nan, np.nan
    teff, logg = score_labels(true, predicted, std, NAMES)
    assert (teff.n_stars, logg.n_stars) == (3, 5)
    assert teff.within_1sigma == 1.0


@pytest.mark.parametrize("broken", [TRUE[:4], TRUE[:, :1], TRUE.ravel()])
def test_arrays_of_different_shapes_are_refused(broken):
    with pytest.raises(ValueError, match=r"\(n_stars, 2 labels\)"):
        score_labels(broken, PREDICTED, STD, NAMES)


def test_a_label_that_no_star_has_is_refused_by_name():
    true = TRUE.copy()
    true[:, 1] = np.nan
    with pytest.raises(ValueError, match="'logg'"):
        score_labels(true, PREDICTED, STD, NAMES)


def test_the_csv_file_gives_the_scores_back(tmp_path):
    scores = score_labels(TRUE, PREDICTED, STD, NAMES)
    write_csv(tmp_path / "results.csv", scores)
    with open(tmp_path / "results.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["label"] for row in rows] == list(NAMES)
    for row, score in zip(rows, scores, strict=True):
        for column in ("spread", "bias", "scatter", "predicted_std", "within_1sigma", "within_2sigma"):
            # six significant digits are written
            assert float(row[column]) == pytest.approx(getattr(score, column), rel=5e-6, abs=1e-12)


def test_the_printed_table_has_a_line_a_label_and_aligned_columns():
    lines = format_table(score_labels(TRUE, PREDICTED, STD, NAMES)).splitlines()
    assert lines[2].split() == ["Teff", "K", "141", "+0.0", "1.5", "1.5", "60.0", "%", "100.0", "%"]
    assert lines[3].split()[:4] == ["log", "g", "dex", "1.41"]
    assert lines[-1].split() == ["Gaussian", "68.3", "%", "95.4", "%"]
    assert len({len(line) for line in lines}) == 1


@pytest.mark.parametrize(
    ("name", "axis"), [("Al", "[Al/H] [dex]"), ("C", "[C/H] [dex]"), ("age", "age"), ("logg", r"$\log\,g$ [dex]")]
)
def test_labels_are_written_with_their_units(name, axis):
    assert label_style(name).axis == axis

"""Classes by thresholds, against the documented table evaluated by hand."""

import subprocess
import sys

import numpy as np
import pytest

from astroNN.gamornet import (
    CLASS_NAMES,
    DOCUMENTED_THRESHOLDS,
    Thresholds,
    class_names,
    classify,
    threshold_curve,
)

pytestmark = pytest.mark.one_backend

DISK, INDETERMINATE, BULGE = 0, 1, 2
# Probabilities, and the classes by hand in the order of RULES.
RULES = [("SDSS", "keras"), ("CANDELS", "keras"), ("SDSS", "tflearn"), ("CANDELS", "tflearn")]
BY_HAND = [
    ((0.90, 0.05, 0.05), (0, 0, 0, 0)),
    ((0.75, 0.15, 0.10), (0, 0, 1, 0)),
    ((0.70, 0.20, 0.10), (0, 0, 1, 0)),  # at the threshold of the first
    ((0.69, 0.21, 0.10), (1, 0, 1, 0)),
    ((0.80, 0.10, 0.10), (0, 0, 0, 0)),  # at that of the third
    ((0.36, 0.30, 0.34), (1, 0, 1, 0)),  # at that of the fourth
    ((0.35, 0.33, 0.32), (1, 0, 1, 1)),  # the largest, but below 0.36
    ((0.40, 0.40, 0.20), (1, 1, 1, 1)),  # as large as another: not the largest
    ((0.40, 0.20, 0.40), (1, 1, 1, 1)),
    ((0.30, 0.50, 0.20), (1, 1, 1, 1)),
    ((0.20, 0.25, 0.55), (1, 1, 1, 2)),  # at the threshold of the fourth
    ((0.20, 0.26, 0.54), (1, 1, 1, 1)),
    ((0.20, 0.20, 0.60), (1, 2, 1, 2)),  # at that of the second
    ((0.10, 0.20, 0.70), (2, 2, 1, 2)),
    ((0.10, 0.10, 0.80), (2, 2, 2, 2)),
    ((0.00, 0.00, 1.00), (2, 2, 2, 2)),
    ((0.00, 1.00, 0.00), (1, 1, 1, 1)),
]
PROBABILITIES = np.array([row for row, _ in BY_HAND])


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
@pytest.mark.parametrize("column", range(4))
def test_the_documented_rules_give_the_classes_found_by_hand(column, dtype):
    survey, flavour = RULES[column]
    # 0.7 of float32 is below 0.7 of float64, and shall reach 0.70 all the same.
    classes = classify(PROBABILITIES.astype(dtype), survey=survey, flavour=flavour)
    np.testing.assert_array_equal(classes, [by_hand[column] for _, by_hand in BY_HAND])
    assert classes.dtype.kind == "i"


def test_three_arrays_are_the_columns():
    columns = tuple(PROBABILITIES.T)
    expected = classify(PROBABILITIES, "SDSS", "keras")
    np.testing.assert_array_equal(classify(columns, "SDSS", "keras"), expected)
    three = tuple(PROBABILITIES[:3].T)  # of three galaxies, too
    np.testing.assert_array_equal(classify(three, "SDSS", "keras"), expected[:3])


def test_one_number_is_the_threshold_of_both_classes():
    classes = classify(PROBABILITIES, thresholds=0.7)
    np.testing.assert_array_equal(classes, classify(PROBABILITIES, "SDSS", "keras"))


def test_thresholds_of_disks_and_bulges_may_differ():
    p = [[0.65, 0.2, 0.15], [0.15, 0.2, 0.65], [0.55, 0.3, 0.15]]
    np.testing.assert_array_equal(classify(p, thresholds=Thresholds(disk=0.6, bulge=0.7)), [0, 1, 1])
    np.testing.assert_array_equal(classify(p, thresholds=Thresholds(disk=0.7, bulge=0.6)), [1, 2, 1])


def test_of_two_classes_above_low_thresholds_the_larger_is_taken_and_of_equal_ones_none():
    p = [[0.45, 0.15, 0.40], [0.40, 0.15, 0.45], [0.45, 0.10, 0.45], [0.35, 0.05, 0.60]]
    np.testing.assert_array_equal(classify(p, thresholds=0.3), [0, 2, 1, 2])
    # The last one reaches the threshold of disks, but not that of bulges.
    np.testing.assert_array_equal(classify(p, thresholds=Thresholds(disk=0.3, bulge=0.9)), [0, 0, 0, 0])


def test_no_galaxies_have_no_classes():
    assert classify(np.empty((0, 3)), thresholds=0.5).shape == (0,)


def test_names_of_classes():
    assert CLASS_NAMES == ("disk-dominated", "indeterminate", "bulge-dominated")
    names = class_names(classify([[0.9, 0.1, 0.0], [0.1, 0.1, 0.8], [0.3, 0.4, 0.3]], "CANDELS", "tflearn"))
    assert names.tolist() == ["disk-dominated", "bulge-dominated", "indeterminate"]
    assert class_names(2) == "bulge-dominated"


def test_the_documented_thresholds_can_be_read():
    assert DOCUMENTED_THRESHOLDS["SDSS", "tflearn"] == Thresholds(disk=0.8, bulge=0.8)
    assert len(DOCUMENTED_THRESHOLDS) == 4


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "`survey` and `flavour` of the weights are both needed"),
        ({"survey": "SDSS"}, "flavour=None"),
        ({"flavour": "keras"}, "survey=None"),
        ({"survey": "SDSS", "flavour": "torch"}, "`flavour` must be one of 'keras', 'tflearn', got 'torch'"),
        ({"survey": "HSC", "flavour": "keras"}, "`survey` must be one of 'SDSS', 'CANDELS', got 'HSC'"),
        ({"survey": "SDSS", "flavour": "keras", "thresholds": 0.7}, "but not both"),
        ({"survey": "SDSS", "thresholds": 0.7}, "but not both"),
        ({"thresholds": 1.1}, "from 0 to 1, got 1.1"),
        ({"thresholds": True}, "from 0 to 1, got True"),
        ({"thresholds": (0.7, 0.6)}, r"Thresholds\(disk=..., bulge=...\)"),
        ({"thresholds": float("nan")}, "got nan"),
    ],
)
def test_wrong_settings_are_explained(settings, message):
    with pytest.raises(ValueError, match=message):
        classify(PROBABILITIES, **settings)


@pytest.mark.parametrize(
    ("probabilities", "message"),
    [
        ([0.1, 0.2, 0.7], r"shape \(n, 3\).*got shape \(3,\)"),
        (np.full((4, 2), 0.5), r"got shape \(4, 2\)"),
        (list(PROBABILITIES.T), "must be given as a tuple"),
        ((np.ones(3), np.ones(4), np.ones(3)), "three arrays of one length"),
        ((np.ones(3), np.ones(3)), "three arrays of one length"),
        ([["0.1", "0.2", "0.7"]], "numbers"),
        ([[0.2, 0.2, 0.6], [np.nan, 0.5, 0.5]], "are NaN in 1 rows .the first is 1"),
        ([[0.2, 0.2, 0.6], [0.2, 0.2, 0.2]], "sum to 1 in every row; row 1"),
        ([[1.2, -0.2, 0.0]], "row 0"),
        ([[np.inf, 0.0, 0.0]], "row 0"),
    ],
)
def test_wrong_probabilities_are_explained(probabilities, message):
    with pytest.raises(ValueError, match=message):
        classify(probabilities, survey="SDSS", flavour="keras")


@pytest.mark.parametrize("wrong", [{"disk": -0.1}, {"bulge": 2}, {"disk": "0.7"}])
def test_thresholds_must_be_probabilities(wrong):
    with pytest.raises(ValueError, match=f"Thresholds: `{next(iter(wrong))}`"):
        Thresholds(**({"disk": 0.5, "bulge": 0.5} | wrong))
    with pytest.raises(TypeError, match="disk_is_largest"):
        Thresholds(0.5, 0.5, disk_is_largest=0.5)


@pytest.mark.parametrize("wrong", [3, -1, 0.5, "disk", [0, 1, 7]])
def test_numbers_that_no_class_has(wrong):
    with pytest.raises(ValueError, match="class_names: `numbers` must be 0"):
        class_names(wrong)


# --- threshold_curve -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def predictions():
    """Probabilities of 400 galaxies, in float32, with ties and values that are thresholds; and their true classes."""
    rng = np.random.default_rng(4)
    p = rng.dirichlet([0.6, 0.4, 0.6], 400).round(2)
    p[:, 1] = np.maximum(1 - p[:, 0] - p[:, 2], 0)
    p[:5] = [0.5, 0.0, 0.5]
    return p.astype("float32"), rng.choice(3, 400, p=[0.5, 0.1, 0.4])


def test_a_curve_is_what_classify_gives_threshold_by_threshold(predictions):
    p, truth = predictions
    curve = threshold_curve(p, truth)
    assert curve.n_galaxies == 400 and len(curve.thresholds) == 66
    for k, threshold in enumerate(curve.thresholds):
        classes = classify(p, thresholds=float(threshold))
        for accuracy, called in (
            (curve.accuracy, classes != INDETERMINATE),
            (curve.disk_accuracy, classes == DISK),
            (curve.bulge_accuracy, classes == BULGE),
        ):
            np.testing.assert_allclose(accuracy[k], (truth == classes)[called].mean(), rtol=1e-12)
        np.testing.assert_allclose(curve.completeness[k], (classes != INDETERMINATE).mean(), rtol=1e-12)


def test_labels_may_be_one_hot_and_probabilities_three_arrays(predictions):
    p, truth = predictions
    first, second = threshold_curve(p, truth), threshold_curve(tuple(p.T), np.eye(3)[truth])
    np.testing.assert_array_equal(first.accuracy, second.accuracy)


def test_completeness_falls_and_where_none_is_classified_accuracy_is_nan():
    curve = threshold_curve([[0.6, 0.2, 0.2], [0.1, 0.1, 0.8]], [0, 2], thresholds=[0.4, 0.7, 0.9])
    np.testing.assert_array_equal(curve.completeness, [1.0, 0.5, 0.0])
    np.testing.assert_array_equal(curve.accuracy, [1.0, 1.0, np.nan])
    np.testing.assert_array_equal(curve.disk_accuracy, [1.0, np.nan, np.nan])


def test_one_threshold_is_a_curve_of_one_point(predictions):
    assert threshold_curve(*predictions, thresholds=0.7).accuracy.shape == (1,)


def test_a_truly_indeterminate_galaxy_called_a_disk_is_wrong():
    assert threshold_curve([[0.9, 0.05, 0.05]] * 2, [0, 1], thresholds=[0.5]).accuracy == [0.5]


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0, 1, 3], "must be 0 .disk."),
        ([0, 1, np.nan], "must be 0 .disk."),
        (np.full((3, 3), 1 / 3), "single 1 a row"),
        (np.ones((3, 2)), "one-hot"),
        ([0, 1], "row counts are `probabilities` 3, `labels` 2"),
    ],
)
def test_wrong_labels_are_explained(labels, message):
    with pytest.raises(ValueError, match=message):
        threshold_curve(PROBABILITIES[:3], labels)


def test_wrong_thresholds_and_empty_data_are_explained():
    with pytest.raises(ValueError, match="threshold_curve: `thresholds` must be a probability"):
        threshold_curve(PROBABILITIES[:2], [0, 1], thresholds=[0.5, 1.5])
    with pytest.raises(ValueError, match="at least one galaxy"):
        threshold_curve(np.empty((0, 3)), np.empty(0))


def test_the_figure_shows_the_curve_and_is_written_on_request(predictions, tmp_path):
    curve = threshold_curve(*predictions)
    figure, axes = curve.plot(tmp_path / "curve.png")
    assert (tmp_path / "curve.png").stat().st_size > 1000
    drawn = {line.get_label(): line.get_ydata() for line in axes[0].lines}
    np.testing.assert_array_equal(drawn["accuracy"], curve.accuracy)
    np.testing.assert_array_equal(drawn["completeness"], curve.completeness)
    np.testing.assert_array_equal(axes[1].lines[0].get_xdata(), curve.completeness)
    with pytest.raises(ValueError, match="must end in"):
        curve.plot("curve.jpeg")


def test_classes_need_no_network_library():
    code = "import sys; from astroNN.gamornet import classify; print({'keras', 'tensorflow'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_the_answer_of_a_bayesian_network_is_told_from_probabilities():
    with pytest.raises(TypeError, match=r"predict_probabilities\(images\)\[0\]"):
        classify((np.array([0, 2]), {"total": np.zeros(2)}), thresholds=0.5)

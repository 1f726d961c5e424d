"""The mirrors of losses and activations for numpy, against scipy, scikit-learn, plain Python and hand computation."""

import statistics
import warnings

import numpy as np
import pytest
from astropy import units
from astropy.utils.masked import Masked
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import special, stats
from sklearn import metrics

from astroNN.nn import numpy as mirrors

pytestmark = pytest.mark.one_backend

MAGIC = -9999.0
# Element by element in plain Python: x is the prediction, y the truth.
ELEMENTS = {
    "absolute": lambda x, y: abs(x - y),
    "plain": lambda x, y: y - x,
    "squared": lambda x, y: (x - y) ** 2,
    "absolute_percentage": lambda x, y: 100 * abs((x - y) / y),
    "percentage": lambda x, y: 100 * (y - x) / y,
    "mad_std": lambda x, y: 1.4826 * abs(x - y),
}
ERRORS = {
    "mean_absolute_error": ("absolute", statistics.fmean),
    "median_absolute_error": ("absolute", statistics.median),
    "median_absolute_deviation": ("absolute", statistics.median),
    "mean_error": ("plain", statistics.fmean),
    "median_error": ("plain", statistics.median),
    "mean_squared_error": ("squared", statistics.fmean),
    "mean_absolute_percentage_error": ("absolute_percentage", statistics.fmean),
    "median_absolute_percentage_error": ("absolute_percentage", statistics.median),
    "mean_percentage_error": ("percentage", statistics.fmean),
    "median_percentage_error": ("percentage", statistics.median),
    "mad_std": ("mad_std", statistics.median),
}
PERCENTAGES = [name for name in ERRORS if "percentage" in name]

present = st.floats(0.5, 2e3).map(lambda value: round(value, 3))
gap = st.sampled_from([MAGIC, float("nan")])
cases = st.lists(st.tuples(st.one_of(present, gap), st.one_of(present, gap)), min_size=1, max_size=30)


def function(name):
    return getattr(mirrors, name)


def is_gap(value):
    return value == MAGIC or value != value


def truth(name, pairs):
    """What the mirror must give for a list of (prediction, truth)."""
    element, reduce = ERRORS[name]
    errors = [ELEMENTS[element](x, y) for x, y in pairs if not (is_gap(x) or is_gap(y))]
    return reduce(errors) if errors else float("nan")


@pytest.mark.parametrize("name", ERRORS)
@settings(max_examples=60, deadline=None)
@given(pairs=cases)
def test_an_error_is_what_plain_python_gives_for_the_pairs_that_are_present(name, pairs):
    x, y = (list(column) for column in zip(*pairs, strict=True))
    # Rounding of float64 in differences of numbers up to 2000, squared or divided by 0.5 at least.
    np.testing.assert_allclose(function(name)(x, y), truth(name, pairs), rtol=1e-12, atol=1e-10)


@pytest.mark.parametrize("name", ERRORS)
@settings(max_examples=20, deadline=None)
@given(
    x=hnp.arrays("float64", (4, 6), elements=present),
    holes=hnp.arrays(bool, (4, 6)),
    axis=st.sampled_from([0, 1, -1]),
)
def test_along_an_axis_every_line_stands_alone(name, x, holes, axis):
    y = np.where(holes, np.nan, x[::-1] + 1.0)
    result = function(name)(x, y, axis=axis)
    lines = zip(np.moveaxis(x, axis, -1), np.moveaxis(y, axis, -1), strict=True)
    expected = [truth(name, list(zip(*line, strict=True))) for line in lines]
    np.testing.assert_allclose(result, expected, rtol=1e-12, atol=1e-10)


def test_the_metrics_are_those_of_scikit_learn_and_scipy_when_nothing_is_missing():
    rng = np.random.default_rng(0)
    y, x = rng.uniform(1, 5, 101), rng.uniform(1, 5, 101)
    np.testing.assert_allclose(mirrors.mean_absolute_error(x, y), metrics.mean_absolute_error(y, x))
    np.testing.assert_allclose(mirrors.median_absolute_error(x, y), metrics.median_absolute_error(y, x))
    np.testing.assert_allclose(mirrors.mean_squared_error(x, y), metrics.mean_squared_error(y, x))
    percentage = 100 * metrics.mean_absolute_percentage_error(y, x)
    np.testing.assert_allclose(mirrors.mean_absolute_percentage_error(x, y), percentage)
    about_zero = stats.median_abs_deviation(x - y, center=lambda values, axis: 0.0, scale=1 / 1.4826)
    np.testing.assert_allclose(mirrors.mad_std(x, y), about_zero)


def test_the_bias_has_the_sign_of_truth_minus_prediction():
    assert mirrors.mean_error([1.0], [3.0]) == mirrors.median_error([1.0], [3.0]) == 2.0
    assert mirrors.mean_percentage_error([1.0], [4.0]) == mirrors.median_percentage_error([1.0], [4.0]) == 75.0


def test_the_short_names_are_those_of_the_losses():
    pairs = {
        "mse": "mean_squared_error",
        "mae": "mean_absolute_error",
        "mape": "mean_absolute_percentage_error",
        "me": "mean_error",
        "mpe": "mean_percentage_error",
        "mad": "median_absolute_deviation",
    }
    for short, name in pairs.items():
        assert function(short) is function(name)


@pytest.mark.parametrize("core", ["mae_core", "mape_core"])
def test_the_cores_take_the_mode_and_refuse_an_unknown_one(core):
    x, y = [1.0, 2.0, 9.0], [2.0, 4.0, 3.0]
    kind = {"mae_core": "absolute", "mape_core": "absolute_percentage"}[core]
    errors = [ELEMENTS[kind](a, b) for a, b in zip(x, y, strict=True)]
    np.testing.assert_allclose(function(core)(x, y, None, "mean"), np.mean(errors))
    np.testing.assert_allclose(function(core)(x, y, None, "median"), np.median(errors))
    with pytest.raises(ValueError, match="`mode` must be one of 'mean', 'median', got 'max'"):
        function(core)(x, y, None, "max")


@pytest.mark.parametrize("name", ERRORS)
def test_nothing_present_gives_nan_without_a_warning(name):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isnan(function(name)([MAGIC, 1.0], [1.0, np.nan]))
        np.testing.assert_array_equal(
            np.isnan(function(name)([[1.0, 2.0], [MAGIC] * 2], np.ones((2, 2)), axis=1)), [0, 1]
        )


@pytest.mark.parametrize("name", PERCENTAGES)
def test_a_truth_of_zero_is_an_infinite_percentage_unless_it_was_predicted(name):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isinf(function(name)([1.0, 0.5], [0.0, 0.0]))
        assert function(name)([0.0, 0.0], [0.0, 0.0]) == 0.0


@pytest.mark.parametrize("name", PERCENTAGES)
def test_percentages_of_distances_do_not_depend_on_the_units(name):
    x, y = np.array([1.0, 2.0, 5.0, 7.0]), np.array([2.0, 2.5, 4.0, MAGIC])
    expected = function(name)(x, y)
    in_parsecs = np.where(y == MAGIC, MAGIC, y * 1000) * units.pc
    np.testing.assert_allclose(function(name)(x * units.kpc, in_parsecs), expected)
    np.testing.assert_allclose(function(name)(x * units.Gpc, y * units.Gpc), expected)
    assert not isinstance(function(name)(x * units.kpc, in_parsecs), units.Quantity)


@pytest.mark.parametrize("name", [name for name in ERRORS if name not in PERCENTAGES])
def test_errors_of_distances_are_numbers_in_the_unit_of_the_prediction(name):
    x, y = np.array([1.0, 2.0, 5.0, MAGIC]), np.array([2.0, 2.5, MAGIC, 4.0])
    in_parsecs = np.where(y == MAGIC, MAGIC, y * 1000) * units.pc
    result = function(name)(x * units.kpc, in_parsecs)
    np.testing.assert_allclose(result, function(name)(x, y))
    assert not isinstance(result, units.Quantity)


@pytest.mark.parametrize("name", [*ERRORS, "kl_divergence"])
def test_one_quantity_alone_is_refused(name):
    x = np.array([0.5, 0.5])
    with pytest.raises(TypeError, match="`x` has the unit 'kpc' and `y` has none: give both"):
        function(name)(x * units.kpc, x)
    with pytest.raises(TypeError, match="`y` has the unit 'kpc' and `x` has none"):
        function(name)(x, x * units.kpc)


@pytest.mark.parametrize("name", ERRORS)
def test_units_of_another_kind_are_refused_with_both_named(name):
    with pytest.raises(units.UnitConversionError, match="`y` has the unit 's'.*the unit 'kpc' of `x`"):
        function(name)([1.0] * units.kpc, [1.0] * units.s)


@pytest.mark.parametrize("name", ["sigmoid", "sigmoid_inv", "relu", "l1", "l2"])
def test_functions_of_one_argument_take_numbers_only_and_resolve_per_cent(name):
    np.testing.assert_array_equal(function(name)([50.0] * units.percent), function(name)([0.5]))
    with pytest.raises(units.UnitConversionError, match="`x` has the unit 'kpc'.*a number without unit"):
        function(name)([0.5] * units.kpc)


@pytest.mark.parametrize("name", [*ERRORS, "kl_divergence"])
def test_shapes_that_differ_are_refused_rather_than_broadcast(name):
    with pytest.raises(ValueError, match=r"\(3, 1\) and \(3,\)"):
        function(name)(np.ones((3, 1)), np.ones(3))


def test_a_single_truth_serves_all_predictions():
    assert mirrors.mean_absolute_error([1.0, MAGIC, 4.0], 2.0) == 1.5


@pytest.mark.parametrize("bad", [["a"], [[1.0], [1.0, 2.0]], [1j]])
def test_what_are_no_real_numbers_is_refused(bad):
    with pytest.raises(TypeError, match="`x`"):
        mirrors.mean_absolute_error(bad, [1.0])


def test_masks_of_numpy_and_astropy_mark_gaps():
    hidden = np.ma.array([1.0, 1e6, 3.0], mask=[False, True, False])
    assert mirrors.mean_absolute_error(hidden, [2.0, 2.0, 2.0]) == 1.0
    distances = Masked([1.0, 1e6, 3.0] * units.kpc, mask=[False, True, False])
    assert mirrors.mean_absolute_error(distances, [2e3, 2e3, 2e3] * units.pc) == 1.0
    np.testing.assert_array_equal(mirrors.mask_magicnum(hidden), [False, True, False])


@pytest.mark.parametrize("dtype", ["float16", "float32", "int32"])
def test_the_magic_number_is_known_in_every_dtype(dtype):
    x = np.array([1, MAGIC, 2]).astype(dtype)
    np.testing.assert_array_equal(mirrors.mask_magicnum(x), [False, True, False])
    assert mirrors.mean_absolute_error(x, [2.0, 2.0, 2.0]) == 0.5


def test_what_is_given_is_not_changed():
    x = np.array([0.2, np.nan, MAGIC])
    x.setflags(write=False)
    for name in ("sigmoid", "sigmoid_inv", "relu", "l1", "l2"):
        function(name)(x)
    mirrors.kl_divergence(x, x)
    mirrors.mean_absolute_error(x, x)


@settings(max_examples=100, deadline=None)
@given(x=hnp.arrays("float64", hnp.array_shapes(max_dims=3, max_side=5), elements=st.floats(-1e5, 1e5)))
def test_the_sigmoid_is_that_of_scipy_for_any_size_and_never_overflows(x):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = mirrors.sigmoid(x)
    kept = ~np.ma.getmaskarray(result)
    np.testing.assert_array_equal(kept, x != MAGIC)
    np.testing.assert_allclose(result.data[kept], special.expit(x[kept]), rtol=4 * np.finfo(float).eps, atol=1e-320)


@settings(max_examples=100, deadline=None)
@given(p=hnp.arrays("float64", 5, elements=st.floats(0, 1, allow_subnormal=False)))
def test_the_inverse_sigmoid_is_the_logit_of_scipy(p):
    np.testing.assert_allclose(mirrors.sigmoid_inv(p).data, special.logit(p), rtol=1e-13, atol=1e-15)


def test_the_inverse_undoes_the_sigmoid():
    x = np.linspace(-30, 10, 9)
    np.testing.assert_allclose(mirrors.sigmoid_inv(mirrors.sigmoid(x)), x, rtol=1e-11)


@pytest.mark.parametrize("p", [-0.1, 1.1, np.inf])
def test_the_inverse_sigmoid_refuses_what_no_sigmoid_gives(p):
    with pytest.raises(ValueError, match="must lie between 0 and 1"):
        mirrors.sigmoid_inv([0.5, p])


@pytest.mark.parametrize("name", ["sigmoid", "sigmoid_inv", "relu"])
def test_gaps_come_out_masked_and_filled_with_the_magic_number(name):
    result = function(name)([0.5, MAGIC, np.nan])
    np.testing.assert_array_equal(np.ma.getmaskarray(result), [False, True, True])
    np.testing.assert_array_equal(result.filled()[1:], MAGIC)


def test_relu_takes_lists_and_infinities():
    np.testing.assert_array_equal(mirrors.relu([[-np.inf, -1.0], [2.0, np.inf]]), [[0.0, 0.0], [2.0, np.inf]])


@settings(max_examples=50, deadline=None)
@given(x=st.lists(st.one_of(st.floats(-1e3, 1e3), gap)), strength=st.floats(0, 10))
def test_penalties_sum_over_what_is_present(x, strength):
    kept = [value for value in x if not is_gap(value)]
    np.testing.assert_allclose(mirrors.l1(x, l1=strength), strength * sum(map(abs, kept)), rtol=1e-12, atol=1e-300)
    np.testing.assert_allclose(
        mirrors.l2(x, l2=strength), strength * sum(v * v for v in kept), rtol=1e-12, atol=1e-300
    )


def test_penalties_are_off_unless_asked_for():
    assert mirrors.l1([3.0]) == mirrors.l2([3.0]) == 0.0


@settings(max_examples=50, deadline=None)
@given(weights=hnp.arrays("float64", (2, 3, 4), elements=st.floats(0.01, 1)))
def test_the_divergence_of_distributions_is_that_of_scipy(weights):
    x, y = weights / weights.sum(-1, keepdims=True)
    np.testing.assert_allclose(mirrors.kl_divergence(x, y), stats.entropy(x, y, axis=-1), rtol=1e-9, atol=1e-14)


def test_a_missing_class_adds_nothing_and_zero_probabilities_stay_finite():
    both = mirrors.kl_divergence([0.2, 0.3, 0.5], [0.1, 0.4, 0.5])
    assert mirrors.kl_divergence([0.2, 0.3, MAGIC, 0.5], [0.1, 0.4, 0.3, 0.5]) == both
    np.testing.assert_allclose(mirrors.kl_divergence([1.0, 0.0], [0.0, 1.0]), 10 * np.log(10) * (1 - 1e-10))
    rows = mirrors.kl_divergence([[0.5, 0.5], [MAGIC] * 2], [[0.25, 0.75], [0.5] * 2])
    np.testing.assert_allclose(rows, [0.5 * np.log(2) + 0.5 * np.log(2 / 3), np.nan])


def test_the_divergence_needs_distributions_without_units():
    half = [50.0, 50.0] * units.percent
    assert mirrors.kl_divergence(half, half) == 0.0
    with pytest.raises(units.UnitConversionError, match="a number without unit"):
        mirrors.kl_divergence([0.5, 0.5] * units.kpc, [0.5, 0.5] * units.kpc)


def test_a_list_of_quantities_is_a_quantity():
    x, y = [1 * units.kpc, 3 * units.kpc], [2000 * units.pc, 3 * units.kpc]
    assert mirrors.mean_absolute_error(x, y) == 0.5
    assert mirrors.mean_absolute_error([x, x], [y, y]) == 0.5
    assert mirrors.mean_absolute_error(tuple(x), 2 * units.kpc) == 1.0
    assert mirrors.mean_absolute_percentage_error(x, y) == 25.0
    np.testing.assert_array_equal(mirrors.relu([50 * units.percent, 0.25 * units.one]), [0.5, 0.25])
    assert mirrors.kl_divergence([50 * units.percent] * 2, [0.5 * units.one] * 2) == 0.0


@pytest.mark.parametrize("gap", [MAGIC, np.nan])
def test_a_gap_in_a_list_of_quantities_is_found_before_units_are_converted(gap):
    x = [1 * units.kpc, gap * units.pc, Masked(5.0 * units.pc, mask=True)]
    assert mirrors.mean_absolute_error(x, [2 * units.kpc] * 3) == 1.0
    np.testing.assert_array_equal(mirrors.mask_magicnum(x), [False, True, True])


def test_lists_of_unlike_things_are_refused():
    with pytest.raises(TypeError, match="`y` mixes quantities and numbers"):
        mirrors.mean_absolute_error([1 * units.pc, 2 * units.pc], [1 * units.pc, 2.0])
    with pytest.raises(units.UnitConversionError, match="`x` has the unit 's'.*'pc' of its first element"):
        mirrors.mean_absolute_error([1 * units.pc, 2 * units.s], [1 * units.pc] * 2)
    with pytest.raises(TypeError, match="`y` has none"):
        mirrors.mean_absolute_error([1 * units.pc, 2 * units.pc], [1.0, 2.0])
    with pytest.raises(TypeError, match="rows must be of one length"):
        mirrors.mean_absolute_error([[1, 2] * units.pc, [1] * units.pc], [1.0] * units.pc)


def test_the_module_does_not_hide_numpy_itself():
    assert np.__name__ == "numpy" and mirrors.__name__ == "astroNN.nn.numpy"

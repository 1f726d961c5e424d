"""Monte Carlo passes as accelerators run them: many at once, in half precision, from pieces of a set."""

import keras
import numpy as np
import pytest
from keras import layers

from astroNN.nn.layers import DenseFlipout, MCDropout, MonteCarloEngine, mc_inference
from tests.nn.test_mc_inference import branched_model, linear_model, small_bcnn

HALF = ["bfloat16", "float16"]


def spectra(n_stars=70, seed=2):
    return np.random.default_rng(seed).normal(size=(n_stars, 200, 1)).astype("float32")


@pytest.fixture
def memory(monkeypatch):
    """Makes the engine believe in an accelerator with so many free bytes."""

    def believe(n_bytes):
        monkeypatch.setattr(mc_inference, "accelerator_memory", lambda: n_bytes)

    return believe


@pytest.mark.parametrize("sampling", ["exact", "per_star", "fast"])
@pytest.mark.parametrize("n_bytes", [10**9, 8 * 10**6], ids=["all at once", "in groups"])
def test_passes_side_by_side_give_the_moments_of_one_after_the_other(memory, sampling, n_bytes):
    model, x = small_bcnn(), spectra()
    one_by_one = MonteCarloEngine(model, mc_num=23, seed=3, sampling=sampling).predict(x)
    memory(n_bytes)
    engine = MonteCarloEngine(model, mc_num=23, seed=3, sampling=sampling)
    if sampling == "exact":
        assert len(list(engine._sampler._groups())) == (1 if n_bytes == 10**9 else 4)
    for name, (mean, variance) in engine.predict(x).items():
        np.testing.assert_allclose(mean, one_by_one[name][0], atol=2e-6)
        np.testing.assert_allclose(variance, one_by_one[name][1], rtol=2e-4, atol=1e-8)


def test_draws_keep_their_order_when_passes_run_together(memory):
    model, x = small_bcnn(), spectra()
    one_by_one = MonteCarloEngine(model, mc_num=11, seed=3).draws(x)
    memory(8 * 10**6)
    together = MonteCarloEngine(model, mc_num=11, seed=3).draws(x)
    for name, draws in together.items():
        np.testing.assert_allclose(draws, one_by_one[name], atol=2e-6)


def test_branches_and_shared_axes_of_noise_run_together(memory):
    x = {"a": np.ones((70, 12), "float32"), "b": np.ones((70, 5), "float32")}
    inputs = keras.Input((6, 4))
    rows = MCDropout(0.3, noise_shape=(1, None, 1))(inputs)  # noise without an axis for stars
    columns = MCDropout(0.3, noise_shape=(None, 1, None))(rows)
    shared = keras.Model(inputs, layers.Dense(2, name="label")(layers.Flatten()(columns)))
    for model, data in ((branched_model(), x), (shared, np.ones((70, 6, 4), "float32"))):
        for sampling in ("exact", "per_star"):
            memory(None)
            expected = MonteCarloEngine(model, mc_num=9, sampling=sampling).predict(data)
            memory(10**9)
            found = MonteCarloEngine(model, mc_num=9, sampling=sampling).predict(data)
            for name, moments in expected.items():
                np.testing.assert_allclose(found[name], moments, atol=2e-6)


def test_noise_of_weights_is_one_draw_a_pass_whatever_the_memory(memory):
    inputs = keras.Input((5,))
    model = keras.Model(inputs, DenseFlipout(2, name="label")(inputs))
    memory(10**9)
    engine = MonteCarloEngine(model, mc_num=6)
    assert {len(numbers) for numbers in engine._sampler._groups()} == {1}


@pytest.mark.parametrize("sampling", ["exact", "fast"])
def test_a_set_in_pieces_has_the_numbers_of_the_whole(sampling):
    engine, x = MonteCarloEngine(small_bcnn(), mc_num=8, sampling=sampling), spectra(200)
    whole, done = engine.predict(x, first_star=64), []
    pieces = engine.predict_pieces(
        (x[start : start + 128] for start in (0, 128)), first_star=64, progress=done.append
    )
    for name, moments in whole.items():
        np.testing.assert_array_equal(pieces[name], moments)
    assert done == [64, 128, 192, 200]


def test_a_piece_that_breaks_the_blocks_is_refused():
    with pytest.raises(ValueError, match="multiple of 64"):
        MonteCarloEngine(small_bcnn(), mc_num=2).predict_pieces([spectra(70), spectra(70)])


@pytest.mark.parametrize("precision", HALF)
@pytest.mark.parametrize("sampling", ["exact", "fast"])
def test_half_precision_rounds_the_answers_and_no_more(precision, sampling):
    model, x = small_bcnn(), spectra(128)
    full = MonteCarloEngine(model, mc_num=100, sampling=sampling).predict(x)
    half = MonteCarloEngine(model, mc_num=100, sampling=sampling, precision=precision).predict(x)
    for name, (mean, variance) in full.items():
        assert half[name][0].dtype == half[name][1].dtype == np.float32
        assert not np.array_equal(half[name][0], mean)
        # The masks are the same: what differs is rounding, to 2^-8 (2^-11 in float16) of what adds up.
        scale = np.sqrt(variance + mean**2).mean()
        assert np.abs(half[name][0] - mean).max() < 0.02 * scale
        assert 0.97 < np.median(np.sqrt(half[name][1] / variance)) < 1.03


@pytest.mark.parametrize("precision", HALF)
def test_half_precision_leaves_the_network_alone_and_sees_later_training(precision):
    model, x = small_bcnn(), spectra(64)
    engine = MonteCarloEngine(model, mc_num=20, precision=precision)
    before = engine.predict(x)["output"][0]
    assert {weight.dtype for weight in model.weights} == {"float32"}
    assert {layer.compute_dtype for layer in model.layers} == {"float32"}
    kernel, bias = model.get_layer("output").get_weights()
    model.get_layer("output").set_weights([kernel, bias + 1.0])  # kept in float32
    np.testing.assert_allclose(engine.predict(x)["output"][0], before + 1.0, atol=1e-5)
    for layer in model.layers:
        layer.set_weights([0.0 * weight for weight in layer.get_weights()])  # copied into half precision, too
    np.testing.assert_array_equal(engine.predict(x)["output"][0], 0.0)


def test_what_runs_once_and_the_heads_stay_in_float32():
    engine = MonteCarloEngine(small_bcnn(), mc_num=2, precision="bfloat16")
    weighted = [step.operation for step in engine._graph.steps if getattr(step.operation, "weights", None)]
    types = {layer.name: layer.compute_dtype for layer in weighted}
    assert types.pop("output") == types.pop("variance_output") == "float32"
    first, *others = types.values()
    assert first == "float32"
    assert set(others) == {"bfloat16"}


def test_sums_of_many_passes_are_not_taken_in_half_precision():
    # Dropout of ones with a kernel of ones: mean 40, far coarser in bfloat16 (0.25) than the error of 1,000 passes.
    model = linear_model()
    model.layers[-1].set_weights([np.ones((40, 3), "float32"), np.zeros(3, "float32")])
    mean, variance = MonteCarloEngine(model, mc_num=1000, precision="bfloat16").predict(np.ones((64, 40)))["label"]
    assert np.abs(mean / 40 - 1).max() < 6 * np.sqrt(0.3 / 0.7 / 40 / 1000) + 2**-9
    assert np.abs(variance / (40 * 0.3 / 0.7) - 1).max() < 0.3


def test_an_unknown_precision_is_named():
    with pytest.raises(ValueError, match="`precision` must be one of .*'bfloat16'.*got 'half'"):
        MonteCarloEngine(linear_model(), precision="half")

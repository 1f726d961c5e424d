import numpy as np
import pytest
from keras import ops

from astroNN.nn.layers import MCSpatialDropout1D, MCSpatialDropout2D


@pytest.mark.parametrize(("make", "shape"), [(MCSpatialDropout1D, (50, 9)), (MCSpatialDropout2D, (7, 5, 9))])
def test_a_channel_is_dropped_as_a_whole_by_each_star_for_itself(make, shape):
    out = ops.convert_to_numpy(make(0.5, seed=1)(np.ones((40, *shape), "float32")))
    channels = out.reshape(40, -1, 9)
    assert (channels == channels[:, :1]).all()
    assert set(np.unique(out)) == {0.0, 2.0}
    assert (channels[0, 0] != channels[1, 0]).any()


@pytest.mark.parametrize(("make", "wrong"), [(MCSpatialDropout1D, (2, 5)), (MCSpatialDropout2D, (2, 5, 3))])
def test_inputs_of_another_rank_are_refused_with_the_axes_needed(make, wrong):
    with pytest.raises(ValueError, match=f"{make.__name__}.*n_channels.*{wrong[0]}, {wrong[1]}"):
        make(0.5)(np.ones(wrong, "float32"))
    built = make(0.5)
    built(np.ones((2, 5, 3, 4)[: len(built.axes)], "float32"))
    with pytest.raises(ValueError, match="must have the axes"):
        built(np.ones(wrong, "float32"))


@pytest.mark.parametrize("make", [MCSpatialDropout1D, MCSpatialDropout2D])
def test_the_config_of_old_versions_with_a_noise_shape_is_read(make):
    layer = make.from_config({"rate": 0.2, "noise_shape": None, "name": "drop"})
    assert (layer.rate, layer.name, layer.disable) == (0.2, "drop", False)


@pytest.mark.parametrize("make", [MCSpatialDropout1D, MCSpatialDropout2D])
def test_the_engine_is_told_that_elements_share_their_noise(make):
    assert not make(0.2).independent_elements
    shape = (1, 4, 6, 3)[: len(make(0.2).axes) - 1]
    assert make(0.2).noise_shape_for((64, *shape[1:], 8)) == (64, *[1] * (len(shape) - 1), 8)

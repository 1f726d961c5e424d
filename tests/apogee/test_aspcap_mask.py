import numpy as np
import pytest

from astroNN.apogee import aspcap_mask
from astroNN.apogee._aspcap_mask import ASPCAP_ELEMENTS


def test_windows_equal_the_published_ones(shared_data):
    with np.load(shared_data / "apogee_masks_7514.npz") as published:
        names, windows = published["aspcap_elements_dr14"].tolist(), published["aspcap_windows_dr14"]
    assert set(names) == set(ASPCAP_ELEMENTS)
    for name, window in zip(names, windows, strict=True):
        if window.any():
            np.testing.assert_array_equal(aspcap_mask(name, dr=14), window, err_msg=name)


@pytest.mark.parametrize(("name", "other"), [("CI", "c1"), ("TiII", "TI2"), ("Mg", "mg"), ("Ti", "TI")])
def test_names_go_by_any_case_and_by_their_other_spelling(name, other):
    np.testing.assert_array_equal(aspcap_mask(name, dr=17), aspcap_mask(other, dr=17))


def test_the_window_of_cerium_is_empty_and_says_so():
    with pytest.warns(UserWarning, match="Ce has no window"):
        assert not aspcap_mask("Ce", dr=14).any()


@pytest.mark.parametrize("wrong", ["He", "", 26])
def test_an_unknown_element_is_an_error_that_lists_the_known_ones(wrong):
    with pytest.raises(ValueError, match="unknown element.*Known: C, CI"):
        aspcap_mask(wrong, dr=14)


def test_a_release_without_windows_is_an_error():
    with pytest.raises(ValueError, match="`dr`"):
        aspcap_mask("Fe", dr=13)


def test_changing_a_mask_does_not_change_the_next_one():
    first = aspcap_mask("Fe", dr=14)
    first[:] = False
    assert aspcap_mask("Fe", dr=14).any()

"""Blocks of rows: all rows once, in order, and no more memory than allowed."""

import pytest

from astroNN.shared.blocks import row_blocks

BOUND = 2**26


@pytest.mark.parametrize("row_shape", [(7514,), (7514, 1), (167, 167, 1), (83, 83), (3,), ()])
@pytest.mark.parametrize("multiple", [1, 32, 64])
def test_blocks_are_all_rows_and_stay_below_the_bound(row_shape, multiple):
    numbers = 1
    for n in row_shape:
        numbers *= n
    n_rows = 2 * BOUND // (4 * numbers) + 5
    blocks = list(row_blocks(n_rows, row_shape, multiple))
    assert [block.start for block in blocks] == [0, *(block.stop for block in blocks[:-1])]
    assert blocks[-1].stop == n_rows
    sizes = [block.stop - block.start for block in blocks]
    assert max(sizes) * numbers * 4 <= BOUND
    assert all(size % multiple == 0 for size in sizes[:-1])
    # No smaller than need be: another multiple would not fit.
    assert (sizes[0] + multiple) * numbers * 4 > BOUND


def test_a_row_larger_than_the_bound_still_comes():
    assert list(row_blocks(130, (5000, 5000))) == [slice(0, 64), slice(64, 128), slice(128, 130)]


def test_no_rows_are_no_blocks():
    assert list(row_blocks(0, (7514,))) == []

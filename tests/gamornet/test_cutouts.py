"""Cutouts from files written by astropy, with positions counted by hand, and filled pixels against astropy's."""

import gzip
from pathlib import Path

import h5py
import numpy as np
import pytest
from astropy import units as u
from astropy.convolution import Gaussian2DKernel, interpolate_replace_nans
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.nddata import Cutout2D
from astropy.wcs import WCS

from astroNN.gamornet import centre_crop, fill_bad_pixels, read_cutouts
from astroNN.shared.errors import FitsFileError

pytestmark = pytest.mark.one_backend


def numbered(height, width):
    """An image whose pixel (y, x) has the value 100 y + x."""
    return (100.0 * np.arange(height)[:, np.newaxis] + np.arange(width)).astype("float32")


def write(folder, data, name="galaxy.fits", **header):
    path = folder / name
    fits.PrimaryHDU(data, fits.Header(header)).writeto(path)
    return path


# --- the crop


@pytest.mark.parametrize(
    ("n", "wanted", "first"),
    [
        (7, 7, 0),
        (7, 5, 1),
        (7, 3, 2),
        (7, 1, 3),
        (6, 6, 0),
        (6, 4, 1),
        (6, 2, 2),
        (6, 5, 1),
        (6, 3, 2),
        (7, 6, 0),
        (7, 4, 1),
    ],
)
def test_the_central_pixel_stays_central(n, wanted, first):
    images = np.tile(numbered(n, n), (2, 1, 1))
    cropped = centre_crop(images, (wanted, wanted, 1))
    assert cropped.shape == (2, wanted, wanted, 1)
    np.testing.assert_array_equal(cropped[1, 0, :, 0], np.arange(first, first + wanted) + 100 * first)
    assert cropped[0, wanted // 2, wanted // 2, 0] == images[0, n // 2, n // 2]


@pytest.mark.parametrize(("n", "wanted"), [(201, 167), (84, 83), (201, 83), (100, 64), (83, 83)])
def test_a_symmetric_galaxy_stays_symmetric_where_sizes_are_both_odd_or_both_even(n, wanted):
    y, x = np.mgrid[:n, :n] - (n - 1) / 2
    cropped = centre_crop(np.exp(-np.hypot(y, x) / 5)[np.newaxis], (wanted, wanted, 1))[0, :, :, 0]
    symmetric = np.array_equal(cropped, cropped[::-1]) and np.array_equal(cropped, cropped[:, ::-1])
    assert symmetric == ((n - wanted) % 2 == 0)


def test_height_and_width_are_told_apart_and_surveys_have_names():
    cropped = centre_crop(numbered(5, 9)[np.newaxis], (3, 5, 1))[0, :, :, 0]
    np.testing.assert_array_equal(cropped, numbered(5, 9)[1:4, 2:7])
    assert centre_crop(np.zeros((1, 170, 169)), "SDSS").shape == (1, 167, 167, 1)


def test_a_crop_of_an_array_is_a_view_and_of_a_data_set_an_array(tmp_path):
    images = np.random.default_rng(0).normal(size=(3, 9, 9, 2)).astype("float32")
    assert np.shares_memory(centre_crop(images, (5, 5, 2)), images)
    assert np.shares_memory(centre_crop(images[..., 0], (5, 5, 1)), images)
    with h5py.File(tmp_path / "images.h5", "w") as file:
        file["images"] = images
        np.testing.assert_array_equal(centre_crop(file["images"], (5, 5, 2)), images[:, 2:7, 2:7])


@pytest.mark.parametrize(
    ("images", "shape", "error", "message"),
    [
        (np.zeros((2, 60, 100)), "CANDELS", ValueError, "60x100 pixels, fewer than the 83x83"),
        (np.zeros((2, 100, 100, 3)), "CANDELS", ValueError, r"have 3 band\(s\).*asks for 1"),
        (np.zeros((100, 100)), "CANDELS", ValueError, r"three axes.*\(100, 100\).*images\[np.newaxis\]"),
        (np.zeros((0, 100, 100)), "CANDELS", ValueError, "empty"),
        (np.full((1, 9, 9), "bright"), (3, 3, 1), TypeError, "numbers are needed"),
        (np.zeros((2, 100, 100)), "candels", ValueError, "`input_shape` must be"),
        (np.zeros((2, 100, 100)), (83, 83), ValueError, "`input_shape` must be"),
    ],
)
def test_what_can_t_be_cropped_is_an_error(images, shape, error, message):
    with pytest.raises(error, match=message):
        centre_crop(images, shape)


# --- files


@pytest.mark.parametrize("ending", ["galaxy.fits", "galaxy.fits.gz", "galaxy.fits.bz2"])
def test_files_give_their_middle_in_their_order(tmp_path, ending):
    paths = [write(tmp_path, numbered(9, 11) + 5000 * i, f"{i}_{ending}") for i in range(3)]
    images = read_cutouts([paths[2], str(paths[0]), paths[1]], (5, 7, 1))
    assert images.dtype == np.float32 and images.shape == (3, 5, 7, 1)
    for image, offset in zip(images, (10000, 0, 5000), strict=True):
        np.testing.assert_array_equal(image[..., 0], numbered(9, 11)[2:7, 2:9] + offset)


def test_one_path_and_any_sequence_of_paths_will_do(tmp_path):
    path = write(tmp_path, numbered(9, 9))
    expected = numbered(9, 9)[np.newaxis, 3:6, 3:6, np.newaxis]
    for paths in (path, str(path), (path,), Path(tmp_path).glob("*.fits"), np.array([str(path)])):
        np.testing.assert_array_equal(read_cutouts(paths, (3, 3, 1)), expected)


def test_a_file_and_an_array_are_cropped_alike(tmp_path):
    for size in (8, 9):
        for wanted in (5, 6):
            data = numbered(size, size)
            path = write(tmp_path, data, f"{size}_{wanted}.fits")
            shape = (wanted, wanted, 1)
            np.testing.assert_array_equal(read_cutouts(path, shape), centre_crop(data[np.newaxis], shape))


@pytest.mark.parametrize(
    "dtype", ["uint8", "int8", "int16", "uint16", "int32", "uint32", "int64", "float32", "float64"]
)
def test_every_kind_of_number_is_read(tmp_path, dtype):
    data = np.arange(81).reshape(9, 9).astype(dtype)
    path = write(tmp_path, data)
    np.testing.assert_array_equal(read_cutouts(path, (9, 9, 1))[0, :, :, 0], data)


def test_scaled_numbers_have_their_physical_values(tmp_path):
    stored = np.arange(-12, 13).reshape(5, 5).astype("int16")
    hdu = fits.PrimaryHDU(stored)
    hdu.header["BSCALE"], hdu.header["BZERO"] = 0.5, 100.0
    hdu.writeto(tmp_path / "galaxy.fits")
    expected = 100 + 0.5 * np.arange(-12, 13).reshape(5, 5)
    np.testing.assert_array_equal(fits.getdata(tmp_path / "galaxy.fits"), expected)  # what is meant is in the file
    np.testing.assert_array_equal(read_cutouts(tmp_path / "galaxy.fits", (5, 5, 1))[0, :, :, 0], expected)


@pytest.mark.parametrize("dtype", ["int16", "uint16", "float32"])
def test_compressed_images_are_read(tmp_path, dtype):
    data = (3 * np.arange(24 * 30).reshape(24, 30)).astype(dtype)
    lossless = {"compression_type": "GZIP_2", "quantize_level": 0} if dtype == "float32" else {}
    hdu = fits.CompImageHDU(data, tile_shape=(8, 10), **lossless)
    fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(tmp_path / "galaxy.fits.fz")
    images = read_cutouts(tmp_path / "galaxy.fits.fz", (9, 11, 1))
    np.testing.assert_array_equal(images[0, :, :, 0], data[8:17, 10:21])


def test_floats_compressed_with_loss_are_those_of_astropy_with_their_missing_pixels(tmp_path):
    data = np.random.default_rng(1).normal(100.0, 5.0, (24, 24)).astype("float32")
    data[12, 12] = np.nan
    fits.HDUList([fits.PrimaryHDU(), fits.CompImageHDU(data)]).writeto(tmp_path / "galaxy.fits")
    image = read_cutouts(tmp_path / "galaxy.fits", (24, 24, 1))[0, :, :, 0]
    np.testing.assert_array_equal(image, fits.getdata(tmp_path / "galaxy.fits"))
    assert np.isnan(image[12, 12]) and np.isnan(image).sum() == 1


def test_the_first_image_is_read_unless_another_is_asked_for(tmp_path):
    table = fits.BinTableHDU.from_columns([fits.Column("z", "E", array=np.zeros(3))], name="CAT")
    hdus = [
        fits.PrimaryHDU(),
        table,
        fits.ImageHDU(np.zeros(9), name="LINE"),
        fits.ImageHDU(np.full((9, 9), 1.0), name="SCI"),
        fits.ImageHDU(np.full((9, 9), 2.0), name="SCI", ver=2),
        fits.ImageHDU(np.full((9, 9), 3.0), name="WHT"),
    ]
    path = tmp_path / "galaxy.fits"
    fits.HDUList(hdus).writeto(path)
    for hdu, value in ((None, 1), (3, 1), ("SCI", 1), ("sci", 1), (("SCI", 2), 2), (np.int64(5), 3), ("WHT", 3)):
        assert (read_cutouts(path, (3, 3, 1), hdu=hdu) == value).all()
    for wrong in (0, 1, 2, 6, "CAT", "DQ", ("SCI", 3)):
        with pytest.raises(FitsFileError, match=r"galaxy.fits' has no HDU .* holds .*HDU 3 'SCI': an image \(9, 9\)"):
            read_cutouts(path, (3, 3, 1), hdu=wrong)


def test_bands_of_a_cube_come_last(tmp_path):
    cube = np.stack([numbered(9, 11), numbered(9, 11) + 5000, numbered(9, 11) + 7000])
    images = read_cutouts(write(tmp_path, cube), (3, 5, 3))
    np.testing.assert_array_equal(images[0], np.moveaxis(cube[:, 3:6, 3:8], 0, -1))
    flat = read_cutouts(write(tmp_path, cube[:1], "flat.fits"), (3, 5, 1))
    np.testing.assert_array_equal(flat, images[..., :1])


@pytest.mark.parametrize(
    ("data", "bands"), [(np.zeros((3, 9, 9)), 1), (np.zeros((9, 9)), 3), (np.zeros((9, 9, 3)), 3)]
)
def test_another_number_of_bands_is_an_error_with_the_shape(tmp_path, data, bands):
    path = write(tmp_path, data)
    with pytest.raises(FitsFileError, match=rf"galaxy.fits' has the shape .*asks for {bands}"):
        read_cutouts(path, (3, 3, bands))


# --- bad pixels


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, -9999.0])
def test_undefined_infinite_and_missing_pixels_become_nan(tmp_path, bad):
    data = numbered(5, 5)
    data[1, 3] = bad
    image = read_cutouts(write(tmp_path, data), (5, 5, 1))[0, :, :, 0]
    np.testing.assert_array_equal(np.argwhere(np.isnan(image)), [[1, 3]])
    np.testing.assert_array_equal(np.delete(image, 8), np.delete(numbered(5, 5), 8))


def test_doubles_too_large_for_single_precision_become_nan(tmp_path):
    image = read_cutouts(write(tmp_path, np.array([[1.0, 1e300], [-1e300, 2.0]])), (2, 2, 1))[0, :, :, 0]
    np.testing.assert_array_equal(image, [[1.0, np.nan], [np.nan, 2.0]])


@pytest.mark.parametrize("blank", [0, -1, 7])
@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("zero", [0, 32768, 0.5])
def test_blank_pixels_of_integers_become_nan(tmp_path, blank, compressed, zero):
    stored = np.arange(-8, 92).reshape(10, 10).astype("int16")
    header = fits.Header({"BZERO": zero, "BLANK": blank} if zero else {"BLANK": blank})
    path = tmp_path / "galaxy.fits"
    # Written as they stand: astropy would scale them.
    hdu = fits.PrimaryHDU(stored, do_not_scale_image_data=True)
    hdu.header.update(header)
    hdu.writeto(path)
    if compressed:
        with fits.open(path, do_not_scale_image_data=True) as hdus:
            packed = fits.CompImageHDU(hdus[0].data, hdus[0].header, do_not_scale_image_data=True)
            packed.header.update(header)
            fits.HDUList([fits.PrimaryHDU(), packed]).writeto(path, overwrite=True)
    image = read_cutouts(path, (10, 10, 1))[0, :, :, 0]
    np.testing.assert_array_equal(image, np.where(stored == blank, np.nan, stored + float(zero)))


def test_pixels_at_and_above_the_level_are_saturated(tmp_path):
    path = write(tmp_path, np.array([[0.2, 0.7], [0.8, 0.69]], "float32"))  # 0.7 of float32 is below 0.7
    image = read_cutouts(path, (2, 2, 1), saturation=0.7)[0, :, :, 0]
    np.testing.assert_array_equal(np.isnan(image), [[False, True], [True, False]])
    assert not np.isnan(read_cutouts(path, (2, 2, 1))).any()


def test_the_level_of_each_header_counts(tmp_path):
    data = np.array([[10, 20], [30, 40]], "int16")
    paths = [write(tmp_path, data, f"{level}.fits", SATURATE=level) for level in (20, 35.5)]
    in_primary = fits.HDUList([fits.PrimaryHDU(header=fits.Header({"SATURATE": 11})), fits.ImageHDU(data)])
    in_primary.writeto(tmp_path / "primary.fits")
    images = read_cutouts([*paths, tmp_path / "primary.fits"], (2, 2, 1), saturation="SATURATE")
    assert np.isnan(images).sum(axis=(1, 2, 3)).tolist() == [3, 1, 3]
    saved = write(tmp_path, data, "other.fits", SATLEVEL=40)
    assert np.isnan(read_cutouts(saved, (2, 2, 1), saturation="SATLEVEL")).sum() == 1


def test_the_level_is_in_physical_units(tmp_path):
    path = write(tmp_path, np.array([[60000, 65535], [0, 100]], "uint16"))  # stored as numbers below 32768
    assert np.isnan(read_cutouts(path, (2, 2, 1), saturation=60000)).sum() == 2


@pytest.mark.parametrize("level", [None, "high", True, 0.0, -1.0])
def test_a_header_without_a_level_is_an_error(tmp_path, level):
    path = write(tmp_path, numbered(3, 3), **({} if level is None else {"SATURATE": level}))
    with pytest.raises(FitsFileError, match="the header of .*galaxy.fits' has .*'SATURATE', which must be a level"):
        read_cutouts(path, (3, 3, 1), saturation="SATURATE")


# --- places


@pytest.mark.parametrize("wanted", [4, 5])
@pytest.mark.parametrize("place", [(10.0, 14.0), (10.3, 13.8), (9.6, 14.4)])
def test_pixels_around_a_place_are_those_of_astropy(tmp_path, wanted, place):
    data = numbered(25, 30)
    image = read_cutouts(write(tmp_path, data), (wanted, wanted, 1), centre=place)[0, :, :, 0]
    np.testing.assert_array_equal(image, Cutout2D(data, place[::-1], wanted).data)


def test_one_file_has_as_many_cutouts_as_places_and_several_files_one_each(tmp_path):
    data = numbered(25, 30)
    paths = [write(tmp_path, data + 5000 * i, f"{i}.fits") for i in range(2)]
    places = [(3, 4), (20, 25)]
    around = [data[2:5, 3:6], data[19:22, 24:27]]
    many = read_cutouts(paths[0], (3, 3, 1), centre=places)
    np.testing.assert_array_equal(many[..., 0], around)
    each = read_cutouts(paths, (3, 3, 1), centre=places)
    np.testing.assert_array_equal(each[..., 0], [around[0], around[1] + 5000])
    same = read_cutouts(paths, (3, 3, 1), centre=places[1])
    np.testing.assert_array_equal(same[..., 0], [around[1], around[1] + 5000])


def sky_header():
    """Pixels of 0.0001 degrees; FITS pixel (16, 11), which is [10, 15] here, is at (150, 2) degrees."""
    wcs = WCS(naxis=2)
    wcs.wcs.ctype, wcs.wcs.crval, wcs.wcs.crpix = ["RA---TAN", "DEC--TAN"], [150.0, 2.0], [16.0, 11.0]
    wcs.wcs.cdelt = [-1e-4, 1e-4]
    return wcs.to_header()


@pytest.mark.parametrize("frame", ["icrs", "galactic"])
def test_places_on_the_sky_are_found(tmp_path, frame):
    data = numbered(25, 30)
    path = write(tmp_path, data, **sky_header())
    sky = SkyCoord([150.0, 150.0] * u.deg, [2.0, 2.0005] * u.deg).transform_to(frame)  # the second 5 pixels higher
    images = read_cutouts(path, (3, 3, 1), centre=sky)
    np.testing.assert_array_equal(images[..., 0], [data[9:12, 14:17], data[14:17, 14:17]])
    np.testing.assert_array_equal(read_cutouts(path, (3, 3, 1), centre=sky[1]), images[1:])
    cube = write(tmp_path, np.stack([data, data]), "cube.fits", **sky_header())
    np.testing.assert_array_equal(read_cutouts(cube, (3, 3, 2), centre=sky)[..., 1], images[..., 0])


def test_places_are_found_where_declination_comes_first(tmp_path):
    data = numbered(25, 30)
    header = sky_header()
    names = ("CTYPE", "CRVAL", "CDELT", "CUNIT")
    turned = {f"{name}{3 - i}": header[f"{name}{i}"] for name in names for i in (1, 2)}
    path = write(tmp_path, data, CRPIX1=16.0, CRPIX2=11.0, **turned)
    sky = SkyCoord(150.0 * u.deg, 2.0005 * u.deg)  # 5 pixels to the right
    np.testing.assert_array_equal(read_cutouts(path, (3, 3, 1), centre=sky)[0, :, :, 0], data[9:12, 19:22])


def test_places_off_the_image_and_images_without_a_sky_are_errors(tmp_path):
    plain, mapped = write(tmp_path, numbered(25, 30)), write(tmp_path, numbered(25, 30), "sky.fits", **sky_header())
    here, there = SkyCoord(150 * u.deg, 2 * u.deg), SkyCoord(330 * u.deg, -2 * u.deg)
    with pytest.raises(FitsFileError, match=r"3x3 pixels reach beyond .*25x30: number 0 .* \(y, x\) = \(24.0, 5.0\)"):
        read_cutouts(plain, (3, 3, 1), centre=(24, 5))
    with pytest.raises(FitsFileError, match="reach beyond .* around"):
        read_cutouts(plain, (3, 3, 1), centre=(5, -1))
    with pytest.raises(FitsFileError, match="galaxy.fits' has no world coordinate system"):
        read_cutouts(plain, (3, 3, 1), centre=here)
    with pytest.raises(FitsFileError, match="sky.fits' has no pixel for"):
        read_cutouts(mapped, (3, 3, 1), centre=there)
    with pytest.raises(FitsFileError, match="reach beyond"):
        read_cutouts(mapped, (3, 3, 1), centre=SkyCoord(151 * u.deg, 2 * u.deg))


@pytest.mark.parametrize(
    ("centre", "error", "message"),
    [
        ((1.0, np.nan), ValueError, "finite positions"),
        ((1.0, 2.0, 3.0), ValueError, r"shape \(2,\) or \(n, 2\)"),
        (5.0, ValueError, r"shape \(2,\) or \(n, 2\)"),
        (np.zeros((0, 2)), ValueError, "one place or a list"),
        (SkyCoord(np.zeros((2, 2)) * u.deg, np.zeros((2, 2)) * u.deg), ValueError, "one place or a list"),
        ([150.0, 2.0] * u.deg, TypeError, "has the unit deg: .* SkyCoord"),
        ("here", TypeError, "`centre` must be a SkyCoord"),
        (np.ones((3, 2)), ValueError, "3 places, but `paths` has 2 files"),
    ],
)
def test_wrong_places_are_errors(tmp_path, centre, error, message):
    path = write(tmp_path, numbered(5, 5))
    with pytest.raises(error, match=message):
        read_cutouts([path, path], (3, 3, 1), centre=centre)


# --- bad files


def test_a_file_that_is_too_small_is_named_and_not_padded(tmp_path):
    paths = [write(tmp_path, numbered(83, 83)), write(tmp_path, numbered(83, 60), "small.fits")]
    with pytest.raises(FitsFileError, match="small.fits' has 83x60 pixels, fewer than the 83x83"):
        read_cutouts(paths, "CANDELS")


def test_missing_files_and_folders_are_told(tmp_path):
    with pytest.raises(FileNotFoundError, match="read_cutouts: there is no file .*nowhere.fits'"):
        read_cutouts([write(tmp_path, numbered(5, 5)), tmp_path / "nowhere.fits"], (3, 3, 1))
    with pytest.raises(FileNotFoundError, match="is a folder"):
        read_cutouts(tmp_path, (3, 3, 1))


@pytest.mark.parametrize(
    "content", [b"", b"RA DEC\n1.0 2.0\n", b"SIMPLE  =", bytes(range(256)) * 40, b"\x1f\x8bgarbage"]
)
def test_what_is_no_fits_file_is_told(tmp_path, content):
    (tmp_path / "text.fits").write_bytes(content)
    with pytest.raises(FitsFileError, match="text.fits'"):
        read_cutouts(tmp_path / "text.fits", (3, 3, 1))


@pytest.mark.parametrize("kept", [100, 2880, 3000, 20000])
@pytest.mark.parametrize("kind", ["plain", "extension", "compressed", "gz", "bz2"])
def test_a_truncated_file_is_told(tmp_path, kind, kept):
    data = np.random.default_rng(2).integers(0, 30000, (200, 200)).astype("int16")
    path = tmp_path / f"galaxy.fits{'.' + kind if kind in ('gz', 'bz2') else ''}"
    hdus = {
        "extension": [fits.PrimaryHDU(), fits.ImageHDU(data)],
        "compressed": [fits.PrimaryHDU(), fits.CompImageHDU(data)],
    }.get(kind, [fits.PrimaryHDU(data)])
    fits.HDUList(hdus).writeto(path)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(FitsFileError, match=r"galaxy.fits.*(truncated|cut off)"):
        read_cutouts(path, "SDSS")


def test_a_damaged_archive_is_told(tmp_path):
    packed = bytearray(gzip.compress(write(tmp_path, numbered(50, 50)).read_bytes()))
    packed[200:260] = bytes(60)
    (tmp_path / "damaged.fits.gz").write_bytes(packed)
    with pytest.raises(FitsFileError, match="damaged.fits.gz' could not be read"):
        read_cutouts(tmp_path / "damaged.fits.gz", (49, 49, 1))


def test_files_without_an_image_are_told(tmp_path):
    table = fits.BinTableHDU.from_columns([fits.Column("z", "E", array=np.zeros(3))])
    table.writeto(tmp_path / "table.fits")
    with pytest.raises(FitsFileError, match="table.fits' has no image of two or three axes"):
        read_cutouts(tmp_path / "table.fits", (3, 3, 1))
    with pytest.raises(FitsFileError, match=r"has no image of two or three axes; .*\(1, 1, 9, 9\)"):
        read_cutouts(write(tmp_path, np.zeros((1, 1, 9, 9)), "radio.fits"), (3, 3, 1))


def test_what_is_wrong_with_files_is_an_oserror_and_with_arguments_is_not(tmp_path):
    path = write(tmp_path, numbered(5, 5))
    with pytest.raises(OSError, match="fewer than"):
        read_cutouts(path, "SDSS")
    with pytest.raises(ValueError, match="input_shape") as caught:
        read_cutouts(path, "sdss")
    assert not isinstance(caught.value, OSError)


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"paths": []}, ValueError, "`paths` is empty"),
        ({"paths": None}, TypeError, "`paths` must be a path"),
        ({"paths": 3}, TypeError, "`paths` must be a path"),
        ({"paths": b"galaxy.fits"}, TypeError, "element 0 is"),
        ({"paths": [np.zeros((5, 5))]}, TypeError, "element 0 is"),
        ({"input_shape": (3, 3)}, ValueError, "`input_shape` must be"),
        ({"input_shape": None}, ValueError, "`input_shape` must be"),
        ({"hdu": 1.5}, TypeError, "`hdu` must be"),
        ({"hdu": True}, TypeError, "`hdu` must be"),
        ({"hdu": -1}, TypeError, "`hdu` must be"),
        ({"hdu": ("SCI",)}, TypeError, "`hdu` must be"),
        ({"saturation": 0}, ValueError, "`saturation` must be"),
        ({"saturation": np.nan}, ValueError, "`saturation` must be"),
        ({"saturation": True}, ValueError, "`saturation` must be"),
        ({"saturation": [1000.0]}, ValueError, "`saturation` must be"),
        ({"saturation": ""}, ValueError, "`saturation` is an empty"),
    ],
)
def test_wrong_arguments_are_told_before_a_file_is_opened(settings, error, message):
    with pytest.raises(error, match=message):
        read_cutouts(**{"paths": "nowhere.fits", "input_shape": (3, 3, 1), **settings})


# --- filling


def test_filled_pixels_are_those_of_astropy_and_good_ones_stay():
    rng = np.random.default_rng(3)
    images = rng.normal(50.0, 10.0, (4, 30, 40)).astype("float32")
    bad = rng.random(images.shape) < 0.05
    images[bad] = np.nan
    filled = fill_bad_pixels(images, sigma=1.5)
    kernel = Gaussian2DKernel(1.5, x_size=13, y_size=13)  # to four standard deviations
    for image, ours in zip(images, filled, strict=True):
        # Without this fill value astropy takes zeros for measured beyond the edges.
        expected = interpolate_replace_nans(image.astype("float64"), kernel, boundary="fill", fill_value=np.nan)
        np.testing.assert_allclose(ours, expected, rtol=1e-6)
    np.testing.assert_array_equal(filled[~bad], images[~bad])
    assert filled.dtype == np.float32 and np.isnan(images[bad]).all()


def test_images_of_a_data_set_are_filled(tmp_path):
    with h5py.File(tmp_path / "images.h5", "w") as file:
        file["images"] = np.array([[[4.0, np.nan], [4.0, 4.0]]])
        np.testing.assert_allclose(fill_bad_pixels(file["images"], max_fraction=0.25), np.full((1, 2, 2), 4.0))


@pytest.mark.parametrize("sigma", [0.1, 0.13, 2])
def test_narrow_and_wide_gaussians_reach_the_middle_of_a_hole(sigma):
    image = np.full((1, 12, 12), 3.0)
    image[0, 3:9, 3:9] = np.nan
    np.testing.assert_allclose(fill_bad_pixels(image, sigma=sigma, max_fraction=0.3), 3.0, rtol=1e-12)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, -9999.0])
def test_a_bad_pixel_on_a_slope_gets_the_value_of_the_slope(bad):
    y, x = np.mgrid[:9, :9]
    plane = 3.0 + 2.0 * y - x
    image = plane.copy()
    image[4, 4] = bad
    np.testing.assert_allclose(fill_bad_pixels(image[np.newaxis])[0], plane, rtol=1e-12)  # by symmetry


def test_a_constant_sky_stays_constant_up_to_the_edges_and_in_large_holes():
    images = np.full((1, 60, 60, 2), 7.0)
    images[0, :2] = np.nan
    images[0, 20:50, 20:50, 1] = np.nan  # 15 pixels deep, and the first Gaussian reaches 4
    filled = fill_bad_pixels(images, max_fraction=0.5)
    np.testing.assert_allclose(filled, 7.0, rtol=1e-12)


def test_bands_and_images_don_t_mix():
    images = np.zeros((2, 5, 5, 2))
    images[1, :, :, 1] = 9.0
    images[1, 2, 2, 1] = images[0, 2, 2, 0] = np.nan
    filled = fill_bad_pixels(images)
    assert filled[1, 2, 2, 1] == pytest.approx(9.0, rel=1e-12) and filled[0, 2, 2, 0] == 0.0


def test_masked_pixels_are_filled_and_integers_become_floats():
    images = np.ma.masked_values(np.array([[[5, 5, 5], [5, 99, 5], [5, 5, 5]]], "int16"), 99)
    filled = fill_bad_pixels(images, max_fraction=0.2)
    np.testing.assert_allclose(filled, 5.0, rtol=1e-6)
    assert fill_bad_pixels(np.array([[[1, -9999], [1, 1]]], "int16"), max_fraction=0.3).tolist() == [[[1, 1], [1, 1]]]


def test_a_peak_comes_out_fainter_than_it_was_and_than_its_level():
    y, x = np.mgrid[:41, :41] - 20
    galaxy = 1000.0 * np.exp(-np.hypot(y, x) / 3)
    saturated = galaxy >= 500.0
    filled = fill_bad_pixels(np.where(saturated, np.nan, galaxy)[np.newaxis])[0]
    assert (filled[saturated] < 500.0).all()


@pytest.mark.parametrize(
    ("n_bad", "max_fraction", "refused"),
    [(10, 0.1, False), (11, 0.1, True), (99, 1.0, False), (100, 1.0, True), (1, 0, True)],
)
def test_images_with_too_many_bad_pixels_are_named(n_bad, max_fraction, refused):
    images = np.ones((4, 10, 10, 2), "float32")
    for number in (1, 3):
        images[number, :, :, 1].flat[:n_bad] = np.nan
    if not refused:
        assert (fill_bad_pixels(images, max_fraction=max_fraction) == 1).all()
        return
    with pytest.raises(ValueError, match=rf"2 of 4 images .*number 1, 3 .*{n_bad}.0% are bad"):
        fill_bad_pixels(images, max_fraction=max_fraction)


@pytest.mark.parametrize(
    ("images", "settings", "error", "message"),
    [
        (np.zeros((5, 5)), {}, ValueError, r"three axes.*\(5, 5\)"),
        (np.zeros((0, 5, 5)), {}, ValueError, "empty"),
        (None, {}, ValueError, "`images` is None"),
        (np.full((1, 5, 5), "x"), {}, TypeError, "numbers are needed"),
        (np.zeros((1, 5, 5)), {"sigma": 0}, ValueError, "`sigma` must be a number of at least 0.1 and at most 5"),
        (np.zeros((1, 5, 5)), {"sigma": 1e9}, ValueError, "`sigma` must be"),
        (np.zeros((1, 5, 5)), {"sigma": "wide"}, ValueError, "`sigma` must be"),
        (np.zeros((1, 5, 5)), {"max_fraction": 1.1}, ValueError, "`max_fraction` must be"),
        (np.zeros((1, 5, 5)), {"max_fraction": None}, ValueError, "`max_fraction` must be"),
    ],
)
def test_what_can_t_be_filled_is_an_error(images, settings, error, message):
    with pytest.raises(error, match=message):
        fill_bad_pixels(images, **settings)

"""Step 2: compile spectra and labels of the chosen stars into HDF5 files.

    python 2_compile_files.py --work run

training and low_snr hold combined spectra, test the combined ones and single visits of the same stars, all divided
by their continuum, with masks of bad pixels. A label that the survey lacks or flags is -9999. After a kill the same
call goes on.
"""

from astropy.io import fits
from paper.archive import fetch_spectra, spectra_folder, text
from paper.settings import LABELS, Settings, script_arguments

from astroNN.datasets import H5Compiler
from astroNN.shared.label_names import element_of

KINDS = {"training": "combined", "test": "both", "low_snr": "combined"}


def labels_of(path):
    """Those of `LABELS` that the catalogue has; DR17 gave some elements up."""
    with fits.open(path, memmap=True) as hdus:
        symbols = {symbol.upper() for symbol in text(hdus[3].data["ELEM_SYMBOL"][0].ravel())}
        symbols |= {name.removesuffix("_FE") for name in hdus[1].data.names if name.endswith("_FE")} | {"FE"}
    return [name for name in LABELS if name in ("teff", "logg") or element_of(name).upper() in symbols]


def compile_list(settings, name, fetch=False):
    """Compile one of the lists of stars, unless that is done.

    Parameters
    ----------
    settings : Settings
    name : str
        A key of `KINDS`.
    fetch : bool
        Fetch missing spectra first.
    """
    stars, out = settings.stars(name), settings.spectra(name)
    if out.exists() and out.stat().st_mtime >= stars.stat().st_mtime:
        print(f"{out} is there")
        return
    if fetch:
        with fits.open(stars) as hdus:
            fetch_spectra(settings, hdus[1].data)
    out.parent.mkdir(exist_ok=True)
    compiler = H5Compiler(out, stars, spectra_folder(settings))
    compiler.kind, compiler.labels, compiler.dr = KINDS[name], labels_of(stars), settings.dr
    # The cuts were made in step 1, where that in log g is, too.
    compiler.snr = compiler.teff = compiler.fe_h = compiler.vscatter = None
    compiler.starflag = compiler.aspcapflag = False
    report = compiler.compile(if_exists="replace")
    print(f"  stars without a file: {len(report.without_file)}; broken files: {len(report.broken)}")


def main():
    parser = script_arguments(__doc__)
    parser.add_argument("--fetch", action="store_true", help="fetch spectra that are not there from SDSS, one by one")
    arguments = parser.parse_args()
    settings = Settings.read(arguments.work)
    for name in KINDS:
        with fits.open(settings.stars(name)) as hdus:
            n_stars = len(hdus[1].data)
        if n_stars:
            compile_list(settings, name, arguments.fetch)
        else:
            print(f"{name}: no stars")


if __name__ == "__main__":
    main()

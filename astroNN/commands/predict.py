"""``astronn predict``: a catalogue of labels from files of spectra."""

from pathlib import Path

from astroNN.commands.failures import told

__all__ = ["add_parser"]


def add_parser(commands):
    """Add the command to those of the command line.

    Parameters
    ----------
    commands : object
        What `argparse.ArgumentParser.add_subparsers` gives.
    """
    parser = commands.add_parser(
        "predict",
        help="predict the labels of all spectra in some files, into one table",
        description="Predicts with a saved network the labels of all spectra in HDF5, .npy or FITS files, and writes "
        "them with their uncertainties, flags and identifiers into one table. Stopped at any moment, the same "
        "command goes on where it was.",
    )
    parser.set_defaults(run=_run)
    add = parser.add_argument
    add("folder", type=Path, metavar="FOLDER", help="folder of the network")
    add("inputs", nargs="+", metavar="INPUT", help="file, folder, pattern in quotes, or table with a column 'path'")
    add("--out", type=Path, required=True, metavar="FILE", help="the table: its name ends in .fits, .h5 or .parquet")
    add("--sampling", choices=("exact", "per_star", "fast"), default="exact",
        help="how dropout is sampled (default exact)")  # fmt: skip
    add("--precision", choices=("float32", "bfloat16", "float16"), default="float32",
        help="type in which Monte Carlo passes run (default float32)")  # fmt: skip
    add("--spectra", metavar="NAME", help="data set of the spectra in HDF5 files (default spectra, or images)")
    add("--mask", metavar="NAME", default="mask", help="data set of bad pixels, where a file has it (default mask)")
    add("--no-mask", dest="mask", action="store_const", const=None, help="do not use masks")
    add("--errors", metavar="NAME", help="data set of the pixels' errors, which are carried through the network")
    add("--keep", nargs="+", metavar="NAME", help="columns of the inputs to copy (default the usual identifiers)")
    add("--dr", type=int, default=14, metavar="N", help="data release of the continuum of APOGEE files (default 14)")
    add("--outliers", type=Path, metavar="FILE", help="saved OutOfDistribution, by which unusual stars are flagged")
    add(
        "--false-alarm",
        type=float,
        default=0.01,
        metavar="P",
        help="rate at which it flags usual ones (default 0.01)",
    )
    add("--max-missing", type=float, default=0.2, metavar="F",
        help="fraction of missing pixels above which a star is flagged (default 0.2)")  # fmt: skip
    add("--engine", choices=("dask",), help="run on a Dask cluster (default: in this process)")
    add("--scheduler", metavar="ADDRESS", help="of the Dask cluster (default: one on this machine)")
    add("--replace", action="store_true", help="replace the table if it exists")
    add("--restart", action="store_true", help="throw away what an unfinished run has left")
    add("--quiet", action="store_true", help="no progress and no summary")


def _run(arguments):
    return told("predict", _predict, arguments)


def _predict(arguments):
    from astroNN.demo.quiet import start_backend

    start_backend()
    from astroNN.catalogue import predict_catalogue

    same = (
        "folder", "inputs", "out", "sampling", "precision", "spectra", "mask", "errors", "keep", "dr", "outliers",
        "false_alarm", "max_missing", "engine", "restart",
    )  # fmt: skip
    predict_catalogue(
        **{name: getattr(arguments, name) for name in same},
        client=arguments.scheduler,
        if_exists="replace" if arguments.replace else "error",
        verbose=0 if arguments.quiet else 1,
    )

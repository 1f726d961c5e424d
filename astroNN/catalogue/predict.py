"""`predict_catalogue`: from files of spectra to one table of labels, however many there are."""

import functools
import hashlib
import json
import time
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

import keras
from tqdm.auto import tqdm

from astroNN._version import __version__
from astroNN.apogee import chips_pix_info
from astroNN.catalogue._answering import Answering, check_detector, check_network, checked_columns, net_inputs
from astroNN.catalogue._code import checksum_of_code
from astroNN.catalogue._engines import ENGINES, check_engine
from astroNN.catalogue._formats import check_out
from astroNN.catalogue._inputs import input_files
from astroNN.catalogue._joining import is_joined, join_parts, summed_up
from astroNN.catalogue._parts import parts_of, stat_of
from astroNN.catalogue._reading import Reading
from astroNN.catalogue._work import Work, loaded_network
from astroNN.models.persistence.schema import PARAMETER_FILE
from astroNN.nn.layers.mc_inference import PRECISIONS, SAMPLINGS
from astroNN.shared.files import discard, filehash
from astroNN.shared.messages import tell
from astroNN.shared.parts import PartsFolder
from astroNN.shared.setting_checks import check_fraction, check_one_of

__all__ = ["CatalogueSummary", "predict_catalogue"]

_BROKEN_SHOWN = 5


@dataclass
class CatalogueSummary:
    """What became of a run; print it.

    Attributes
    ----------
    path : Path
        The catalogue.
    n_rows : int
        Its rows.
    n_files : int
        Files that were named.
    flags : dict of int
        Rows with each flag, see `FLAGS`.
    broken : list of (str, str)
        Files that could not be read, and why.
    n_resumed : int
        Spectra that an earlier run had predicted.
    seconds : float
        Time of this run.
    rate : float
        Spectra a second that this run predicted, reading and writing included.
    """

    path: Path
    n_rows: int
    n_files: int
    flags: dict
    broken: list
    n_resumed: int
    seconds: float
    rate: float

    def __str__(self):
        lines = [
            f"{self.n_rows} rows from {self.n_files} files are in {self.path}",
            f"{self.seconds:.0f} s, {self.rate:.0f} spectra/s; {self.n_resumed} were there from an earlier call",
            "flagged: " + ", ".join(f"{n} {name.replace('_', ' ')}" for name, n in self.flags.items()),
        ]
        lines += [f"could not be read: {path}: {reason}" for path, reason in self.broken[:_BROKEN_SHOWN]]
        if len(self.broken) > _BROKEN_SHOWN:
            lines.append(f"... and {len(self.broken) - _BROKEN_SHOWN} more: the rows with the flag 1")
        return "\n".join(lines)


def predict_catalogue(folder, inputs, out, *, sampling="exact", precision="float32", calibrated=True, spectra=None,
                      mask="mask", errors=None, keep=None, reader=None, dr=14, outliers=None, false_alarm=0.01,
                      max_missing=0.2, engine=None, client=None, if_exists="error", restart=False, custom_models=(),
                      verbose=1):  # fmt: skip
    """Predict the labels of all spectra in some files, into one table.

    Reading, prediction and writing run side by side. What is finished lies in a folder beside `out` until the table
    is written: the same call, after a kill at any moment, goes on from there, and gives the same table.

    Parameters
    ----------
    folder : str or Path
        Of a network, or of an ensemble.
    inputs : str, path-like, table, or list of these
        HDF5 files, ``.npy`` files, stores of zarr, FITS files of one spectrum; folders of such, patterns
        (``"*.h5"``), tables with a column ``path``.
    out : str or Path
        The catalogue; its name ends in ``.fits``, ``.h5`` or ``.parquet``.
    sampling : {"exact", "per_star", "fast"}, optional
        How a Bayesian network samples dropout, as in its `predict`. Default ``"exact"``.
    precision : {"float32", "bfloat16", "float16"}, optional
        Type in which its passes run, see `astroNN.nn.layers.MonteCarloEngine`. Default ``"float32"``.
    calibrated : bool, optional
        Apply the factors of the predicted spreads that were found in the training. Default True.
    spectra : str, optional
        Data set of the spectra in HDF5 files. Default: ``spectra``, or else ``images``.
    mask : str or None, optional
        Data set of bad pixels, used where a file has it; None never. Default ``mask``.
    errors : str, optional
        Data set of the errors of the pixels, such as ``spectra_err``: they are carried through the network, and
        handed to the detector of outliers. Of FITS files the errors are used if this is not None. Default: none.
    keep : sequence of str, optional
        Columns of the inputs to copy: data sets of one value a star, columns of tables of paths (which win), of FITS
        files of APOGEE ``APOGEE_ID``, ``SNR``, ``RA`` and ``DEC``. Default: the usual identifiers (`IDENTIFIERS`).
    reader : callable, optional
        Reads a FITS file of one spectrum: a function of a path that gives the flux as the network takes it, or
        (flux, error, mask). An unfinished run knows it again by its name and its code. Default: aspcapStar, apStar
        and apVisit files, by `astroNN.apogee.network_input`.
    dr : int, optional
        Data release of the continuum pixels of these, default 14.
    outliers : str or Path, optional
        File of an `astroNN.nn.calibration.OutOfDistribution`, by which stars unlike the training's are flagged.
    false_alarm : float, optional
        Rate at which it flags stars that are like them. Default 0.01.
    max_missing : float, optional
        Fraction of missing pixels above which a star is flagged. Default 0.2.
    engine : {None, "dask"}, optional
        Default: this process. ``"dask"`` maps the work over a cluster.
    client : distributed.Client or str, optional
        A Dask cluster, or the address of its scheduler. Default: one on this machine.
    if_exists : {"error", "replace"}, optional
        If `out` exists: raise, before any work (default), or replace it in the end.
    restart : bool, optional
        Throw away what an unfinished run has left. Default False.
    custom_models : class or sequence of classes, optional
        As of `load_folder`.
    verbose : int, optional
        0 says nothing; 1 shows the progress, with rate and time left, and the summary (default).

    Returns
    -------
    CatalogueSummary
        Where the catalogue is, how many rows it has, and which files could not be read.

    Raises
    ------
    FileNotFoundError
        If a folder or file is not there.
    FileExistsError
        If `out` exists.
    ConfigurationError
        (a ValueError) If an unfinished run had other settings, or another process makes this catalogue.
    ValueError, TypeError
        If spectra are on another grid than the network's, or a setting can't be used; before any work, but for the
        grid of files of one spectrum, which is known when they are read.
    ConnectionError
        If a cluster does not answer, or is lost.
    OSError
        If the catalogue can't be written, say since the disk is full. What is finished stays; make room, and call
        again.

    Notes
    -----
    Columns are ``file``, ``row``, the identifiers (-1, NaN or empty where one is not known), those of `as_table`,
    ``missing_fraction``, ``outlier_p`` (with `outliers`) and ``flag``, the sum of `FLAGS`. A file that can't be read
    has one row, -1, without labels (NaN); in one that is damaged in places rows are lost 64 at a time.

    The numbers of an HDF5 file are those of `predict` for all of its spectra, whatever other files there are. Stars
    in FITS files of their own share dropout masks with their neighbours in the list.

    Examples
    --------
    >>> from astroNN.catalogue import predict_catalogue
    >>> predict_catalogue("run", "spectra/*.h5", "labels.fits")  # doctest: +SKIP
    """
    began = time.perf_counter()
    given, out = Path(out), Path(out).expanduser().absolute()
    work, network = _checked_work(
        folder, sampling, precision, calibrated, spectra, mask, errors, keep, reader, dr, outliers, false_alarm,
        max_missing, custom_models,
    )  # fmt: skip
    check_engine(engine, client)
    check_one_of("if_exists", if_exists, ("error", "replace"))
    check_out(out, network)
    made_from = _made_from(work)
    place = PartsFolder(out, made_from, restart, "predict_catalogue")
    is_mine = if_exists == "replace" or not out.exists() or is_joined(out, place.folder) is not None
    if not is_mine:
        raise FileExistsError(f"predict_catalogue: {given} exists. Give another name, or say if_exists='replace'.")
    files = input_files(inputs, out)
    parts = _with_targets(parts_of(files, work.reading), place.folder, made_from)
    with place:
        flags = is_joined(out, place.folder)
        n_resumed = _run(work, parts, ENGINES[engine], client, verbose)
        paths = [Path(part.target) for part in parts]
        joined = summed_up(paths)
        if flags is None:
            flags = join_parts(paths, joined, out, place.folder, _meta(network, made_from))
        discard(place.folder)
    seconds = time.perf_counter() - began
    rate = (sum(part.n_stars for part in parts) - n_resumed) / seconds
    summary = CatalogueSummary(given, joined.n_rows, len(files), flags, joined.broken, n_resumed, seconds, rate)
    tell(str(summary), verbose)
    return summary


def _checked_work(folder, sampling, precision, calibrated, spectra, mask, errors, keep, reader, dr, outliers,
                  false_alarm, max_missing, custom_models):  # fmt: skip
    """The work, and its network, once all settings are known to be good."""
    check_one_of("sampling", sampling, SAMPLINGS)
    check_one_of("precision", precision, PRECISIONS)
    check_fraction("max_missing", max_missing)
    chips_pix_info(dr=dr)
    given, folder = str(folder), Path(folder).expanduser().absolute()
    if not (folder / PARAMETER_FILE).is_file():
        raise FileNotFoundError(f"predict_catalogue: `folder` {given!r} holds no network: no {PARAMETER_FILE}.")
    models = (custom_models,) if isinstance(custom_models, type) else tuple(custom_models)
    sha256 = filehash(folder / PARAMETER_FILE)
    network = loaded_network(str(folder), sha256, models)
    check_network(network)
    keep = checked_columns(network, keep)
    shape = tuple(net_inputs(network)["input"])
    shape = shape[:1] if len(shape) == 2 and shape[1] == 1 else shape
    if outliers is not None:
        outliers = str(Path(outliers).expanduser().absolute())
        check_detector(outliers, shape, errors, false_alarm)
    reading = Reading(shape, spectra, mask, errors, keep, reader, dr)
    answering = Answering(sampling, precision, bool(calibrated), float(max_missing), float(false_alarm))
    return Work(str(folder), sha256, reading, answering, outliers, models), network


def _with_targets(parts, folder, made_from):
    """Parts with the names of their files, which tell what is in them: what was made otherwise has another name."""
    settings, known_stat = json.dumps(made_from, sort_keys=True), functools.cache(stat_of)

    def target(part):
        checksum = hashlib.sha256((settings + part.fingerprint(known_stat)).encode()).hexdigest()[:16]
        return str(folder / f"{part.number:08d}-{checksum}.npz")

    return [replace(part, target=target(part)) for part in parts]


def _run(work, parts, engine, client, verbose):
    """Do what is not done; returns how many spectra were."""
    left = [part for part in parts if not Path(part.target).exists()]
    n_all, n_left = (sum(part.n_stars for part in some) for some in (parts, left))
    with tqdm(total=n_all, initial=n_all - n_left, desc="Predicting", unit="star", disable=not verbose) as progress:
        if left:
            engine(work, left, lambda part: progress.update(part.n_stars), client)
    return n_all - n_left


def _made_from(work):
    """What a catalogue depends on besides its inputs."""
    reading, reader = work.reading, work.reading.reader
    told = {one.name: getattr(reading, one.name) for one in fields(reading)}
    name = getattr(reader, "__qualname__", type(reader).__name__)
    return {
        "network": work.sha256,
        "astroNN": __version__,
        "backend": keras.backend.backend(),
        "reading": told | {"reader": [name, checksum_of_code(reader)]},
        "answering": asdict(work.answering),
        "outliers": None if work.outliers is None else filehash(work.outliers),
    }


def _meta(net, made_from):
    """Where the catalogue comes from, for its header; nothing that changes from run to run."""
    kind = getattr(net, "template", net)
    return {
        "NETWORK": type(kind).__name__,
        "PARAMSHA": made_from["network"],
        "ASTRONN": __version__,
        "SAMPLING": made_from["answering"]["sampling"],
        "PRECIS": made_from["answering"]["precision"],
        "MC_NUM": int(getattr(kind, "mc_num", 0) or 0),
    }

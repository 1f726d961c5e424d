"""`H5Compiler`: from a folder of APOGEE spectra and the catalogue of their stars to a file for training."""

import os
import re
import warnings
from collections import defaultdict
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import numpy as np
from astropy import units as u
from tqdm.auto import tqdm

from astroNN.apogee import continuum_mask, network_input, read_apstar, read_aspcapstar
from astroNN.apogee.readers import ApogeeFileError, n_visits, read_hdus, spectrum_kind
from astroNN.config import MAGIC_NUMBER
from astroNN.datasets._allstar import BAD_LABEL_BITS, Cuts, read_catalogue
from astroNN.datasets._compiled_parts import CompiledParts
from astroNN.datasets.h5 import ALL_TARGETS
from astroNN.shared.callers import users_level
from astroNN.shared.columns import column_values, in_unit
from astroNN.shared.errors import ConfigurationError
from astroNN.shared.messages import tell
from astroNN.shared.setting_checks import check_one_of

__all__ = ["CompileReport", "H5Compiler"]

# Kind of file, reduction (and version of ASPCAP), APOGEE ID.
SPECTRUM_NAME = re.compile(r"(apStar|asStar|aspcapStar)C?-d?r\d+(?:-l[0-9a-z.]+)?-(.+)\.fits")
KINDS = ("combined", "visits", "both")
ROWS_PER_PART = 512  # 45 MB


@dataclass
class CompileReport:
    """What became of the stars of a catalogue.

    Attributes
    ----------
    path : Path
        The file that was written.
    n_stars : int
        Stars that passed the cuts.
    n_spectra : int
        Spectra in the file.
    without_file : list of str
        Stars that have no file in the folder.
    broken : dict of str
        Files that could not be read, and why.
    """

    path: Path
    n_stars: int = 0
    n_spectra: int = 0
    without_file: list = field(default_factory=list)
    broken: dict = field(default_factory=dict)


class H5Compiler:
    """Compile spectra of APOGEE and labels of their stars into a file that `H5Loader` reads.

    The workflow of Leung & Bovy 2019: spectra of stars that pass cuts in quality, divided by their continuum on 7514
    pixels, with bad pixels masked, and labels that are -9999 where the survey has none or flags it.

    Parameters
    ----------
    filename : str or Path
        The HDF5 file to write; ".h5" is added if it is not there.
    catalogue : str, Path, Table or DataFrame
        The file allStar (DR13 to DR17), or a table with its columns.
    folder : str or Path
        Folder with the FITS files, which may lie in folders within it: apStar (asStar), or aspcapStar for combined
        spectra alone. They are known by their names.

    Attributes
    ----------
    kind : {"combined", "visits", "both"}
        Spectra to take: "combined" (default), single visits, or both. They are told apart by ``in_flag``.
    labels : sequence of str
        Labels, `astroNN.datasets.h5.ALL_TARGETS` without fakemag by default. Elements are [X/H].
    snr : tuple or None
        Lowest and highest signal to noise ratio of the combined spectrum; (200, None) by default.
    teff : tuple or None
        Lowest and highest effective temperature [K]; (4000, 5500) by default.
    fe_h : tuple or None
        Lowest and highest [Fe/H]; (-3, None) by default.
    vscatter : tuple or None
        Lowest and highest scatter of the velocities of the visits [km/s]; (None, 1) by default.
    starflag, aspcapflag : bool
        Take only stars of which STARFLAG, or ASPCAPFLAG, is zero; True by default.
    bad_label_bits : sequence of int
        Bits of PARAMFLAG and ELEMFLAG that make a label missing; 0 to 7 by default. The bits from 8 on are warnings.
    parallax, parallax_err : array, Quantity, Column or None
        Parallaxes and their errors [mas], one for every row of the catalogue, for the label "fakemag" (K band).
    dr : int
        Release of the continuum pixels; 14 by default, that of the published networks.
    verbose : int
        0 says nothing and shows no progress; 1 by default.

    Notes
    -----
    Finished parts are kept in a folder ``.<name>.parts`` beside the file until all are there: after a crash the next
    call with the same settings goes on where the last one was. Memory does not grow with the number of stars.

    The file holds ``spectra``, ``spectra_err`` and ``mask`` (shape (n_spectra, 7514); 1 = bad), every label and its
    error as ``<label>`` and ``<label>_err``, ``in_flag`` (0 combined, 1 visit), ``visit`` (0 combined, else its
    number), ``SNR``, ``RA``, ``DEC``, ``Kmag``, ``AK_TARG``, ``APOGEE_ID``, ``FIELD``, ``LOCATION_ID``,
    ``TELESCOPE``, ``catalogue_row``, and ``star``, a number for every APOGEE_ID (a star observed in several fields
    has several rows): give it to ``fit(groups=...)``, and spectra of a star stay together.

    References
    ----------
    Leung & Bovy 2019, MNRAS 483, 3255, section 4.

    Examples
    --------
    >>> compiler = H5Compiler("train.h5", "allStar-l31c.2.fits", "dr14/")  # doctest: +SKIP
    >>> compiler.kind, compiler.labels = "both", ["teff", "logg", "Fe"]  # doctest: +SKIP
    >>> report = compiler.compile()  # doctest: +SKIP
    """

    def __init__(self, filename, catalogue, folder):
        path = Path(filename).expanduser().absolute()
        self.path = path if path.suffix in (".h5", ".hdf5") else path.with_name(f"{path.name}.h5")
        self.catalogue, self.folder = catalogue, Path(folder).expanduser()
        self.kind = "combined"
        self.labels = [name for name in ALL_TARGETS if name != "fakemag"]
        self.snr, self.teff = (200, None), (4000, 5500)
        self.fe_h, self.vscatter = (-3, None), (None, 1)
        self.starflag = self.aspcapflag = True
        self.bad_label_bits = BAD_LABEL_BITS
        self.parallax = self.parallax_err = None
        self.dr, self.verbose = 14, 1

    def compile(self, if_exists="error", restart=False):
        """Write the file.

        Parameters
        ----------
        if_exists : {"error", "replace"}, optional
            What to do if the file exists. Default: raise.
        restart : bool, optional
            Throw away what an earlier call left unfinished. Default False.

        Returns
        -------
        CompileReport
            How many stars and spectra the file holds, and which are not in it.

        Raises
        ------
        FileExistsError
            If the file exists; before anything is done.
        FileNotFoundError
            If the catalogue or the folder is not there.
        ConfigurationError
            (a ValueError) If a setting can't be used, no star passes the cuts, none of them has a file, or parts
            of an earlier call were made with other settings.

        Warns
        -----
        UserWarning
            If files can't be read, or stars have none; see the report.
        """
        check_one_of("if_exists", if_exists, ("error", "replace"))
        self._check_settings()
        self._check_place(if_exists)
        stars, labels, labels_err = self._stars()
        parts = CompiledParts(self.path, self._settings(stars, labels, labels_err), restart)
        with parts:
            self._check_place(if_exists)  # another process may have finished while the catalogue was read
            report = self._run(stars, labels, labels_err, parts)
        self._tell(report)
        return report

    def _check_settings(self):
        check_one_of("kind", self.kind, KINDS)
        continuum_mask(self.dr)  # knows the releases
        if isinstance(self.labels, str) or not len(self.labels):
            raise ConfigurationError(f"H5Compiler: `labels` must be a list of labels, got {self.labels!r}.")
        bits = self.bad_label_bits
        if not np.iterable(bits) or not all(isinstance(bit, int | np.integer) and 0 <= bit < 63 for bit in bits):
            raise ConfigurationError(
                f"H5Compiler: `bad_label_bits` must be a list of bits from 0 to 62 (empty for none), got {bits!r}."
            )

    def _check_place(self, if_exists):
        if self.path.exists() and if_exists == "error":
            raise FileExistsError(f"{self.path} exists already; nothing was done. Say if_exists='replace'.")

    def _stars(self):
        cuts = Cuts(self.snr, self.teff, self.fe_h, self.vscatter, self.starflag, self.aspcapflag)
        stars = read_catalogue(self.catalogue, cuts)
        if not len(stars):
            raise ConfigurationError(
                "H5Compiler: no star of the catalogue passes the cuts; loosen some, see `snr`, ..."
            )
        return stars, *stars.labels(self.labels, self.bad_label_bits, self._parallaxes(stars))

    def _parallaxes(self, stars):
        """Parallaxes of the stars that are taken, and their errors [mas]; None if there are none."""
        given = {"parallax": self.parallax, "parallax_err": self.parallax_err}
        if all(values is None for values in given.values()):
            return None
        found = []
        for argument, values in given.items():
            if values is None:
                raise ConfigurationError(f"H5Compiler: `{argument}` is None; give both, parallaxes and their errors.")
            numbers, unit = column_values("H5Compiler", argument, values)
            if numbers.shape != (stars.n_rows,):
                raise ConfigurationError(
                    f"H5Compiler: `{argument}` must hold a number for each of the {stars.n_rows} rows of the "
                    f"catalogue, got the shape {numbers.shape}."
                )
            if unit is not None:
                numbers = in_unit("H5Compiler", argument, numbers, unit, u.mas)
            found.append(numbers[stars.rows])
        return tuple(found)

    def _settings(self, stars, labels, labels_err):
        """What the parts depend on: they must not be mixed."""
        told = {"kind": self.kind, "labels": list(map(str, self.labels)), "dr": int(self.dr)}
        told |= {"folder": str(self.folder.absolute())}
        digest = sha256("\n".join(stars.stars).encode())
        for array in (stars.rows, labels, labels_err):
            digest.update(np.ascontiguousarray(array).tobytes())
        return told | {"stars": digest.hexdigest()}

    def _run(self, stars, labels, labels_err, parts):
        paths = _files_of_stars(stars, _files_by_star(self.folder), self.kind)
        report = CompileReport(self.path, n_stars=len(stars))
        rows = _Rows(stars, self.labels, labels, labels_err)
        done = parts.done
        with tqdm(total=len(stars), initial=done, desc="spectra", unit="star", disable=not self.verbose) as bar:
            for number in range(done, len(stars)):
                path = paths[number]
                if path is None:
                    parts.note("without_file", stars.stars[number])
                else:
                    try:
                        rows.add(number, *_spectra(path, self.kind, self.dr))
                    except (OSError, ValueError) as error:
                        parts.note("broken", [str(path), f"{error}"])
                bar.update()
                if len(rows) >= ROWS_PER_PART or number + 1 == len(stars):
                    parts.write(rows.take(), number + 1)
        report.without_file, report.broken = parts.notes["without_file"], dict(parts.notes["broken"])
        report.n_spectra = parts.assemble()
        return report

    def _tell(self, report):
        if report.broken:
            listed = "; ".join(f"{Path(name).name} ({reason})" for name, reason in list(report.broken.items())[:3])
            warnings.warn(
                f"H5Compiler: {len(report.broken)} files could not be read and were left out: {listed}"
                + (", ..." if len(report.broken) > 3 else "."),
                stacklevel=users_level(),
            )
        if report.without_file:
            warnings.warn(
                f"H5Compiler: {len(report.without_file)} of {report.n_stars} stars have no file in {self.folder}: "
                f"{', '.join(report.without_file[:3])}{', ...' if len(report.without_file) > 3 else ''}",
                stacklevel=users_level(),
            )
        tell(f"{report.n_spectra} spectra of {report.n_stars} stars are in {report.path}", self.verbose)


class _Rows:
    """Rows of the file that were not written yet."""

    def __init__(self, stars, names, labels, labels_err):
        self.per_star = stars.facts()
        for column, name in enumerate(names):
            self.per_star[name] = _with_magic(labels[:, column])
            self.per_star[f"{name}_err"] = _with_magic(labels_err[:, column])
        self.columns, self.n_rows = defaultdict(list), 0

    def __len__(self):
        return self.n_rows

    def add(self, number, arrays, visits, snr):
        """Spectra of a star: flux, error and mask; numbers of their visits; signal to noise ratios."""
        n_spectra = len(visits)
        for name, array in zip(("spectra", "spectra_err", "mask"), arrays, strict=True):
            self.columns[name].append(array)
        for name, column in self.per_star.items():
            self.columns[name].append(np.repeat(column[number], n_spectra))
        self.columns["visit"].append(np.array(visits))
        self.columns["in_flag"].append((np.array(visits) > 0).astype("int8"))
        if "SNR" in self.columns:
            # The catalogue has that of the combined spectrum, the file those of the visits.
            own = np.array([np.nan if value is None else value for value in snr])
            combined = self.columns["SNR"][-1]
            self.columns["SNR"][-1] = np.where((np.array(visits) > 0) & np.isfinite(own), own, combined).astype(
                "float32"
            )
        self.n_rows += n_spectra

    def take(self):
        """Give all rows away, as arrays by name."""
        taken = {name: np.concatenate(parts) for name, parts in self.columns.items()}
        self.columns, self.n_rows = defaultdict(list), 0
        return taken


def _files_by_star(folder):
    """Paths of the spectra in a folder and those below, by star and kind of file."""
    if not folder.is_dir():
        raise FileNotFoundError(f"H5Compiler: `folder`: there is no folder {folder}.")
    found = defaultdict(list)
    for place, _, names in os.walk(folder):
        for name in names:
            match = SPECTRUM_NAME.fullmatch(name)
            if match:
                found[match[2]].append(Path(place) / name)
    return found


def _files_of_stars(stars, files, kind):
    """The file of every row, or None: that in the folder of its field, else one that no row has taken.

    apStar comes before aspcapStar, which has no visits.
    """
    chosen, taken = [None] * len(stars), set()
    for only_right_field in (True, False):
        for number, star in enumerate(stars.stars):
            if chosen[number] is not None:
                continue
            place = set(stars.place(number))
            usable = [
                path
                for path in files.get(star, ())
                if path not in taken
                and not (kind != "combined" and path.name.startswith("aspcap"))
                and not (only_right_field and not place & set(path.parts))
            ]
            chosen[number] = min(usable, key=lambda path: (path.name.startswith("aspcap"), path), default=None)
            taken.add(chosen[number])
    return chosen


def _spectra(path, kind, dr):
    """Normalised spectra of a file: (flux, error, mask), numbers of visits (0 combined), signal to noise ratios."""
    hdus = read_hdus(path, "H5Compiler")
    if spectrum_kind(hdus) == "aspcapStar":
        spectra, visits = [read_aspcapstar(hdus)], [0]
    elif spectrum_kind(hdus) == "apStar":
        numbers = range(n_visits(hdus) + 1)
        visits = {"combined": [0], "visits": [*numbers[1:]], "both": [*numbers]}[kind]
        if not visits:
            raise ApogeeFileError("it holds no single visit")
        spectra = [read_apstar(hdus, visit=visit or None) for visit in visits]
    else:
        raise ApogeeFileError("it has the layout of neither apStar nor aspcapStar")
    with warnings.catch_warnings():
        # A chip without a good pixel is in the mask.
        warnings.filterwarnings("ignore", message="apogee_continuum: of")
        flux, err, mask = network_input(spectra, dr=dr)
    arrays = flux.astype("float32"), err.astype("float32"), mask.astype("uint8")
    return arrays, visits, [spectrum.snr for spectrum in spectra]


def _with_magic(values):
    return np.where(np.isnan(values), MAGIC_NUMBER, values).astype("float32")

"""Settings of a run: the first script writes them into the work folder, the others read them there."""

import argparse
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from astroNN.apogee.archive import releases_of
from astroNN.shared.files import atomic_file

__all__ = ["LABELS", "NETWORKS", "Settings", "script_arguments"]

#: labels of both networks in the order of `ApogeeBCNNCensored`; elements are [X/H]
LABELS = tuple("teff logg C C1 N O Na Mg Al Si P S K Ca Ti Ti2 V Cr Mn Fe Co Ni".split())
NETWORKS = ("bayesian", "censored")
MIRROR = "SDSS_LOCAL_SAS_MIRROR"


@dataclass(frozen=True)
class Settings:
    """What all steps must agree on.

    Parameters
    ----------
    work : Path
        Folder for everything that is made.
    sas : str
        Root of the mirror of the archive, which holds ``dr14/`` or ``dr17/``.
    dr : int
        Data release of the catalogue, the files and the continuum pixels.
    seed : int
        Where all random numbers come from.
    """

    work: Path
    sas: str
    dr: int
    seed: int

    @classmethod
    def read(cls, work):
        """Settings of a work folder, which also become those of `astroNN.apogee`."""
        path = Path(work) / "settings.json"
        if not path.is_file():
            raise SystemExit(f"--work: there is no {path}; run 1_choose_stars.py with this folder first.")
        settings = cls(Path(work), **json.loads(path.read_text(encoding="utf-8")))
        os.environ[MIRROR] = settings.sas
        return settings

    def write(self):
        """Write them, or stop if the folder was begun with others: its files must not be mixed."""
        ours = {name: value for name, value in asdict(self).items() if name != "work"}
        path = self.work / "settings.json"
        if path.exists():
            theirs = json.loads(path.read_text(encoding="utf-8"))
            if theirs != ours:
                raise SystemExit(f"--work: {path} has {theirs}, now given are {ours}. Name another folder.")
        self.work.mkdir(parents=True, exist_ok=True)
        with atomic_file(path) as temporary:
            temporary.write_text(json.dumps(ours, indent=1) + "\n", encoding="utf-8")
        os.environ[MIRROR] = self.sas

    def stars(self, name):
        """List of stars that the first step wrote."""
        return self.work / "stars" / f"{name}.fits"

    def spectra(self, name):
        """File of spectra that the second step compiled."""
        return self.work / "spectra" / f"{name}.h5"

    def network(self, name):
        """Folder of a network."""
        return self.work / "networks" / name

    def predictions(self, network, name):
        """Table of predictions of the fourth step."""
        return self.work / "predictions" / f"{network}_{name}.fits"

    def results(self, name):
        """File in the folder of results, which is made if need be."""
        folder = self.work / "results"
        folder.mkdir(exist_ok=True)
        return folder / name


def script_arguments(doc):
    """Parser of a step, with the argument that all have.

    Parameters
    ----------
    doc : str
        Docstring of the script; its first line is the description.
    """
    parser = argparse.ArgumentParser(description=doc.splitlines()[0])
    parser.add_argument(
        "--work", type=Path, default=Path("apogee_paper"), help="folder of the run; default: %(default)s"
    )
    return parser


def mirror_and_release(parser):
    """Add the arguments of the scripts that begin a run."""
    parser.add_argument("--sas", default=os.environ.get(MIRROR), help=f"root of the archive; default: ${MIRROR}")
    parser.add_argument("--dr", type=int, default=14, choices=releases_of("allstar"), help="default: %(default)s")
    parser.add_argument("--seed", type=int, default=0, help="of all random numbers; default: %(default)s")


def begun(arguments):
    """Settings from the arguments of `mirror_and_release`, written into the work folder."""
    if not arguments.sas:
        raise SystemExit(
            f"--sas: name the root of the archive, or set {MIRROR}; make_simulated_sas.py makes a small one."
        )
    if not Path(arguments.sas).is_dir():
        raise SystemExit(f"--sas: there is no folder {arguments.sas}.")
    sas = os.path.abspath(os.path.expanduser(arguments.sas))
    settings = Settings(arguments.work, sas, arguments.dr, arguments.seed)
    settings.write()
    return settings

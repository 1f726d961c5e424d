"""Step 4: infer labels from combined and visit spectra.

    python 4_infer_spectra.py --work run
    python 4_infer_spectra.py --work run --sampling fast      # the real archive: ten times as fast

Both networks read the apStar file of every star of allStar (its combined spectrum), and the compiled files of step
2, which hold the single visits of the test stars. The errors of the pixels are carried through the networks: their
part of the uncertainty grows with the noise. After a kill the same call goes on; what is there for this network is
left alone.
"""

from astropy.io import fits
from astropy.table import Table
from paper.archive import allstar_path, spectrum_paths, text
from paper.settings import NETWORKS, Settings, script_arguments

from astroNN.catalogue import predict_catalogue
from astroNN.shared.files import filehash


def stars_with_files(settings):
    """Paths of the spectra of all stars, with their names and rows in allStar; and how many stars have none."""
    with fits.open(allstar_path(settings), memmap=True) as hdus:
        paths = spectrum_paths(settings, hdus[1].data)
        stars = text(hdus[1].data["APOGEE_ID"])
    there = [row for row, path in enumerate(paths) if path is not None]
    if not there:
        raise SystemExit(f"No spectrum of any star lies below {settings.sas}.")
    names = [str(paths[row]) for row in there]
    return Table({"path": names, "APOGEE_ID": stars[there], "allstar_row": there}), len(paths) - len(there)


def infer(settings, network, inputs, out, keep, sampling):
    """Predict, unless the table is there, made by this very network."""
    folder = settings.network(network)
    if not folder.is_dir():
        raise SystemExit(f"There is no network {folder}; run 3_train_networks.py first.")
    if out.exists() and fits.getval(out, "PARAMSHA", 1) == filehash(folder / "astroNN_model_parameter.json"):
        if isinstance(inputs, Table) or out.stat().st_mtime >= inputs.stat().st_mtime:
            print(f"{out} is there")
            return
    out.parent.mkdir(exist_ok=True)
    summary = predict_catalogue(
        folder, inputs, out, keep=keep, sampling=sampling, errors="spectra_err", dr=settings.dr, if_exists="replace",
        verbose=0,
    )  # fmt: skip
    print(summary)


def main():
    parser = script_arguments(__doc__)
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=NETWORKS, help="default: both")
    parser.add_argument(
        "--sampling", choices=("exact", "per_star", "fast"), default="exact", help="default: %(default)s"
    )
    arguments = parser.parse_args()
    settings = Settings.read(arguments.work)
    stars, n_missing = stars_with_files(settings)
    print(f"{len(stars)} stars have a spectrum here, {n_missing} have none")
    for network in arguments.networks:
        for name in ("test", "low_snr"):
            spectra = settings.spectra(name)
            if spectra.exists():
                keep = ("APOGEE_ID", "SNR", "visit")
                infer(settings, network, spectra, settings.predictions(network, name), keep, arguments.sampling)
        out = settings.predictions(network, "combined")
        infer(settings, network, stars, out, ("APOGEE_ID", "allstar_row"), arguments.sampling)


if __name__ == "__main__":
    main()

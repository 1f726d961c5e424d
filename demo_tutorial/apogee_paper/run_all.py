"""Run all steps, one after the other; what is done already is not done again.

python run_all.py --work run --simulate                                  # on 660 simulated stars, some nine minutes
python run_all.py --work run --sas /path/to/sas --dr 14 --clusters cluster_stars_meszaros2013.txt
"""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

from paper.settings import MIRROR, mirror_and_release

HERE = Path(__file__).resolve().parent


def run(script, *arguments):
    """Run a script of this folder; stop if it fails."""
    print(f"\n== {script} {' '.join(arguments)}", flush=True)
    start = time.perf_counter()
    done = subprocess.run([sys.executable, str(HERE / script), *arguments])
    if done.returncode:
        raise SystemExit(f"{script} failed; the steps before it stay done.")
    print(f"== {script}: {time.perf_counter() - start:.0f} s", flush=True)


def steps(arguments):
    """The scripts and their arguments, in order."""
    work = ["--work", str(arguments.work)]
    epochs = ["--epochs", str(arguments.epochs)] if arguments.epochs else []
    truth = ["--truth", str(arguments.truth)] if arguments.truth else []
    clusters = ["--clusters", str(arguments.clusters)] if arguments.clusters else []
    archive = ["--sas", str(arguments.sas), "--dr", str(arguments.dr), "--seed", str(arguments.seed)]
    fetch = ["--fetch"] if arguments.fetch else []
    yield "1_choose_stars.py", *work, *archive, *clusters, "--test-fraction", str(arguments.test_fraction), *fetch
    yield "2_compile_files.py", *work, *fetch
    yield "3_train_networks.py", *work, *epochs, "--quiet"
    yield "4_infer_spectra.py", *work, "--sampling", arguments.sampling
    yield "5_compare.py", *work, *truth
    sizes = ["--sizes", *map(str, arguments.sizes)] if arguments.sizes else []
    yield "6_small_training_sets.py", *work, *epochs, *sizes, *truth
    if clusters:
        yield "7_clusters.py", *work, *clusters, *truth
    yield "8_write_catalogue.py", *work


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--work", type=Path, default=Path("apogee_paper"), help="folder of the run; default: %(default)s"
    )
    mirror_and_release(parser)
    parser.add_argument("--simulate", action="store_true", help="make a small archive in the work folder, and use it")
    parser.add_argument("--stars", type=int, default=600, help="simulated ones of the field; default: %(default)s")
    parser.add_argument("--clusters", type=Path, help="table of Meszaros et al. 2013; without it step 7 is left out")
    parser.add_argument("--truth", type=Path, help="table of exact labels, of an archive that was simulated earlier")
    parser.add_argument("--test-fraction", type=float, help="of the stars; default: 0.1, with --simulate 0.25")
    parser.add_argument("--sizes", type=int, nargs="+", help="of the training sets of step 6")
    parser.add_argument("--epochs", type=int, help="default: those of the recipe, see paper/training.py")
    parser.add_argument(
        "--sampling", choices=("exact", "per_star", "fast"), default="exact", help="of dropout, in step 4"
    )
    parser.add_argument(
        "--fetch", action="store_true", help="fetch catalogue and spectra that are not there from SDSS"
    )
    arguments = parser.parse_args()
    if arguments.simulate:
        arguments.sas = arguments.work / "sas"
        if not arguments.sas.exists():
            numbers = {"--stars": arguments.stars, "--dr": arguments.dr, "--seed": arguments.seed}
            settings = [str(part) for pair in numbers.items() for part in pair]
            run("make_simulated_sas.py", str(arguments.sas), *settings, "--no-aspcap")
        arguments.clusters, arguments.truth = (
            arguments.sas / f"simulated_{name}" for name in ("clusters.txt", "truth.fits")
        )
    elif not arguments.sas:
        parser.error(f"--sas is needed, or {MIRROR} in the environment, or --simulate.")
    if arguments.test_fraction is None:
        # So few stars that a tenth would be too few to tell how good the labels are.
        arguments.test_fraction = 0.25 if arguments.simulate else 0.1
    os.environ[MIRROR] = str(arguments.sas)
    for script, *rest in steps(arguments):
        run(script, *rest)


if __name__ == "__main__":
    main()

"""Time and memory that `H5Compiler` takes for a folder of simulated apStar files.

    python benchmarks/compile_survey.py                  # 5,000 files, 0.5 GB on the disk
    python benchmarks/compile_survey.py --stars 500 --folder /scratch

The files are written first and deleted at the end. The peak of the memory is that of the whole process.
"""

import argparse
import importlib.util
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from astroNN.datasets import H5Compiler, H5Loader, simulate_apogee


def survey_files():
    """Writers of survey files, which the tests have."""
    path = Path(__file__).resolve().parents[1] / "tests" / "helpers" / "apogee_files.py"
    spec = importlib.util.spec_from_file_location("apogee_files", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def write_survey(folder, n_stars):
    """The files of a survey of stars with one visit each."""
    files = survey_files()
    stars = [f"2M{number:08d}+0000000" for number in range(n_stars)]
    for start in range(0, n_stars, 500):
        some = stars[start : start + 500]
        survey = simulate_apogee(len(some), seed=start)
        for star, flux, err in zip(some, 300 * survey.spectra, 300 * survey.spectra_err, strict=True):
            files.apstar_hdus(star, flux[None], err[None]).writeto(folder / f"apStar-r8-{star}.fits")
    files.allstar_hdus(stars).writeto(folder / "allStar.fits")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--stars", type=int, default=5000)
    parser.add_argument("--folder", type=Path, help="where the files are written; default: a temporary folder")
    parser.add_argument("--compile", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.compile:
        compile_folder(arguments.compile)
        return
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        start = time.perf_counter()
        write_survey(Path(folder), arguments.stars)
        print(f"{arguments.stars} files written in {time.perf_counter() - start:.0f} s", flush=True)
        # A process of its own, whose memory is that of the compiler alone.
        subprocess.run([sys.executable, __file__, "--compile", folder], check=True)


def compile_folder(folder):
    """Compile, and tell time and memory."""
    compiler = H5Compiler(folder / "survey.h5", folder / "allStar.fits", folder)
    compiler.verbose = 0
    start = time.perf_counter()
    report = compiler.compile()
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{report.n_spectra} spectra compiled in {seconds:.0f} s ({1000 * seconds / report.n_spectra:.1f} ms each); "
        f"peak memory {peak:.0f} MB; file {report.path.stat().st_size / 1e6:.0f} MB"
    )
    labels = H5Loader(report.path, target="teff").load_entry("teff")
    assert len(labels) == report.n_spectra and np.isfinite(labels).all()


if __name__ == "__main__":
    main()

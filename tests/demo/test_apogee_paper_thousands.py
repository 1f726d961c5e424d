"""The workflow of the paper on thousands of simulated stars: as accurate as the demo says that such networks are.

The steps behind the comparison are tested on few stars, see test_apogee_paper_whole.py.
"""

import pytest

from tests.demo.paper_scripts import NEEDS_SCRIPTS, run, scatter_of_the_demo, scores_of

pytestmark = [pytest.mark.slow, pytest.mark.tensorflow_only, NEEDS_SCRIPTS]

#: two standard errors of the ratio of two scatters (1.4826 MAD), each known to 1.17 / sqrt(n): 295 test stars here, a
#: thousand of the demo
SAMPLING = 1.16


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    work = tmp_path_factory.mktemp("thousands") / "run"
    sas, same = work / "sas", ("--work", work)
    run("make_simulated_sas.py", sas, "--stars", 4500, "--dr", 14, "--seed", 5, "--no-aspcap")
    run("1_choose_stars.py", *same, "--sas", sas, "--dr", 14, "--seed", 5, "--test-fraction", 0.1)
    run("2_compile_files.py", *same)
    run("3_train_networks.py", *same, "--quiet")
    run("4_infer_spectra.py", *same, "--sampling", "fast")
    print(run("5_compare.py", *same, "--truth", sas / "simulated_truth.fits").stdout)
    return work / "results"


@pytest.mark.parametrize("network", ["bayesian", "censored"])
def test_labels_are_recovered_within_the_scatter_of_the_demo(results, network):
    demo, scores = scatter_of_the_demo(), scores_of(results / f"{network}_test_combined.csv")
    assert list(demo) == ["teff", "logg", "Fe", "C", "Mg", "Al"]
    if network == "bayesian":
        # With 22 labels it takes aluminium from the other elements, not from its three lines, and errs by what
        # aluminium scatters about them. The censored network, which sees these lines alone, makes the catalogue.
        del demo["Al"]
    for label, scatter in demo.items():
        assert scores[label]["n_stars"] > 280
        assert scores[label]["scatter"] < SAMPLING * scatter
        assert abs(scores[label]["bias"]) < 0.5 * scatter
        # 0.68 of right error bars; the limits are those of bars a quarter too short and half too long.
        assert 0.55 < scores[label]["within_1sigma"] < 0.87

"""What is gained and lost by letting the factor of predicted spreads vary with the spread, for random numbers.

    python benchmarks/varying_factor.py            # some minutes on two cores
    python benchmarks/varying_factor.py --draws 3

Four labels; the true spread is 0.6 sigma^(1 + slope) for the predicted spread sigma. Factors are found from stars
whose labels have errors, and judged by the errors of 20,000 other stars. Printed are the excess of the mean negative
log likelihood over that of the true spreads, times 1,000, and the percentages within one sigma of the fifth of the
stars with the smallest, and with the largest, predicted spread; then what varying factors gain, with the standard
error of the mean over the draws. The gain is known better than the excess, since some draws are bad for both.
"""

import argparse

import numpy as np

from astroNN.nn.calibration import coverage, fit_spread_calibration, negative_log_likelihood

N_LABELS, N_JUDGED = 4, 20_000
FACTOR, SCATTER, LABEL_ERROR = 0.6, 0.4, 0.5
DEGREES = 10  # of Student's t: a kurtosis of 4, as trained networks have


def make_stars(rng, n_stars, slope):
    """Errors, predicted and true spreads, and errors of the labels."""
    size = (n_stars, N_LABELS)
    spread = np.exp(SCATTER * rng.normal(size=size))
    labels_err = LABEL_ERROR * np.exp(0.3 * rng.normal(size=size))
    true = FACTOR * spread ** (1 + slope)
    errors = true * rng.standard_t(DEGREES, size=size) / np.sqrt(DEGREES / (DEGREES - 2))
    return errors, spread, true, labels_err


def judge(errors, spread, true, calibrated):
    """Excess of the score times 1,000; percentages within one sigma at both ends of the predicted spreads."""
    zero = np.zeros_like(errors)
    scores = [negative_log_likelihood(zero, spreads, errors).mean() for spreads in (calibrated, true)]
    low, high = (np.quantile(spread, fraction, axis=0) for fraction in (0.2, 0.8))
    ends = [np.where(chosen, errors, np.nan) for chosen in (spread < low, spread > high)]
    return 1000 * (scores[0] - scores[1]), *(100 * coverage(end, calibrated)[0].mean() for end in ends)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws", type=int, default=12)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    for n_stars in (400, 4000):
        for slope in (0.0, -0.2, -0.4):
            rng = np.random.default_rng(arguments.seed)
            found = {False: [], True: []}
            for _ in range(arguments.draws):
                errors, spread, _, labels_err = make_stars(rng, n_stars, slope)
                residuals = errors + rng.normal(size=errors.shape) * labels_err
                errors, others, true, _ = make_stars(rng, N_JUDGED, slope)
                for vary, results in found.items():
                    calibration = fit_spread_calibration(residuals, spread, labels_err, vary=vary)
                    results.append(judge(errors, others, true, calibration.apply({"total": others})["total"]))
            print(f"{n_stars} stars, slope {slope:.1f}")
            for vary, results in found.items():
                excess, low, high = np.mean(results, axis=0)
                print(f"  {'varying ' if vary else 'constant'} {excess:5.1f}; {low:.0f}, {high:.0f}")
            gains = np.subtract(found[False], found[True])[:, 0]
            print(f"  gain     {gains.mean():5.1f} +- {gains.std() / len(gains) ** 0.5:.1f}", flush=True)


if __name__ == "__main__":
    main()

"""Benign overfitting in adversarial training, in one file: draw, train, attack, and hold against closed forms.

    python examples/theorem.py                # 5 s on one core: a table of errors over the steps, and theorem.png
    python examples/theorem.py --alpha 3      # close to ρ: all labels are fitted all the same, most test points lost

The main theorem of Wang, Zhang, Arora (ICML 2024), with their n, β and steps: points x = ỹμ + ξ in d dimensions with
labels y, flipped with probability β; a network f(x) = Σ_j a_j φ(⟨w_j, x⟩) with a_j = ±1/√m fixed and φ the leaky ReLU
of slope γ; gradient descent on (1/n) Σ_i max_{‖δ‖ ≤ α} log(1 + exp(-y_i f(x_i + δ))). All labels are fitted, wrong
ones too, and still the test error, clean and robust, stays near β as long as α is well below ρ, the distance of the
boundary from a cluster's centre.

Nothing of the package `benign` is used, which a test holds this file to. Closed forms: docs/theory.md §§ 1 to 4.
"""

import argparse
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from scipy.special import expit, ndtr

# Letter: (default, type, least, most, meaning)
LETTERS = {
    "n": (100, int, 1, 2000, "training points"),
    "d": (1000, int, 2, 10**12, "dimension"),
    "mu": (5.0, float, 0, 1e6, "‖μ‖, the distance of a cluster's mean from 0"),
    "beta": (0.1, float, 0, 0.5, "probability that a label is flipped"),
    "alpha": (1.0, float, 0, 1e6, "budget of the attack, in training and in the test"),
    "gamma": (0.1, float, 0, 1, "slope of the leaky ReLU on the left: 0 is the ReLU, 1 a linear network"),
    "m": (200, int, 2, 2000, "neurons, an even number"),
    "c": (2.0, float, 0, 100, "step size η = c·n/E‖x‖²"),
    "steps": (1000, int, 1, 10**5, "steps of gradient descent"),
    "tests": (2000, int, 1, 10**5, "fresh points"),
    "seed": (0, int, 0, 2**32, "of all that is drawn"),
}
START = 1e-3  # length of a neuron's initial weights


def noise(rows, d, rng):
    """Standard Gaussian vectors of R^d, rotated so that few coordinates hold them: (rows, k), μ's axis first.

    In their span, one after the other, the i-th has i coordinates along those before it and what is new: a length that
    is χ distributed. Training never leaves the span of μ, points and initial weights, so that d costs nothing.
    """
    if d <= rows + 1:
        return rng.standard_normal((rows, d))
    z = np.tril(rng.standard_normal((rows, rows + 1)))
    i = np.arange(rows)
    z[i, i + 1] = np.sqrt(rng.chisquare(d - 1 - i))
    return z


def draw(n, d, mu, beta, m, tests, seed):
    """Training points x (n, k) and fresh ones, with labels, and initial weights (m, k) in pairs, so that f = 0."""
    rng = np.random.default_rng(seed)

    def labels(count):
        clean = rng.choice([-1.0, 1.0], count)
        return clean, np.where(rng.random(count) < beta, -clean, clean)

    (clean, y), (test_clean, test_y) = labels(n), labels(tests)
    z = noise(n + m // 2, d, rng)
    test_x = rng.standard_normal((tests, z.shape[1]))  # what lies outside the span meets no weight
    x, w0 = z[:n], START / np.sqrt(d) * z[n:]
    x[:, 0] += mu * clean
    test_x[:, 0] += mu * test_clean
    return (x, y), (test_x, test_y), np.vstack([w0, w0])


def outer(m):
    """a (m,): half of the neurons have either sign."""
    return np.repeat([1.0, -1.0], m // 2) / np.sqrt(m)


def margin(x, y, w, gamma):
    """y·f(x) (n,) and its gradient in x, (n, k); also a_jφ'(z_j), (n, m)."""
    z = x @ w.T
    slopes = np.where(z > 0, 1.0, gamma) * outer(len(w))
    return y * (slopes * z).sum(1), y[:, None] * (slopes @ w), slopes


def worst(gradient, alpha):
    """δ = -α·∇/‖∇‖, the worst perturbation of a point at which the margin has this gradient."""
    length = np.linalg.norm(gradient, axis=1, keepdims=True)
    return -alpha * gradient / np.maximum(length, 1e-12)


def attack(x, y, w, gamma, alpha, moves=20):
    """The least y·f(x + δ) found over ‖δ‖ ≤ α, (n,): where δ = -α∇/‖∇‖ at x + δ itself, first-order conditions hold."""
    least, gradient, _ = margin(x, y, w, gamma)
    for _ in range(moves if alpha > 0 else 0):
        value, gradient, _ = margin(x + worst(gradient, alpha), y, w, gamma)
        least = np.minimum(least, value)
    return least


def train(x, y, w, alpha, gamma, eta, steps, stops):
    """Adversarial training from the weights w (m, k); yields (t, weights) at the steps t that are in `stops`."""
    w, delta = w.copy(), np.zeros_like(x)
    for t in range(1, steps + 1):
        for _ in range(2):  # δ starts where the last step left it, and has little left to turn
            _, gradient, _ = margin(x + delta, y, w, gamma)
            delta = worst(gradient, alpha)
        value, _, slopes = margin(x + delta, y, w, gamma)
        w += eta / len(x) * (slopes * (expit(-value) * y)[:, None]).T @ (x + delta)
        if t in stops:
            yield t, w


def robust_error(rho, alpha, beta):
    """Of a half-space whose normal v has ⟨μ, v⟩/‖v‖ = ρ: (1-β)Φ(α-ρ) + βΦ(α+ρ)."""
    return (1 - beta) * ndtr(alpha - rho) + beta * ndtr(alpha + rho)


def closed_forms(n, d, mu, beta, alpha, gamma):
    """Robust test error of the best classifier there is, of the average Σ y_i x_i, and of the max-margin network."""
    r = n * mu**2 / d
    kappa = (1 + gamma) ** 2 / (2 * (1 + gamma**2))
    s = (1 - 2 * beta) * kappa * r / (1 + kappa * r)

    def rho(right, wrong):  # weights λ of rightly and of wrongly labelled points in v = Σ λ_i y_i x_i
        mean, square = (1 - beta) * right - beta * wrong, (1 - beta) * right**2 + beta * wrong**2
        return np.sqrt(n) * mu**2 * mean / np.sqrt(d * square + n * mu**2 * mean**2)

    return {
        "floor (no classifier is better)": min(robust_error(mu, alpha, beta), 0.5),
        "averaging half-space": robust_error(rho(1, 1), alpha, beta),
        "max-margin network": robust_error(rho(1 - s, 1 + s), alpha, beta),
    }


def course(n, d, mu, beta, alpha, gamma, m, c, steps, tests, seed):
    """Columns t, robust training error, clean and robust test error, robust training loss, ρ; one row a stop."""
    train_set, test_set, w0 = draw(n, d, mu, beta, m, tests, seed)
    stops = {*np.unique(np.geomspace(1, steps, 13).round().astype(int))}
    rows = []
    for t, w in train(*train_set, w0, alpha, gamma, c * n / (d + mu**2), steps, stops):
        fitted, fresh = (attack(*points, w, gamma, alpha) for points in (train_set, test_set))
        clean, gradient, _ = margin(*test_set, w, gamma)
        v = (test_set[1][:, None] * gradient).mean(0)
        loss = np.logaddexp(0, -fitted).mean()
        errors = [(margins <= 0).mean() for margins in (fitted, clean, fresh)]
        rows.append([t, *errors, loss, mu * v[0] / np.sqrt(v @ v)])
    return np.array(rows)


def plot(rows, lines, file):
    """Errors over the steps: points are measured, lines are closed forms of the robust test error."""
    figure = Figure(figsize=(5, 3.4), layout="constrained")
    axes = figure.subplots()
    measured = ("robust training error", "clean test error", "robust test error")
    for label, column, look in zip(measured, rows.T[1:], ("C2^", "C7s", "C0o"), strict=False):
        axes.semilogx(rows[:, 0], column, f"{look}-", markersize=4, linewidth=0.8, label=label)
    for (label, value), look in zip(lines.items(), ("k:", "m-.", "C1--"), strict=True):
        axes.plot([1, rows[-1, 0]], [value, value], look, linewidth=1.2, label=label)
    axes.set(xlabel="step t", ylabel="error", ylim=(-0.02, None))
    axes.legend(fontsize=7, frameon=False)
    figure.savefig(file, dpi=200)


def main():
    """Read the letters, train, print, plot."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for letter, (default, kind, _, _, meaning) in LETTERS.items():
        parser.add_argument(f"--{letter}", type=kind, default=default, help=f"{meaning} (default {default:g})")
    parser.add_argument("--plot", type=Path, default=Path("theorem.png"), help="the figure's file, .png or .pdf")
    values = vars(parser.parse_args())
    file = values.pop("plot")
    for letter, (_, _, least, most, _) in LETTERS.items():
        if not least <= values[letter] <= most:
            parser.error(f"--{letter} {values[letter]:g} is impossible: give a value from {least:g} to {most:g}")
    if values["m"] % 2:
        parser.error(f"--m {values['m']} is impossible: give an even number, as half of the neurons have each sign")
    rows, law = course(**values), {letter: values[letter] for letter in ("n", "d", "mu", "beta", "alpha", "gamma")}
    print("     t  robust train error  clean test error  robust test error  robust train loss     ρ")
    for t, fitted, clean, robust, loss, rho in rows:
        print(f"{t:6.0f}  {fitted:18.3f}  {clean:16.3f}  {robust:17.3f}  {loss:17.4f}  {rho:5.2f}")
    lines = closed_forms(**law)
    for name, value in lines.items():
        print(f"{name}: {value:.3f}")
    spread = 1.96 * np.sqrt(rows[-1, 3] * (1 - rows[-1, 3]) / values["tests"])
    print(f"test errors are of {values['tests']} fresh points, ± {spread:.3f} at the end")
    plot(rows, lines, file)
    print(f"wrote {file}")


if __name__ == "__main__":
    main()

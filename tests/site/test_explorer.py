"""The explorer in a browser: its curves are Python's closed forms, training is the engine's, the address says it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import Page
from scipy.interpolate import RegularGridInterpolator
from scipy.stats import t as student

from benign.experiments.noisy_clusters.fit import networks
from benign.experiments.noisy_clusters.measure import measured
from benign.pipeline import tables
from benign.pipeline.site.explorer import explorer_data
from benign.stats import crossing
from benign.studies.adversarial_training.grid import Cell
from benign.study import Context
from benign.theory.mixture import assumptions, four_group, gaussian
from support import ROOT

pytestmark = pytest.mark.slow
Opened = Callable[..., Page]
SETTINGS, STEPS = 20, 1000
SLIDERS = ("n", "d", "r", "budget", "flipRate", "slope", "t")
READ = """() => {
    const chart = (name) => document.getElementById(`ex-chart-${name}`).data.map(({name, x, y}) => [name, x, y]);
    const holds = [...document.querySelectorAll("[data-assumption]")];
    return {
        setting: Explorer.setting(), budget: chart("budget"), rho: chart("rho"), phases: chart("phases"),
        holds: Object.fromEntries(holds.map(({dataset}) => [dataset.assumption, dataset.holds === "true"])),
    };
}"""


def settled(page: Page) -> None:
    page.wait_for_selector("#explorer-slot[data-busy=false]", state="attached", timeout=120_000)


def move(page: Page, **places: float) -> None:
    """Sliders to these places between their ends, 0 to 1, as a hand moves them: each says so to the page."""
    for key, share in places.items():
        page.locator(f"#ex-{key}").evaluate(
            """(slider, share) => {
                slider.value = Number(slider.min) + share * (slider.max - slider.min);
                slider.dispatchEvent(new Event("input"));
            }""",
            share,
        )


def curve(chart: list[Any], name: str, last: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """x and y of a chart's line."""
    x, y = [(x, y) for own, x, y in chart if own == name][-1 if last else 0]
    return np.array(x, float), np.array(y, float)


@pytest.fixture(scope="module")
def readings(browser: Any, site: Any) -> list[dict[str, Any]]:
    """What the page has at random settings, half of them where there is a table of h, after its sliders were moved."""
    rng = np.random.default_rng(20261127)
    page = browser.new_page()
    page.goto(site.as_uri())
    page.wait_for_selector("#explorer[data-ready]", state="attached")
    found = []
    for index in range(SETTINGS):
        places = {key: rng.random() for key in SLIDERS}
        if index % 2:  # γ = .1, and β = .1 on a slider that ends at .45; r between .3 and 16 on one from .01 to 100
            places |= {"slope": 0.1, "flipRate": 0.1 / 0.45, "r": 0.4 + 0.38 * rng.random()}
        move(page, **places)
        settled(page)
        found.append(page.evaluate(READ))
    page.close()
    return found


@functools.cache
def batch(changed: float, keys: tuple[tuple[float, ...], ...]) -> np.ndarray:
    n, d, signal, flip_rate, slope, budget, step_size = np.array(keys).T
    groups = np.array([four_group.sizes(*each) for each in zip(n, flip_rate, strict=True)])
    return four_group.trajectory(groups, d, signal, slope, budget, step_size * changed, STEPS).rho


def recursion(settings: list[dict[str, float]]) -> tuple[np.ndarray, np.ndarray]:
    """ρ (B, T) of the four-group recursion, and where it is determined.

    Where weights swing about 0, as they do for budgets that cannot be withstood, kinks magnify every rounding: there a
    step longer by 10⁻¹³ gives another course, and two processors do.
    """
    names = ("n", "d", "signal", "flipRate", "slope", "budget", "stepSize")
    keys = tuple(tuple(float(each[name]) for name in names) for each in settings)
    rho, beside = batch(1.0, keys), batch(1 + 1e-13, keys)
    return rho, np.abs(rho - beside) <= 1e-8 * np.abs(rho)


def law(setting: dict[str, Any]) -> dict[str, Any]:
    return {"n": setting["n"], "d": setting["d"], "signal": setting["signal"], "flip_rate": setting["flipRate"]}


def test_the_sliders_reach_settings_far_apart(readings: list[dict[str, Any]]) -> None:
    settings = pd.DataFrame([each["setting"] for each in readings])
    assert len(settings.drop_duplicates()) == SETTINGS >= 20
    assert settings["d"].max() / settings["d"].min() > 1e8
    assert settings["r"].max() / settings["r"].min() > 100


def test_a_moved_slider_changes_the_curves_to_the_closed_forms(readings: list[dict[str, Any]]) -> None:
    for reading in readings:
        setting, beta = reading["setting"], reading["setting"]["flipRate"]
        x, floor = curve(reading["budget"], "no classifier is below")
        np.testing.assert_allclose(floor, gaussian.robust_floor(x, setting["signal"], beta), rtol=1e-9, atol=1e-15)
        for name, rho in (
            ("averaging predictor", gaussian.averaging_rho(**law(setting))),
            ("max-margin predictor", gaussian.max_margin_rho(**law(setting), slope=setting["slope"])),
        ):
            x, error = curve(reading["budget"], name)
            # Beside a ρ of 10⁶ the last digit is one of 10⁻¹⁰, and so it is of α - ρ.
            near = {"rtol": 1e-9, "atol": 1e-14 * setting["signal"] + 1e-15}
            np.testing.assert_allclose(error, gaussian.half_space_error(x, rho, beta), **near)
            np.testing.assert_allclose(curve(reading["rho"], name)[1], rho, rtol=1e-12)


def test_a_moved_slider_changes_the_curves_to_the_four_group_recursion(readings: list[dict[str, Any]]) -> None:
    at = [(reading, budget) for reading in readings for budget in curve(reading["budget"], "four-group recursion")[0]]
    rho, steady = recursion([{**reading["setting"], "budget": budget} for reading, budget in at])
    assert steady.mean() > 0.75
    first = 0
    for reading in readings:
        setting = reading["setting"]
        x, error = curve(reading["budget"], "four-group recursion")
        rows, last = slice(first, first + len(x)), setting["t"] - 1
        first += len(x)
        kept = steady[rows, last]
        assert len(x) >= 41
        expected = gaussian.half_space_error(x, rho[rows, last], setting["flipRate"])
        # An error of ρ by 10⁻⁸ is one of 10⁻⁸‖μ‖ of α - ρ.
        np.testing.assert_allclose(error[kept], expected[kept], rtol=1e-6, atol=1e-8 * setting["signal"])
        own = first - len(x) + int(np.argmin(np.abs(x - setting["budget"])))
        steps, course = curve(reading["rho"], "four-group recursion")
        known = steady[own, steps.astype(int) - 1]
        np.testing.assert_allclose(course[known], rho[own, steps.astype(int) - 1][known], rtol=1e-6)


@functools.cache
def kept() -> dict[str, pd.DataFrame]:
    """The paper tier's networks and brackets, rounded as the page has them."""
    names = ("adversarial_training", "certified_brackets")
    found = {name: tables.read(ROOT / "results" / "paper" / name / "table.csv") for name in names}
    data = explorer_data("paper", found)
    return {name: pd.DataFrame(data[name]) for name in ("cells", "brackets")}


@functools.cache
def table_of_h() -> list[dict[str, RegularGridInterpolator]]:
    """For each seed h, and those of either cluster, linear in log r, α/‖μ‖ and log t, at β = .1, γ = .1."""
    rows = kept()["cells"].query("experiment == 'phases' and sampling == 'limit' and beta == 0.1 and gamma == 0.1")
    r, ratio = rows["n"] * rows["signal"] ** 2 / rows["d"], rows["budget"] / rows["signal"]
    rows = rows.assign(r=[float(f"{each:.3g}") for each in r], ratio=ratio.round(3))
    found = []
    for _, seed in rows.groupby("seed"):
        grid = seed.set_index(["r", "ratio", "steps"]).sort_index()
        axes = [np.unique(grid.index.get_level_values(level)) for level in range(3)]
        places = (np.log(axes[0]), axes[1], np.log(axes[2]))
        full = grid.reindex(pd.MultiIndex.from_product(axes))
        own = {
            name: RegularGridInterpolator(
                places,
                (full[name] / full["signal"]).to_numpy().reshape([len(axis) for axis in axes]),
                bounds_error=False,
            )
            for name in ("rho", "rho_positive", "rho_negative")
        }
        found.append(own)
    return found


def test_a_moved_slider_changes_the_curves_to_those_of_the_table_of_h(readings: list[dict[str, Any]]) -> None:
    drawn = 0
    for reading in readings:
        setting = reading["setting"]
        signal, beta = setting["signal"], setting["flipRate"]
        if (round(beta, 9), round(setting["slope"], 9)) != (0.1, 0.1):
            continue
        x, error = curve(reading["budget"], "table of h")
        ratio = np.round(x / signal, 12)
        at = np.stack(np.broadcast_arrays(np.log(setting["r"]), ratio, np.log(setting["t"])), -1)
        each = [{name: own(at) for name, own in seed.items()} for seed in table_of_h()]
        expected = gaussian.half_space_error(x, signal * np.mean([own["rho"] for own in each], 0), beta)
        np.testing.assert_allclose(error, expected, rtol=1e-6, atol=1e-12 * signal)
        drawn += bool(np.isfinite(error).any())
        errors = [[gaussian.half_space_error(x, signal * h, beta) for h in own.values()] for own in each]
        range_ = [error for whole, positive, negative in errors for error in (whole, (positive + negative) / 2)]
        for place, end in ((0, np.min), (1, np.max)):
            shown = [np.array(y, float) for name, _, y in reading["budget"] if name == "table of h"][place]
            wanted = end(range_, axis=0) if setting["r"] > 1 else np.full(len(x), np.nan)
            np.testing.assert_allclose(shown, wanted, rtol=1e-6, atol=1e-12 * signal)
    assert drawn == SETTINGS / 2


def test_the_assumptions_are_those_of_python(readings: list[dict[str, Any]]) -> None:
    for reading in readings:
        setting = reading["setting"]
        expected = assumptions.check(
            **law(setting),
            budget=setting["budget"],
            step_size=setting["stepSize"],
            init_scale=setting["initScale"],
            width=setting["width"],
            curvature=np.inf,
        )
        assert reading["holds"] == expected
    assert len({name for reading in readings for name, holds in reading["holds"].items() if holds}) > 10


def test_the_line_of_the_phases_is_where_the_recursion_comes_down_to_the_budget(readings: list[dict[str, Any]]) -> None:
    scanned = np.linspace(0.05, 0.95, 10)
    for reading in readings[:3]:
        setting = reading["setting"]
        r, line = curve(reading["phases"], "four-group recursion")
        signal = np.sqrt(r[:, None] * 1e8 / setting["n"]) * np.ones(10)
        step_size = 2 * setting["n"] / (1e8 + signal**2)
        same = {"n": setting["n"], "d": 1e8, "flipRate": setting["flipRate"], "slope": setting["slope"]}
        cells = zip(signal.ravel(), (scanned * signal).ravel(), step_size.ravel(), strict=True)
        rho, steady = recursion([{**same, "signal": s, "budget": a, "stepSize": step} for s, a, step in cells])
        last = setting["t"] - 1
        h, known = rho[:, last].reshape(signal.shape) / signal, steady[:, last].reshape(signal.shape).all(1)
        assert known.sum() >= 5
        for place in np.flatnonzero(known):
            short = scanned - h[place]
            expected = crossing(scanned, short, 0.0) if (short > 0).any() else scanned[-1]
            assert line[place] == pytest.approx(expected, rel=1e-6, nan_ok=True)


# ---------------------------------------------------------------- training

SMALL = {"n": 40, "width": 40, "flip_rate": 0.1, "slope": 0.1, "steps": STEPS}
PLACES = {"in 10⁴ dimensions": (1e4, 12.0, 4.0), "in 10¹² dimensions, r = 4": (1e12, 316227.766, 1e5)}
STOPS, ENGINE_SEEDS, PAGE_SEEDS = (1, 10, 100, 1000), 12, 4
MEASURED = {
    "rho": "rho",
    "testError": "clean_test_error",
    "robustTestError": "robust_test_error",
    "trainError": "clean_train_error",
    "robustTrainError": "robust_train_error",
}


def of_the_engine(d: float, signal: float, budget: float) -> pd.DataFrame:
    """Rows of the pipeline's engine at this setting, all seeds and stops."""
    fixed: dict[str, Any] = {
        **SMALL,
        "d": int(d),
        "signal": signal,
        "budget": budget,
        "flips": "exact",
        "step_scale": 2,
    }
    fixed |= {"activation": "leaky_relu", "curvature": 1, "init_scale": 0.1 * 2 * (40 / (4 * 40 * d)) ** 0.5}
    cells = [
        Cell(**{**fixed, "steps": steps, "seed": seed, "test_points": 500})
        for seed in range(ENGINE_SEEDS)
        for steps in STOPS
    ]
    found = networks(cells, Context("adversarial_training"))
    return pd.DataFrame([{"steps": each.setting.steps, **measured(each)} for each in found])


@pytest.mark.parametrize("place", PLACES)
def test_training_in_the_page_ends_where_the_engine_s_seeds_do(place: str, opened: Opened) -> None:
    """At each stop the mean of the page's seeds lies in the 99.9 % prediction interval (Student's) of the engine's."""
    d, signal, budget = PLACES[place]
    page = opened(f"#explore?n=40&d={d}&mu={signal}&alpha={budget}&beta=0.1&gamma=0.1&t={STEPS}&m=40")
    found = []
    for seed in range(PAGE_SEEDS):
        page.get_by_label("seed").fill(str(seed))
        page.get_by_role("button", name="Train it here").click()
        page.wait_for_selector("#ex-training[data-state=done]", timeout=120_000)
        rows = page.evaluate("Explorer.trained()")
        assert [row["step"] for row in rows][-1] == STEPS
        found.append(pd.DataFrame(rows).set_index("step").loc[list(STOPS)])
    engine = of_the_engine(d, signal, budget)
    width = student.ppf(0.9995, ENGINE_SEEDS - 1) * np.sqrt(1 / ENGINE_SEEDS + 1 / PAGE_SEEDS)
    for step in STOPS:
        own = engine[engine["steps"] == step]
        for name, column in MEASURED.items():
            mean = np.mean([rows.loc[step, name] for rows in found])
            middle, reach = own[column].mean(), width * own[column].std(ddof=1)
            assert middle - reach - 1e-9 <= mean <= middle + reach + 1e-9, (step, name)
    assert engine[engine["steps"] == STEPS]["robust_train_error"].max() == 0  # wrong labels and all
    assert "training error 0, robust 0" in page.locator("#ex-status").inner_text()


# ---------------------------------------------------------------- the reader's hands


def test_the_address_bar_keeps_the_setting(opened: Opened) -> None:
    page = opened()
    move(page, n=0.3, d=0.9, r=0.6, budget=0.4, flipRate=0.2, slope=0.5, t=0.7)
    settled(page)
    asked, setting = page.evaluate("location.hash"), page.evaluate("Explorer.setting()")
    again = opened(asked).evaluate("Explorer.setting()")
    assert again.pop("kept") == setting.pop("kept") == "r"
    assert again == pytest.approx(setting, rel=1e-12)
    strange = opened("#explore?n=1e99&d=none&beta=-3&alpha=1e99&t=0").evaluate("Explorer.setting()")
    assert (strange["n"], strange["d"], strange["flipRate"], strange["ratio"]) == (1000, 1e4, 0, 1.2)


def test_keys_and_numbers_move_a_slider_and_r_or_the_signal_is_kept(opened: Opened) -> None:
    page = opened()
    page.get_by_label("dimension d", exact=True).focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("End")
    settled(page)
    setting = page.evaluate("Explorer.setting()")
    assert (setting["d"], setting["signal"]) == (1e12, 8)
    number = page.get_by_label("r = n‖μ‖²/d, in place of ‖μ‖: number")
    number.fill("4")
    number.press("Enter")
    page.get_by_label("training points n: number").fill("50")
    page.keyboard.press("Tab")
    settled(page)
    setting = page.evaluate("Explorer.setting()")
    assert (setting["n"], setting["r"]) == (50, pytest.approx(4))
    assert setting["signal"] == pytest.approx((4 * 1e12 / 50) ** 0.5)
    assert page.get_by_label("signal ‖μ‖: number").input_value() == f"{setting['signal']:.6g}"


def test_measured_networks_stand_on_the_chart_and_give_their_numbers(opened: Opened) -> None:
    page = opened("#explore?n=100&d=10000&mu=8&alpha=2&beta=0.1&gamma=0.1&t=1000")
    settled(page)
    cells = kept()["cells"].query("training == 'adversarial' and sampling != 'limit'")
    cells = cells[cells["activation"] != "smooth_leaky_relu"]
    r = cells["n"] * cells["signal"] ** 2 / cells["d"]
    near = cells[
        (np.log10(cells["signal"] / 8).abs() <= 0.05)
        & (np.log10(r / 0.64).abs() <= 0.1)
        & (np.log10(cells["steps"] / 1000).abs() <= 0.15)
        & (cells["beta"] == 0.1)
        & (cells["gamma"] == 0.1)
    ]
    budget = page.evaluate(READ)["budget"]
    x, y = curve(budget, "measured networks", last=False)
    assert len(x) == len(near) > 20
    assert y == pytest.approx(near["robust_test_error"])
    x, y = curve(budget, "certified brackets")
    assert len(x) > 5
    (nearest,) = curve(budget, "measured networks")[0]
    assert nearest == pytest.approx(2)
    page.get_by_text("Nearest measured networks").click()
    page.locator("#ex-nearest button").first.click()
    chosen = page.locator("#ex-chosen")
    assert "n = 100, d = 10000, ‖μ‖ = 8, α = 2" in chosen.locator("h4").inner_text()
    page.get_by_role("button", name="Past the transition").click()
    chosen.get_by_role("button", name="Set the sliders to it").click()
    assert page.evaluate("Explorer.setting().budget") == pytest.approx(2)


def test_charts_follow_the_theme(opened: Opened) -> None:
    page = opened(color_scheme="light")
    settled(page)
    ink = "document.getElementById('ex-chart-budget').layout.font.color"
    before = page.evaluate(ink)
    page.get_by_role("button", name="Dark theme").click()
    settled(page)
    assert page.evaluate(ink) != before

"""What a reader meets who opens the page: with a mouse, with keys alone, on a phone, in the dark, without scripts."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from benign.pipeline import tables
from support import ROOT

pytestmark = pytest.mark.slow
Opened = Callable[..., Page]
CLAIMS = tables.read_json(ROOT / "results" / "paper" / "claims.json")["claims"]
THEMES = ("light", "dark")


def shown(page: Page) -> int:
    return page.locator("details.claim:visible").count()


def tab_to(page: Page, selector: str, most: int = 400) -> None:
    """Press Tab until what matches has the focus."""
    for _ in range(most):
        page.keyboard.press("Tab")
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
    raise AssertionError(f"{most} times Tab do not lead to {selector}")


@pytest.mark.parametrize("theme", THEMES)
def test_axe_finds_no_serious_fault(theme: str, opened: Opened) -> None:
    page = opened(color_scheme=theme)
    page.evaluate("document.querySelectorAll('details.claim').forEach((each, i) => { each.open = i < 10; })")
    found = Axe().run(page).response["violations"]
    serious = [
        (each["id"], [node["html"][:160] for node in each["nodes"][:3]])
        for each in found
        if each["impact"] in ("serious", "critical")
    ]
    assert serious == []


@pytest.mark.parametrize("theme", THEMES)
def test_the_page_takes_the_reader_s_theme_and_the_other_one_at_the_press_of_a_button(
    theme: str, opened: Opened
) -> None:
    page = opened(color_scheme=theme)
    colour = "getComputedStyle(document.body).backgroundColor"
    before = page.evaluate(colour)
    page.evaluate("document.addEventListener('themechange', () => { window.told = true; })")
    page.get_by_role("button", name=f"{THEMES[theme == 'light']} theme").click()
    assert page.evaluate("document.documentElement.dataset.theme") == THEMES[theme == "light"]
    assert page.evaluate(colour) != before
    assert page.evaluate("window.told")
    assert opened(color_scheme=THEMES[theme == "light"], java_script_enabled=False).evaluate(colour) != before


def test_a_phone_never_scrolls_sideways(opened: Opened) -> None:
    page = opened(viewport={"width": 360, "height": 740}, is_mobile=True, has_touch=True)
    page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    wide = """() => [...document.querySelectorAll('body *')].filter((each) => !each.closest('.scroll, svg, .skip')
        && each.getBoundingClientRect().right > 361).map((each) => each.outerHTML.slice(0, 120))"""
    assert page.evaluate(wide) == []
    assert page.evaluate("document.documentElement.scrollWidth") == 360


def test_keys_alone_filter_the_claims_and_open_one(opened: Opened) -> None:
    page = opened()
    assert shown(page) == len(CLAIMS)
    tab_to(page, "#filters [name=study]")
    page.keyboard.type("certified_br")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.type("undecided")
    wanted = [c for c in CLAIMS if (c["study"], c["verdict"]) == ("certified_brackets", "undecided")]
    page.wait_for_function(f"document.querySelector('#filters output').textContent.startsWith('{len(wanted)} of')")
    assert shown(page) == len(wanted) > 0
    tab_to(page, "details.claim > summary")
    page.keyboard.press("Enter")
    claim = page.locator("details.claim[open]")
    assert wanted[0]["scope"] in claim.inner_text()
    assert claim.locator("svg.estimate").count() == len(wanted[0]["criteria"]) > 0
    tab_to(page, f'a[href="#figure-certified_brackets-{wanted[0]["figure"]}"]')
    page.keyboard.press("Enter")
    assert page.locator(f"#figure-certified_brackets-{wanted[0]['figure']} img").is_visible()


def test_words_are_searched_in_all_that_a_claim_says(opened: Opened) -> None:
    page = opened()
    page.get_by_label("Search").fill("clopper-pearson wrong labels")
    found = [c for c in CLAIMS if all(word in str(c).lower() for word in ("clopper-pearson", "wrong labels"))]
    assert 0 < shown(page) <= len(CLAIMS) // 2
    anchors = page.locator("details.claim:visible").evaluate_all("all => all.map((each) => each.id)")
    assert {f"{c['study']}-{c['id']}" for c in found} <= set(anchors)
    page.get_by_role("button", name="Show all").click()
    page.wait_for_function(f"document.querySelector('#filters output').textContent.startsWith('{len(CLAIMS)} of')")
    assert shown(page) == len(CLAIMS)


def test_a_link_to_a_claim_opens_it_even_if_it_is_filtered_away(opened: Opened) -> None:
    page = opened("#adversarial_training-robust_interpolation")
    assert page.locator("details.claim[open]").get_attribute("id") == "adversarial_training-robust_interpolation"
    page.get_by_label("Search").fill("no claim says this")
    assert shown(page) == 0
    page.locator('.sentences a[href="#adversarial_training-tolerance_peaks"]').click()
    assert page.locator("#adversarial_training-tolerance_peaks dl").is_visible()


def test_without_scripts_all_but_the_explorer_can_be_read(opened: Opened) -> None:
    page = opened(java_script_enabled=False)
    assert page.get_by_text("needs JavaScript").is_visible()
    assert not page.locator("#filters, #theme").filter(visible=True).count()
    claim = page.locator("#adversarial_training-robust_interpolation")
    claim.locator("summary").click()
    assert claim.locator("svg.estimate").is_visible()
    picture = page.locator("#figure-adversarial_training-budget img")
    picture.scroll_into_view_if_needed()
    assert picture.bounding_box()
    assert page.locator("#figure-adversarial_training-budget figcaption").inner_text().startswith("Robust test error")


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without"])
def test_the_numbers_of_a_figure_can_be_saved(scripts: bool, opened: Opened, tmp_path: Path) -> None:
    page = opened(java_script_enabled=scripts)
    with page.expect_download() as saved:
        page.get_by_role("link", name="Numbers of table_of_h").click()
    name = "adversarial_training-table_of_h.csv"
    assert saved.value.suggested_filename == (name if scripts else f"{name}.gz")
    saved.value.save_as(tmp_path / name)
    content = (tmp_path / name).read_bytes()
    kept = (ROOT / "figures/paper/adversarial_training/table_of_h.csv").read_bytes()
    assert (content if scripts else gzip.decompress(content)) == kept

"""Results that are kept follow from today's code and from each other: no stale figure, no claim edited by hand."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import adopt_rows
from benign import studies, tolerances
from benign.pipeline import crate, provenance, tables
from benign.pipeline.pages import claims as claims_page
from benign.pipeline.pages import gallery
from support import ROOT, claims_of

COMMANDS = {"default": "make reproduce", "paper": "make paper", "gpu": "the gpu tier"}
STUDY = "adversarial_training"


def faults(root: Path, tier: str, figures: bool = True) -> list[str]:
    """What in a tier's results does not follow from the code and the tables, in words; none if all of it does.

    figures: whether figures are kept too (those of the default tier are not)
    """
    results = root / "results" / tier
    record, merged = tables.read_json(results / "provenance.json"), tables.read_json(results / "claims.json")
    found: list[str] = []
    for study, kept in record["studies"].items():
        table = results / study / "table.csv"
        if kept["experiment"] != provenance.code_of(study, "run"):
            found.append(f"{study}: the code that computed its table has changed")
        found += [f"{study}: {text}" for text in unvouched(study, kept)]
        if kept["table"] != tables.digest(table):
            found.append(f"{table} is not the table that was recorded")
        found += [f"{results / study / 'claims.json'}: {text}" for text in judged_again(results / study, study)]
    if merged["claims"] != [claim for study in record["studies"] for claim in kept_claims(results / study)]:
        found.append(f"{results / 'claims.json'} does not hold the studies' claims")
    if (results / "claims.md").read_text() != claims_page.page(merged):
        found.append(f"{results / 'claims.md'} is not the page of claims.json")
    found += [f"{name} {wrong}" for name, wrong in crate.faults(root, tier) if figures or not name.startswith("../")]
    return found + ([*stale_figures(root, tier, record), *stale_gallery(root, tier, record)] if figures else [])


def unvouched(study: str, kept: dict[str, Any]) -> Iterator[str]:
    """Rows that other code than the experiment's computed and that no sample, computed again by it, speaks for."""
    for code in sorted({*kept["computed_by"]} - {kept["experiment"]}):
        taken = [
            each for each in kept.get("taken_over", []) if each["code"] == code and each["for"] == kept["experiment"]
        ]
        if not taken:
            yield f"rows of code {code[:16]} were taken over, and nothing says that today's code computes the same"
        for each in taken:
            strangers = each["computed_again"] - each["agreed"]
            allowed = each["computed_again"] // tolerances.STRANGERS
            if each["groups_again"] < adopt_rows.least(each["groups"]) or strangers > allowed:
                yield f"of the rows of code {code[:16]} too few agree: {each['agreed']} of {each['computed_again']}"
            if each["tolerance"] != adopt_rows.tolerance(study):
                yield f"rows of code {code[:16]} were taken over under another tolerance than benign.tolerances states"


def kept_claims(folder: Path) -> list[dict[str, Any]]:
    return tables.read_json(folder / "claims.json")["claims"]


FRESH: dict[tuple[str, str], dict[str, Any]] = {}  # judging takes seconds, and most tests change no table


def judged(study: str, table: Path) -> dict[str, Any]:
    """What today's code judges from a table: the record of each claim by its id."""
    key = (study, tables.digest(table))
    if key not in FRESH:
        FRESH[key] = {claim.id: claim.record() for claim in claims_of(study, tables.read(table))}
    return FRESH[key]


def judged_again(folder: Path, study: str) -> list[str]:
    """How a study's kept claims differ from those that today's code judges from the kept table."""
    fresh = judged(study, folder / "table.csv")
    kept = {claim["id"]: claim for claim in kept_claims(folder)}
    if list(fresh) != list(kept):
        return [f"has the claims {', '.join(kept)}, the code has {', '.join(fresh)}"]
    return [
        f"{name}: {field} is {kept[name][field]!r}, judging the table again gives {fresh[name][field]!r}"
        for name in fresh
        for field in fresh[name]
        if not same(kept[name][field], fresh[name][field])
    ]


def same(kept: Any, fresh: Any) -> bool:
    """Equal; numbers up to one in the fourth digit, to which they are rounded, as another machine may round."""
    if isinstance(fresh, dict):
        return list(kept) == list(fresh) and all(same(kept[name], fresh[name]) for name in fresh)
    if isinstance(fresh, float) and isinstance(kept, float | int):
        return math.isclose(kept, fresh, rel_tol=1e-3)
    return kept == fresh


def stale_figures(root: Path, tier: str, record: dict[str, Any]) -> Iterator[str]:
    """Figures that are not those recorded, or that were drawn by other code or from another table than there is."""
    for name, figure in record["figures"].items():
        study = name.split("/")[0]
        file = root / "figures" / tier / f"{name}.png"
        shows_data = file.stem in studies.find(study).pictures
        if figure["sources"] != provenance.code_of(study, "pictures" if shows_data else "figures"):
            yield f"{file}: the code that drew it has changed"
        if figure["table"] != tables.digest(root / "results" / tier / study / "table.csv"):
            yield f"{file}: the table that it was drawn from has changed"
        for part, path in (
            ("numbers", file.with_suffix(".csv")),
            ("png", file),
            ("captions", file.with_name("pictures.json" if shows_data else "captions.json")),
            *([("gif", file.with_suffix(".gif"))] if file.stem in studies.find(study).films else []),
        ):
            if not path.exists() or figure.get(part) != tables.digest(path):
                yield f"{path} is not the one that was recorded"
    drawn = {path.relative_to(root / "figures" / tier) for path in (root / "figures" / tier).glob("*/*.*")}
    recorded = {Path(f"{name}.{kind}") for name in record["figures"] for kind in ("csv", "pdf", "png")}
    recorded |= {Path(study) / "captions.json" for study in record["studies"]}
    recorded |= {Path(study) / f"{name}.gif" for study in record["studies"] for name in studies.find(study).films}
    recorded |= {Path(study) / "pictures.json" for study in record["studies"] if studies.find(study).pictures}
    yield from (f"figures/{tier}/{path} is drawn or recorded, not both" for path in sorted(drawn ^ recorded))


def stale_gallery(root: Path, tier: str, record: dict[str, Any]) -> Iterator[str]:
    """How the gallery differs from what today's code makes of the studies' claims and captions."""
    folder = root / "figures" / tier
    claims = {study: kept_claims(root / "results" / tier / study) for study in record["studies"]}
    captions = [folder / study / "captions.json" for study in claims]
    captions += [folder / study / "pictures.json" for study in claims if studies.find(study).pictures]
    if lost := [path for path in (*captions, folder / "README.md", folder / "claims.csv") if not path.exists()]:
        yield from (f"{path} is not there" for path in sorted(lost))
        return
    said: dict[str, dict[str, str]] = {}
    for file in captions:
        said.setdefault(file.parent.name, {}).update(tables.read_json(file))
    if (folder / "README.md").read_text() != gallery.page(tier, claims, said):
        yield f"{folder / 'README.md'} is not the gallery of the studies' claims and captions"
    drawn = gallery.claims_figure(claims).numbers[["panel", "quantity", "series", "low", "high"]]
    if not tables.read_frame(folder / "claims.csv")[list(drawn)].astype(drawn.dtypes).equals(drawn):
        yield f"{folder / 'claims.csv'} does not count the studies' claims"


def texts(content: Any) -> Iterator[str]:
    """Every text in nested lists and dicts."""
    if isinstance(content, str):
        yield content
    elif isinstance(content, dict | list):
        for value in content.values() if isinstance(content, dict) else content:
            yield from texts(value)


@pytest.fixture(params=COMMANDS)
def tier(request: pytest.FixtureRequest) -> str:
    """A tier whose results are kept."""
    if not (ROOT / "results" / request.param / "provenance.json").exists():
        pytest.skip(f"no results of the tier {request.param} are kept yet")
    return request.param


def test_what_is_kept_is_what_today_s_code_makes(tier: str) -> None:
    found = faults(ROOT, tier, figures=tier != "default")
    assert not found, "\n".join([*found, f"run {COMMANDS[tier]}, then make artifact"])


def test_what_is_kept_holds_no_path_of_a_machine(tier: str) -> None:
    for path in (ROOT / "results" / tier).glob("**/*.json"):
        for text in texts(json.loads(path.read_text())):
            assert not Path(text).is_absolute(), f"{path}: {text}"
            outside = text.startswith(("~", "..")) and not text.startswith(f"../../figures/{tier}/")
            assert not outside, f"{path}: {text}"


def test_every_figure_that_a_study_declares_is_recorded(tier: str) -> None:
    record = tables.read_json(ROOT / "results" / tier / "provenance.json")
    assert set(record["figures"]) == {
        f"{name}/{figure}"
        for name in record["studies"]
        for figure in studies.find(name).figures + studies.find(name).pictures
    }


# ---------------------------------------------------------------- the check itself, on a fresh run of the smoke tier


def results(root: Path) -> Path:
    return root / "results" / "smoke"


def edit(path: Path, before: str, after: str) -> None:
    """Replace text that is there, once."""
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after, 1))


def change_code(part: str, name: str) -> Callable[[Path], None]:
    """As if the code had another fingerprint than the one recorded under `part`."""

    def change(root: Path) -> None:
        record = tables.read_json(results(root) / "provenance.json")
        entry = record[part][name]
        entry["experiment" if part == "studies" else "sources"] = "0" * 64
        tables.write_json(results(root) / "provenance.json", record)

    return change


def take_over(**changes: Any) -> Callable[[Path], None]:
    """As if older code had computed a study's rows, and a sample of them had been computed again; but for changes."""

    def change(root: Path) -> None:
        record = tables.read_json(results(root) / "provenance.json")
        study = record["studies"][STUDY]
        study["computed_by"] = ["0" * 64]
        taken = {"code": "0" * 64, "processor": "another", "rows": study["cells"], "for": study["experiment"]}
        taken |= {"groups": 200, "groups_again": 5, "computed_again": 9, "agreed": 9, "to_the_bit": 2}
        study["taken_over"] = [{**taken, "tolerance": adopt_rows.tolerance(STUDY), **changes}]
        tables.write_json(results(root) / "provenance.json", record)

    return change


def change_table(root: Path) -> None:
    path = results(root) / STUDY / "table.csv"
    rows = tables.read_rows(path)
    for row in rows:
        row["robust_train_error"] = 1.0
    tables.write(path, rows, sorted({name for row in rows for name in row}, key=lambda name: name != tables.KEY))


def change_verdict(root: Path) -> None:
    for path in (results(root) / STUDY / "claims.json", results(root) / "claims.json"):
        content = tables.read_json(path)
        claim = next(claim for claim in content["claims"] if claim["id"] == "fails_beyond_signal")
        claim["verdict"] = "partly" if claim["verdict"] == "replicated" else "replicated"
        tables.write_json(path, content)


def change_image(root: Path) -> None:
    path = root / "figures" / "smoke" / STUDY / "budget.png"
    path.write_bytes(path.read_bytes() + b"\0")


@pytest.mark.slow
def test_a_fresh_run_has_no_fault(smoke_run: Path) -> None:
    assert faults(smoke_run, "smoke") == []


@pytest.mark.slow
def test_rows_of_older_code_that_a_sample_speaks_for_are_no_fault(smoke_run: Path, tmp_path: Path) -> None:
    for name in ("results", "figures"):
        shutil.copytree(smoke_run / name, tmp_path / name, ignore=shutil.ignore_patterns("slices"))
    take_over()(tmp_path)
    edited = "provenance.json has other bytes than recorded"  # by this test
    assert faults(tmp_path, "smoke") == [edited]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (change_code("studies", STUDY), f"{STUDY}: the code that computed its table has changed"),
        (change_code("figures", f"{STUDY}/budget"), "budget.png: the code that drew it has changed"),
        (take_over(**{"for": "1" * 64}), "nothing says that today's code computes the same"),
        (take_over(code="1" * 64), "nothing says that today's code computes the same"),
        (take_over(groups_again=4), "too few agree: 9 of 9"),
        (take_over(agreed=8), "too few agree: 8 of 9"),
        (take_over(tolerance=[]), "under another tolerance than benign.tolerances states"),
        (change_table, "table.csv is not the table that was recorded"),
        (change_table, "budget.png: the table that it was drawn from has changed"),
        (change_table, "judging the table again gives"),
        (change_verdict, "fails_beyond_signal: verdict is"),
        (change_verdict, "claims.md is not the page of claims.json"),
        (
            lambda root: edit(results(root) / "claims.json", '"measured": {', '"measured": {"added": 1,'),
            "claims.json does not hold the studies' claims",
        ),
        (change_image, "budget.png is not the one that was recorded"),
        (
            lambda root: edit(root / "figures/smoke" / STUDY / "budget.csv", "measured", "invented"),
            "budget.csv is not the one that was recorded",
        ),
        (
            lambda root: edit(root / "figures/smoke" / STUDY / "captions.json", "Robust", "Invented"),
            "captions.json is not the one that was recorded",
        ),
        (lambda root: edit(root / "figures/smoke/README.md", "**", "**in"), "README.md is not the gallery of"),
        (lambda root: edit(root / "figures/smoke/claims.csv", ",,0,", ",,9,"), "claims.csv does not count the"),
        (
            lambda root: (root / "figures/smoke" / STUDY / "budget.pdf").unlink(),
            "budget.pdf is drawn or recorded, not both",
        ),
        (
            lambda root: (root / "figures/smoke" / STUDY / "left_over.png").touch(),
            "left_over.png is drawn or recorded, not both",
        ),
    ],
    ids=[
        *("experiment", "drawing", "speaks_for_other_code", "speaks_for_other_rows", "small_sample", "disagreement"),
        *("tolerance", "table", "table_of_a_figure", "table_of_claims", "verdict", "page", "merged", "image"),
        *("numbers", "captions", "gallery", "counts", "lost", "left_over"),
    ],
)
def test_every_fault_is_found(change: Callable[[Path], object], fault: str, smoke_run: Path, tmp_path: Path) -> None:
    for name in ("results", "figures"):
        shutil.copytree(smoke_run / name, tmp_path / name, ignore=shutil.ignore_patterns("slices"))
    change(tmp_path)
    assert [text for text in faults(tmp_path, "smoke") if fault in text]

"""Begin a study: write one under NAME that runs, is drawn, judged and tested as it stands, to be made into yours.

    python scripts/new_study.py my_paper

It is the example of docs/extending.md, which goes through it file by file: package, grid, experiment, figures, claims,
config/grids/NAME.yaml and tests/unit/test_NAME.py. The name is entered in the registry of studies, in the tier files
(smoke, default, paper) and among the tolerances. Exit status: 0 if all was written, 2 if nothing was (the reason on
stderr).
"""

from __future__ import annotations

import argparse
import keyword
import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))  # this checkout's code, not an installed one

from benign import studies
from benign.pipeline import settings, tables
from benign.pipeline.console import UserError, parser, reports_errors

ROOT = settings.ROOT
PAGE = ROOT / "docs" / "extending.md"
EXAMPLE = "james_stein"
REGISTRY, TOLERANCES = ROOT / "src/benign/studies/__init__.py", ROOT / "src/benign/tolerances.py"
FILE = re.compile(r"^`([^`\n]+)`:\n\n```\w+\n(.*?)^```", re.MULTILINE | re.DOTALL)
SCALES = re.compile(r"^In `COLUMNS` of `src/benign/tolerances.py`:\n\n```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    result = parser(__doc__)
    result.add_argument("name", help="of the study: small letters, digits and _, as in residual_pathway")
    return result


@reports_errors
def main(argv: list[str]) -> int:
    """Make every file's content, then write them; the registry last, so that no half of a study is found."""
    name = arguments().parse_args(argv).name
    require_new(name)
    written = new_files(name)
    if there := [path for path in written if path.exists()]:
        raise UserError(f"{shown(there[0])} is there already: give the study another name, or move the file away")
    for path, content in {**written, **entries(name)}.items():
        tables.write_bytes(path, content.encode())
    print("\n".join(["wrote:", *(f"  {shown(path)}" for path in written), *advice(name)]))
    return 0


def require_new(name: str) -> None:
    """UserError unless a study can have this name."""
    if not re.fullmatch("[a-z][a-z0-9_]*", name) or keyword.iskeyword(name):
        raise UserError(f"{name!r} is no name for a study: give small letters, digits and _, as in residual_pathway")
    if name in studies.NAMES:
        raise UserError(f"there is a study {name!r} already: give another name than {', '.join(studies.NAMES)}")


def new_files(name: str) -> dict[Path, str]:
    """The files that the page shows, under the study's name."""
    return {ROOT / renamed(path, name): renamed(text, name) for path, text in FILE.findall(PAGE.read_text("utf-8"))}


def entries(name: str) -> dict[Path, str]:
    """The files that name every study, with one more."""
    (scales,) = SCALES.findall(PAGE.read_text("utf-8"))
    tiers = [settings.tier_file(tier) for tier in ("smoke", "default", "paper")]
    return {
        TOLERANCES: after(TOLERANCES, r"^COLUMNS: .*?(?=^\}$)", renamed(scales, name)),
        **{tier: after(tier, r"^studies:\n(  - \w+\n)+", f"  - {name}\n") for tier in tiers},
        REGISTRY: after(REGISTRY, r"^NAMES = \(\n.*?(?=^\)$)", f'    "{name}",\n'),
    }


def after(path: Path, place: str, line: str) -> str:
    """A file's text with `line` after what the pattern finds in it; UserError if it finds nothing."""
    text = path.read_text("utf-8")
    found = re.search(place, text, re.MULTILINE | re.DOTALL)
    if not found:
        raise UserError(f"{shown(path)} has no list of studies where it used to be: enter the study by hand")
    return text[: found.end()] + line + text[found.end() :]


def renamed(text: str, name: str) -> str:
    """The example's text under another name."""
    return text.replace(EXAMPLE, name)


def shown(path: Path) -> str:
    """A file's name as a reader of this checkout knows it."""
    return path.relative_to(ROOT).as_posix()


def advice(name: str) -> list[str]:
    """What can be done with it, and what is left to do."""
    return [
        f"and entered {name} in the registry, in the tier files and among the tolerances. As it stands it runs:",
        f"  python -m snakemake --cores 2 {name} --configfile config/smoke.yaml",
        f"  python -m pytest tests/unit/test_{name}.py",
        f"  python scripts/run_cell.py {name} d=5",
        "Put your paper in the place of James and Stein's, file by file as docs/extending.md goes through them; its",
        "section 5 says what else a finished study has: references, pinned keys, theory.",
    ]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""A fingerprint hears all that decides a row, and nothing else: what is reached by name, and what names cannot show."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from benign import studies
from benign.data.images import sources as image_sources
from benign.pipeline import plans, provenance, settings
from benign.pipeline.definitions import Definition, Member, Reached, Sources, UntraceableError
from benign.study import Cell, Context

PACKAGE = {
    "__init__.py": "",
    "study.py": """
        import numpy as np
        from benign.train import descend
        from benign.cell import Cell
        from benign import theory

        STEPS = 3
        UNUSED = 4

        def run(cells: list[Cell], context) -> None:
            for cell in cells:
                yield descend(cell.rate, STEPS), theory.limit(np.float64(cell.rate)), cell.doubled

        def beside():
            return theory.other()
    """,
    "cell.py": """
        from benign.base import Base
        from benign.declared import field

        class Cell(Base):
            rate: float = field("the step size", at_least=0)
            steps: int = field("how many", default=3)

            @property
            def doubled(self):
                return 2 * self.rate

            @property
            def label(self):
                return f"rate {self.rate}"

            def limits(self):
                return [("rate", self.rate < 1, "below 1")]
    """,
    "base.py": "class Base:\n    seed: int = 0\n    def describe(self):\n        return 1\n",
    "declared.py": "def field(meaning, **limits):\n    return limits\n",
    "train.py": """
        def descend(rate, steps):
            return helper(rate) ** steps

        def helper(rate):
            return 1 - rate

        def unreached():
            return 5
    """,
    "theory.py": """
        def limit(rate):
            return Half().of(rate)

        class Half:
            share = 0.5
            def of(self, rate):
                return self.share * rate

        def other():
            return 7
    """,
}  # fmt: skip


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A small package: a study's run, its cell, and what it calls."""
    folder = tmp_path / "benign"
    for name, text in PACKAGE.items():
        write(folder, name, text)
    return folder


def write(root: Path, name: str, text: str) -> None:
    lines = text.splitlines()
    indent = min((len(line) - len(line.lstrip()) for line in lines if line.strip()), default=0)
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text("\n".join(line[indent:] for line in lines) + "\n")


def edit(root: Path, name: str, before: str, after: str) -> None:
    text = (root / name).read_text()
    assert before in text
    (root / name).write_text(text.replace(before, after))


def fingerprint(root: Path) -> str:
    return Sources(root).fingerprint([Definition("benign.study", "run")], [Definition("benign.cell", "Cell")])


Change = Callable[[Path], None]


def replaced(name: str, before: str, after: str) -> Change:
    return lambda root: edit(root, name, before, after)


def added(name: str, text: str) -> Change:
    def change(root: Path) -> None:
        (root / name).write_text((root / name).read_text() + text)

    return change


def moved(root: Path) -> None:
    """train.py is theory/descent.py now, and is called through its module."""
    text = (root / "train.py").read_text()
    (root / "train.py").unlink()
    write(root, "rooms/__init__.py", '"""Rooms."""')
    (root / "rooms/descent.py").write_text(text)
    edit(root, "study.py", "from benign.train import descend", "from benign.rooms import descent as rooms_of_descent")
    edit(root, "study.py", "yield descend(", "yield rooms_of_descent.descend(")


def split(root: Path) -> None:
    """The helper has a module of its own, and another name is imported in the function that uses it."""
    edit(root, "train.py", "def helper(rate):\n    return 1 - rate", "")
    edit(root, "train.py", "    return helper", "    from .helpers import helper as h\n    return h")
    write(root, "helpers.py", "def helper(rate):\n    return 1 - rate")


def renamed(root: Path) -> None:
    edit(root, "study.py", "import numpy as np", "import numpy")
    edit(root, "study.py", "np.float64", "numpy.float64")


@pytest.mark.parametrize(
    "change",
    [
        moved,
        split,
        renamed,
        replaced("train.py", "return 5", "return 6"),
        replaced("study.py", "UNUSED = 4", "UNUSED = 5"),
        replaced("train.py", "def helper(rate):", "def helper(rate: float) -> float:\n    '''One less.'''\n    # why"),
        added("train.py", "\ndef more():\n    return unreached()\n"),
        replaced("cell.py", '"the step size", at_least=0', '"the rate", at_least=0.1'),
        replaced("cell.py", 'f"rate {self.rate}"', "str(self.rate)"),
        replaced("cell.py", "self.rate < 1", "self.rate < 2"),
        replaced("base.py", "return 1", "return 2"),
        added("theory.py", "TABLE = tuple(range(3))\nimport functools\nlater = functools.partial(other, 1)\n"),
    ],
    ids=[
        *("moved", "split", "alias", "unreached function", "unreached constant", "hints and comments"),
        *("new function", "limits of a field", "unused property of a cell", "checks of a cell"),
        *("unused method of its base", "harmless"),
    ],
)  # fmt: skip
def test_what_decides_no_row_changes_no_fingerprint(change: Change, root: Path) -> None:
    before = fingerprint(root)
    change(root)
    assert fingerprint(root) == before


@pytest.mark.parametrize(
    "change",
    [
        replaced("train.py", "return 1 - rate", "return 1 + rate"),
        replaced("study.py", "STEPS = 3", "STEPS = 4"),
        replaced("study.py", "import numpy as np", "import torch as np"),
        replaced("theory.py", "share = 0.5", "share = 0.25"),
        replaced("cell.py", "return 2 * self.rate", "return 3 * self.rate"),
        replaced("cell.py", "default=3", "default=4"),
        replaced("cell.py", "rate: float", "rate: int"),
        replaced("base.py", "seed: int = 0", "seed: int = 1"),
        replaced("train.py", "def helper(rate):", "def helper(rate, extra=unreached()):"),
        replaced("theory.py", "class Half:", "class Half(Other):"),
        added("theory.py", "Half.share = 0.3\n"),
        added("theory.py", "def _(f):\n    Half.share = 0.3\n    return f\n@_\ndef more():\n    return 8\n"),
        added("theory.py", "def more(_=setattr(Half, 'share', 0.3)):\n    return 8\n"),
        added("theory.py", "OLD = np.seterr(all='raise')\n"),
        added("__init__.py", "import torch\ntorch.set_default_dtype(torch.float64)\n"),
        replaced("study.py", "import numpy as np", "import numpy as np\nfor helper in ():\n    np.seterr(all='raise')"),
        replaced("study.py", "STEPS = 3", "STEPS = 3\nSTEPS = STEPS + 1"),
        replaced(
            "train.py", "def helper(rate):", "helper = abs\nif 1:\n  def helper(rate):\n   return 0\ndef help(rate):"
        ),
        replaced("study.py", "descend(cell.rate, STEPS)", "descend(*[STEPS for STEPS in (cell.rate, STEPS)])"),
    ],
    ids=[
        *(
            "function",
            "constant",
            "library",
            "class body",
            "property of a cell",
            "default of a field",
            "type of a field",
        ),
        *("field of its base", "default argument", "base class", "patched class", "decorator with effect"),
        *("default with effect", "value with effect", "effect in a package", "loop", "bound twice", "conditional"),
        *("variable of the same name",),
    ],
)
def test_whatever_may_decide_a_row_changes_its_fingerprint(change: Change, root: Path) -> None:
    before = fingerprint(root)
    write(root, "theory.py", (root / "theory.py").read_text() + "class Other:\n    pass\n")
    change(root)
    assert fingerprint(root) != before


def test_a_module_that_is_used_as_a_value_counts_whole(root: Path) -> None:
    edit(root, "study.py", "theory.limit(", "getattr(theory, cell.name)(")
    before = fingerprint(root)
    edit(root, "theory.py", "return 7", "return 8")
    assert fingerprint(root) != before


def test_a_cell_whose_attributes_are_computed_counts_with_all_its_members(root: Path) -> None:
    edit(root, "study.py", "cell.doubled", "getattr(cell, STEPS)")
    before = fingerprint(root)
    edit(root, "cell.py", 'f"rate {self.rate}"', "str(self.rate)")
    assert fingerprint(root) != before


def test_two_definitions_of_one_name_are_told_apart(root: Path) -> None:
    write(root, "one.py", "def f():\n    return 1")
    write(root, "two.py", "def f():\n    return 2")
    write(root, "study.py", "from benign import one, two\ndef run():\n    return one.f() - two.f()")
    before = fingerprint(root)
    edit(root, "study.py", "one.f() - two.f()", "two.f() - one.f()")
    assert fingerprint(root) != before


def test_a_local_variable_is_not_taken_for_a_definition_of_the_same_name(root: Path) -> None:
    edit(root, "study.py", "def run(cells: list[Cell], context) -> None:", "def run(cells, beside):")
    before = fingerprint(root)
    edit(root, "study.py", "return theory.other()", "return theory.other() + 1")
    assert fingerprint(root) == before


@pytest.mark.parametrize(
    "text",
    [
        "import importlib\ndef helper(rate):\n    return importlib.import_module('benign.theory').other()",
        "def helper(rate):\n    import sys\n    return sys.modules['benign.theory'].other()",
        "def helper(rate):\n    return eval('other()')",
        "def helper(rate):\n    return globals()['other']()",
        "def helper(rate):\n    return open(__file__).read()",
        "def helper(rate):\n    return int.__subclasses__()",
        "class helper:\n    def __init_subclass__(cls):\n        pass",
    ],
)
def test_code_that_hides_what_it_depends_on_is_refused(text: str, root: Path) -> None:
    edit(root, "train.py", "def helper(rate):\n    return 1 - rate", text)
    with pytest.raises(UntraceableError, match=r"train\.py, line \d+: \w.* hides what a result depends on"):
        fingerprint(root)


@pytest.mark.parametrize("line", ["from . import part", "from benign.theory import part", "from . import part as p"])
def test_a_package_that_imports_its_own_modules_is_traced_into_them(line: str, root: Path) -> None:
    text, name = (root / "theory.py").read_text(), line.split()[-1]
    (root / "theory.py").unlink()
    write(root, "theory/__init__.py", f"{line}\n" + text.replace("self.share * rate", f"{name}.halved(rate)"))
    write(root, "theory/part.py", "def halved(rate):\n    return rate / 2\n")
    before = fingerprint(root)
    edit(root, "theory/part.py", "rate / 2", "rate / 3")
    assert fingerprint(root) != before


def test_a_name_that_is_not_there_is_an_error(root: Path) -> None:
    edit(root, "study.py", "theory.limit", "theory.limits")
    with pytest.raises(LookupError, match=r"theory\.py has no limits"):
        fingerprint(root)


# ---------------------------------------------------------------- the project's own studies


# What making a cell calls, when a study makes others of its own: checks, whose outcome is in the fields.
CHECKS = ("src/benign/study.py", "src/benign/declared.py")


def executed(action: Callable[[], Any]) -> set[tuple[str, int]]:
    """(file, first line) of each function of the project that an action calls, but for the checks of cells."""
    found: set[tuple[str, int]] = set()

    def note(frame: FrameType, event: str, _: Any) -> None:
        code = frame.f_code
        ours = code.co_filename.startswith(f"{provenance.ROOT}{os.sep}") and not code.co_filename.endswith(CHECKS)
        if event == "call" and ours and code.co_name != "limits":
            found.add((code.co_filename, code.co_firstlineno))

    sys.setprofile(note)
    try:
        action()
    finally:
        sys.setprofile(None)
    return found


def lines(of: Reached) -> list[tuple[str, int, int]]:
    """(file, first line, last line) of each statement of a definition, decorators included."""
    module, statements = provenance.package().statements(of)
    return [
        (
            str(module.path),
            min(node.lineno for node in (each, *getattr(each, "decorator_list", []))),
            each.end_lineno or 0,
        )
        for each in statements
        if not (isinstance(of, Member) and not of.name)  # of a record's fields nothing is called
    ]


@pytest.mark.slow
@pytest.mark.parametrize("study", studies.NAMES)
def test_every_function_that_a_study_calls_is_among_those_that_its_rows_are_said_to_depend_on(study: str) -> None:
    section = settings.section(settings.grid_file(study), study, "smoke")
    kinds: dict[tuple[Any, ...], Cell] = {}
    for cell in plans.planned(study, section, {"mnist": Path()}):
        fields = cell.fields()
        kinds.setdefault(tuple(fields.get(name) for name in ("experiment", "data", "sampling", "training")), cell)
    sample = image_sources.mnist_sample()
    context, run = Context(study=study, images=lambda name: sample), studies.find(study).part("experiment", "run")
    called = executed(lambda: list(run(list(kinds.values()), context)))
    known = [place for each in provenance.package().reached(*provenance.roots(study)) for place in lines(each)]
    assert len(called) > 10
    assert [
        f"{file}, line {line}"
        for file, line in sorted(called)
        if not any(file == known_file and first <= line <= last for known_file, first, last in known)
    ] == []

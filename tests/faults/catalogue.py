"""Write tests/faults/README.md: each fault that is tried, with its tests and cases, from the tests themselves.

python tests/faults/catalogue.py
"""

from __future__ import annotations

import ast
import collections
import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PAGE = HERE / "README.md"
HEAD = """\
# What can go wrong

{cases} cases. Each has to end in an error that names file or field, value and mend, without a traceback, without a
half-written file, and with a clean run after it; or in the result that an undisturbed run has. `make faults` runs them
all, with 50 kills of a slice and 50 of a tier (`make faults KILLS=3`: fewer); continuous integration has 3. pytest
prints the seed of their moments, and `--kill-seed` sets it. Made from the tests by `python tests/faults/catalogue.py`.

| fault | tests | cases |
| --- | --- | --- |
"""


def cases() -> dict[str, int]:
    """The suite's tests, as module::function, each with its number of cases."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", str(HERE)]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    names = re.findall(r"^tests/faults/(\w+)\.py::(\w+)", said, re.MULTILINE)
    return dict(collections.Counter("::".join(name) for name in names))


def faults() -> dict[str, str]:
    """What each test, as module::function, tries: its own mark `fault`, else its module's."""
    found = {}
    for file in sorted(HERE.glob("test_*.py")):
        body = ast.parse(file.read_text(encoding="utf-8")).body
        of_module = [each.value for each in body if isinstance(each, ast.Assign) and _named(each.targets[0])]
        for node in body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                marks = [mark for each in (*node.decorator_list, *of_module) if (mark := _fault(each))]
                found[f"{file.stem}::{node.name}"] = marks[0] if marks else ""
    return found


def _named(target: ast.expr) -> bool:
    return isinstance(target, ast.Name) and target.id == "pytestmark"


def _fault(mark: ast.expr) -> str:
    """What the mark `fault` names; empty for another mark."""
    if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.fault":
        return str(ast.literal_eval(mark.args[0]))
    return ""


def page(tests: dict[str, int], of: dict[str, str]) -> str:
    """The page: a table of the faults, and below it the tests of each."""
    groups: dict[str, list[str]] = collections.defaultdict(list)
    for test in tests:
        groups[of[test]].append(test)
    lines = [
        f"| {fault} | {len(group)} | {sum(tests[test] for test in group)} |" for fault, group in sorted(groups.items())
    ]
    for fault, group in sorted(groups.items()):
        lines += ["", f"**{fault[0].upper()}{fault[1:]}**", ""]
        for test in group:
            module, name = test.split("::")
            sentence = name.removeprefix("test_").replace("_", " ")
            lines.append(f"- {sentence} ({tests[test]}, {module}.py)")
    return HEAD.format(cases=sum(tests.values())) + "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(cases(), faults()), encoding="utf-8")

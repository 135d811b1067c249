"""Which source files a result depends on, found without importing them, and fingerprints of what they say.

Neither Torch nor pandas is imported here: the workflow asks these questions before any job starts.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import io
import platform
import tokenize
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

PACKAGE = "benign"
ROOT = Path(__file__).resolve().parents[1]
# The registry lists the studies and decides no number: were it counted, adding a paper would rerun all the others.
NOT_COUNTED = frozenset({f"{PACKAGE}.studies"})


def sources(module: str) -> list[Path]:
    """The files under src/benign that importing `module` runs, itself included, sorted.

    Imports inside functions count, imports under `if TYPE_CHECKING:` do not, and a package's own file counts with
    each of its modules. The registry of studies is left out. Raises ModuleNotFoundError for an unknown module.
    """
    return _closure([module])


def script_sources(script: Path) -> list[Path]:
    """The script itself, the scripts beside it and the files under src/benign that it imports, sorted."""
    scripts, modules, waiting = set[Path](), set[str](), [script]
    while waiting:
        path = waiting.pop()
        if path not in scripts:
            scripts.add(path)
            names = _imports(path.read_text(encoding="utf-8"), package="")
            modules |= {name for name in names if name.split(".")[0] == PACKAGE}
            waiting += [path.with_name(f"{name}.py") for name in names if path.with_name(f"{name}.py").is_file()]
    return sorted([*scripts, *_closure(modules)])


def fingerprint(files: Iterable[Path], facts: Mapping[str, str] | None = None) -> str:
    """SHA-256, hexadecimal, of what Python files say: comments, docstrings, blank lines and folders do not count.

    files: Python files
    facts: what else decides the result, e.g. versions of libraries, name to value
    """
    parts = sorted(f"{_module_of(path)}\0{_code(path.read_text(encoding='utf-8'))}" for path in files)
    parts += sorted(f"{name}={value}" for name, value in (facts or {}).items())
    return hashlib.sha256("\0\0".join(parts).encode()).hexdigest()


@functools.cache  # asked for with every row that is kept
def processor() -> str:
    """The name of this machine's processor: roundings differ from one kind to another, and with them the last bits."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def _closure(modules: Iterable[str]) -> list[Path]:
    found: dict[str, Path] = {}
    waiting = [package for module in modules for package in _with_packages(module)]
    while waiting:
        module = waiting.pop()
        if module in found:
            continue
        path = _file(module)
        if path is None:
            raise ModuleNotFoundError(f"there is no module {module} under {ROOT.parent}", name=module)
        found[module] = path
        names = _imports(path.read_text(encoding="utf-8"), _package_of(module, path))
        imported = [name for name in names if name.split(".")[0] == PACKAGE]
        waiting += [package for name in imported for package in _with_packages(name)]
    return sorted(path for module, path in found.items() if module not in NOT_COUNTED)


def _with_packages(module: str) -> list[str]:
    """A module and the packages it is in: importing it runs them all."""
    parts = module.split(".")
    return [".".join(parts[: i + 1]) for i in range(len(parts))]


def _file(module: str) -> Path | None:
    base = ROOT.parent.joinpath(*module.split("."))
    for path in (base / "__init__.py", base.with_suffix(".py")):
        if path.is_file():
            return path
    return None


def _package_of(module: str, path: Path) -> str:
    return module if path.name == "__init__.py" else module.rpartition(".")[0]


def _module_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else path.name


@functools.cache  # the workflow asks dozens of times for modules that have most files in common
def _imports(text: str, package: str) -> tuple[str, ...]:
    """The modules that a source text imports; `package` is what its relative imports start from."""
    names: list[str] = []
    for node in _nodes(ast.parse(text)):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            start = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*start, *([node.module] if node.module else [])])
            names.append(base)
            names += [f"{base}.{alias.name}" for alias in node.names if _file(f"{base}.{alias.name}") is not None]
    return tuple(names)


def _nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes but those that only a type checker reads."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
            for other in node.orelse:
                yield other
                yield from _nodes(other)
            continue
        yield node
        yield from _nodes(node)


@functools.cache
def _code(text: str) -> str:
    """Source text without comments, docstrings, blank lines and trailing spaces: none of them decides a number."""
    lines = text.splitlines()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column]
    for first, last in _docstrings(ast.parse(text)):
        if lines[first - 1].lstrip()[:1] in "\"'rR":
            lines[first - 1 : last] = [""] * (last - first + 1)
    return "\n".join(line.rstrip() for line in lines if line.strip())


def _docstrings(tree: ast.AST) -> Iterator[tuple[int, int]]:
    """First and last line of each docstring."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and node.body:
            first = node.body[0]
            if (
                isinstance(first, ast.Expr)
                and isinstance(first.value, ast.Constant)
                and isinstance(first.value.value, str)
            ):
                yield first.lineno, first.end_lineno or first.lineno


__all__ = ["fingerprint", "processor", "script_sources", "sources"]

"""What a function depends on, found without importing it: the definitions that it reaches, and a fingerprint of them.

From its names the functions, classes and constants of this package that they stand for are followed, and so on from
theirs. Only what is reached counts, wherever it stands: to move, split or rename a module, to add a function beside, to
write a comment changes no fingerprint. Where a name is not enough, more is counted rather than less:

- a class counts whole, a module too where it is used as a value (passed on, or asked with `getattr`)
- whatever runs when a module is imported counts, if it does more than bind a name: statements that act, decorators,
  defaults and values that call what is not known to be without effect (`HARMLESS`)
- what names alone cannot follow (`UNTRACEABLE`) is refused

Of a *record* (the class of a study's cells) count the fields, with type and default, and the members whose names occur
in what is reached; not its limits, meanings and checks: what they let pass is in the key of the cell.
"""

from __future__ import annotations

import ast
import dataclasses
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

PACKAGE = "benign"
# Calls that do nothing but return a value, when a module is imported: names, or prefixes that end in a dot.
HARMLESS = (
    *(
        "dict",
        "float",
        "frozenset",
        "int",
        "len",
        "list",
        "max",
        "min",
        "range",
        "set",
        "sorted",
        "str",
        "sum",
        "tuple",
    ),
    *("zip", "classmethod", "property", "staticmethod", "contextlib.contextmanager", "dataclasses.", "functools."),
    *("itertools.", "math.", "pathlib.Path", "pydantic.", "re.compile", "typing.", "numpy.array", "numpy.arange"),
    *("numpy.linspace", "numpy.logspace", "pandas.DataFrame", "torch.inference_mode", "torch.no_grad"),
    *(f"{PACKAGE}.declared.field", f"{PACKAGE}.study.column", f"{PACKAGE}.study.Study"),
)
UNTRACEABLE = (
    *("__doc__", "__file__", "__import__", "__name__", "__package__", "eval", "exec", "functools.singledispatch"),
    *("globals", "importlib", "inspect", "pkgutil", "sys.modules"),
)
UNTRACEABLE_ATTRIBUTES = ("__doc__", "__file__", "__init_subclass__", "__module__", "__subclasses__")
KINDS = ("bool", "float", "int", "str")
SETTLES = ("__post_init__", "irrelevant")  # members of a record that set its fields: code that makes others runs them
DECLARES = (f"{PACKAGE}.declared.field",)  # a field's default is its argument `default`, the others describe it


class UntraceableError(Exception):
    """Code whose dependencies cannot be read off its names; the message says where and what to write instead."""


@dataclasses.dataclass(frozen=True, order=True)
class Definition:
    """What binds `name` in `module`; with the name "*" all that the module binds."""

    module: str
    name: str


@dataclasses.dataclass(frozen=True, order=True)
class Member:
    """A member of a record; with the name "" its fields."""

    record: Definition
    name: str


@dataclasses.dataclass(frozen=True, order=True)
class Act:
    """A statement at the top of a module that does more than bind a name; `text` is its source, formatted."""

    text: str
    module: str
    index: int  # which of the module's statements


Reached = Definition | Member | Act
Meaning = Definition | str | None  # of a name: in this package; elsewhere, as a dotted path; a variable
Scope = tuple[str, dict[str, Meaning]]  # "function" or "class", and what is bound there
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


@dataclasses.dataclass(frozen=True)
class Text:
    """A definition, normalised: its source with what it refers to, and the attributes and words that occur in it."""

    parts: tuple[str | Reached, ...]
    mentioned: frozenset[str]

    def references(self) -> Iterator[Reached]:
        """What it refers to, in order."""
        for part in self.parts:
            if not isinstance(part, str):
                yield part


@dataclasses.dataclass(frozen=True)
class Module:
    """A source file: its statements, and those of them that bind each name at its top."""

    name: str
    path: Path
    statements: list[ast.stmt]
    bindings: dict[str, list[ast.stmt]]
    imports: tuple[str, ...]  # the modules that importing this one, or calling what is in it, imports

    @property
    def package(self) -> str:
        """What its relative imports start from."""
        return self.name if self.path.name == "__init__.py" else self.name.rpartition(".")[0]


class Sources:
    """The package in the folder `root`, read as far as it is asked for."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._modules: dict[str, Module] = {}
        self._texts: dict[Reached, Text] = {}

    def fingerprint(
        self, roots: Iterable[Definition], records: Iterable[Definition] = (), facts: Mapping[str, str] | None = None
    ) -> str:
        """SHA-256, hexadecimal, of what roots and records reach, and of facts beside it (name to value).

        Raises UntraceableError; LookupError for what is not there.
        """
        reached = self.reached(roots, records)
        number = {each: f"<{i}>" for i, each in enumerate(reached)}
        parts = [
            " ".join(part if isinstance(part, str) else number[part] for part in self._text(each).parts)
            for each in reached
        ]
        parts += sorted(f"{name}={value}" for name, value in (facts or {}).items())
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()

    def reached(self, roots: Iterable[Definition], records: Iterable[Definition] = ()) -> list[Reached]:
        """The roots, the fields of the records, and what is reached from them, in the order of its first mention."""
        found: dict[Reached, None] = dict.fromkeys(self._definition(root) for root in roots)
        found |= dict.fromkeys(Member(self._definition(record), "") for record in records)
        queue = list(found)
        while queue:
            for each in queue:  # which grows
                fresh = dict.fromkeys(part for part in self._text(each).references() if part not in found)
                queue += fresh
                found |= fresh
            beside: list[Reached] = [*self._members(found), *self._acts(found)]
            queue = [each for each in beside if each not in found]
            found |= dict.fromkeys(queue)
        return list(found)

    def statements(self, of: Reached) -> tuple[Module, list[ast.stmt]]:
        """The module in which it stands, and there the statements that it is, in whole or in part."""
        if isinstance(of, Member):
            record = self._class(of.record)
            return self.module(of.record.module), _members(record)[of.name] if of.name else [record]
        module = self.module(of.module)
        if isinstance(of, Act):
            return module, [module.statements[of.index]]
        return module, module.statements if of.name == "*" else module.bindings[of.name]

    def executed(self, modules: Iterable[str]) -> list[Module]:
        """The modules of this package that importing these runs, themselves included."""
        found: dict[str, Module] = {}
        waiting = list(modules)
        while waiting:
            name = waiting.pop()
            if name not in found:
                found[name] = self.module(name)
                waiting += [name.rpartition(".")[0]] if "." in name else []
                waiting += filter(_ours, found[name].imports)
        return list(found.values())

    # ---------------------------------------------------------------- what counts beside what is named

    def _members(self, found: Iterable[Reached]) -> list[Member]:
        """Members of the records in `found` whose names occur in what is found."""
        records = [each.record for each in found if isinstance(each, Member) and not each.name]
        mentioned = frozenset[str]().union(*(self._text(each).mentioned for each in found))
        return [
            Member(record, name)
            for record in records
            for name in sorted(_members(self._class(record)))
            if name in mentioned or name in SETTLES or "*" in mentioned
        ]

    def _acts(self, found: Iterable[Reached]) -> list[Act]:
        """What importing the modules of `found` does, in an order that does not depend on where it stands."""
        modules = {each.record.module if isinstance(each, Member) else each.module for each in found}
        return sorted(
            Act(ast.unparse(statement), module.name, index)
            for module in self.executed(sorted(modules))
            for index, statement in enumerate(module.statements)
            if not self._harmless(module, statement)
        )

    def _harmless(self, module: Module, statement: ast.stmt) -> bool:
        """Whether a statement binds names, at most, when it is executed."""
        if isinstance(statement, ast.Assign | ast.AnnAssign):
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            plain = all(
                isinstance(each, ast.Name | ast.Tuple | ast.Load | ast.Store) for t in targets for each in ast.walk(t)
            )
        else:
            plain = isinstance(statement, (*FUNCTIONS, ast.ClassDef, ast.Import, ast.ImportFrom))
        return plain and all(self._harmless_call(module, call) for call in _calls(statement))

    def _harmless_call(self, module: Module, called: ast.expr) -> bool:
        if isinstance(called, ast.Attribute) and isinstance(called.value, ast.Constant):
            return True  # of a text's method
        path = self.path(module, called)
        return path is not None and any(
            path == known or (known.endswith(".") and path.startswith(known)) for known in HARMLESS
        )

    def path(self, module: Module, expression: ast.expr) -> str | None:
        """The dotted path of what an expression at the top of a module names, None if it is no name."""
        if isinstance(expression, ast.Attribute):
            base = self.path(module, expression.value)
            return None if base is None else f"{base}.{expression.attr}"
        if not isinstance(expression, ast.Name):
            return None
        meaning = self.meaning(module, expression.id)
        if isinstance(meaning, Definition):
            return meaning.module if meaning.name == "*" else f"{meaning.module}.{meaning.name}"
        return meaning or expression.id

    # ---------------------------------------------------------------- names

    def module(self, name: str) -> Module:
        """A module of this package. Raises LookupError if there is none of that name."""
        if name not in self._modules:
            path = self.file(name)
            if path is None:
                raise LookupError(f"there is no module {name} under {self.root.parent}")
            self._modules[name] = self.read(name, path)
        return self._modules[name]

    def file(self, module: str) -> Path | None:
        """Where a module stands, None if there is none of that name."""
        base = self.root.parent.joinpath(*module.split("."))
        return next((path for path in (base / "__init__.py", base.with_suffix(".py")) if path.is_file()), None)

    def read(self, name: str, path: Path) -> Module:
        """A source file as a module of that name."""
        statements = _statements(ast.parse(path.read_text(encoding="utf-8")).body)
        module = Module(name, path, statements, {}, ())
        for statement in statements:
            for bound in _bound([statement]):
                module.bindings.setdefault(bound, []).append(statement)
        imports = [each for node in _nodes(statements) for each in self._imported(module, node)]
        return dataclasses.replace(module, imports=tuple(dict.fromkeys(imports)))

    def _imported(self, module: Module, node: ast.AST) -> Iterator[str]:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (base := _base(module, node))
            yield from (path for alias in node.names if _ours(base) and self.file(path := f"{base}.{alias.name}"))

    def meaning(self, module: Module, name: str) -> Meaning:
        """What a name at the top of a module stands for; None if nothing binds it there (it may be built in)."""
        meanings = {
            self.imported(module, statement, name)
            if isinstance(statement, ast.Import | ast.ImportFrom)
            else Definition(module.name, name)
            for statement in module.bindings.get(name, [])
        }
        return next(iter(meanings), None) if len(meanings) < 2 else Definition(module.name, name)

    def imported(self, module: Module, statement: ast.Import | ast.ImportFrom, name: str) -> Meaning:
        """What a name stands for that a statement imports."""
        for alias in statement.names:
            if isinstance(statement, ast.ImportFrom) and name == (alias.asname or alias.name):
                base = _base(module, statement)
                if base == module.name and self.file(path := f"{base}.{alias.name}"):
                    return Definition(path, "*")  # a package's own module: the name is not looked up where it is bound
                return self.attribute(base, alias.name) if _ours(base) else f"{base}.{alias.name}"
            if isinstance(statement, ast.Import) and name == (alias.asname or alias.name.split(".")[0]):
                path = alias.name if alias.asname else name
                return Definition(path, "*") if _ours(path) else path
        raise LookupError(f"{module.path}: line {statement.lineno} does not import {name}")

    def attribute(self, module: str, name: str) -> Meaning:
        """What a module's attribute stands for. Raises LookupError if it has no such attribute."""
        if name in self.module(module).bindings:
            return self.meaning(self.module(module), name)
        if self.file(f"{module}.{name}"):
            return Definition(f"{module}.{name}", "*")
        raise LookupError(f"{self.module(module).path} has no {name}")

    def _definition(self, given: Definition) -> Definition:
        """Where what the name stands for is really defined."""
        meaning = self.attribute(given.module, given.name)
        if not isinstance(meaning, Definition):
            raise LookupError(f"{given.module}.{given.name} is not defined in this package")
        return meaning

    def _class(self, record: Definition) -> ast.ClassDef:
        statements = self.module(record.module).bindings[record.name]
        if len(statements) != 1 or not isinstance(statements[0], ast.ClassDef):
            raise UntraceableError(f"{record.module}.{record.name} is not one class: define it once, by `class`")
        return statements[0]

    # ---------------------------------------------------------------- texts

    def _text(self, of: Reached) -> Text:
        if of not in self._texts:
            module, statements = self.statements(of)
            writer = _Writer(self, module)
            if isinstance(of, Member):
                writer.member(self._class(of.record), of.name)
            elif isinstance(of, Definition) and of.name == "*":
                writer.whole()
            else:
                writer.write(statements, ())
            self._texts[of] = Text(tuple(writer.parts), frozenset(writer.mentioned))
        return self._texts[of]


class _Writer:
    """Writes a definition's source in a form that only its meaning decides."""

    def __init__(self, sources: Sources, module: Module) -> None:
        self.sources, self.module = sources, module
        self.parts: list[str | Reached] = []
        self.mentioned: set[str] = set()  # attributes and texts; "*" if it may be any
        self.in_record = False

    def whole(self) -> None:
        """All that the module binds, but for other modules."""
        for name in sorted(self.module.bindings):
            meaning = self.sources.meaning(self.module, name)
            if isinstance(meaning, Definition) and meaning.name != "*":
                self.parts += [name, meaning]

    def member(self, record: ast.ClassDef, name: str) -> None:
        """A member of a record, or its fields: names, types as far as they decide a key, defaults."""
        self.in_record = True
        scopes: tuple[Scope, ...] = (("class", self._bound(record.body)),)
        if name:
            self.write(_members(record)[name], scopes)
            return
        for base in record.bases:
            path = self.sources.path(self.module, base) or ast.unparse(base)
            module, _, class_ = path.rpartition(".")
            self.parts.append(Member(Definition(module, class_), "") if _ours(path) else path)
        for field in record.body:
            if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
                kind = ast.unparse(field.annotation)
                self.parts += [field.target.id, kind if kind in KINDS else "text"]
                self._default(field.value, scopes)

    def _default(self, value: ast.expr | None, scopes: tuple[Scope, ...]) -> None:
        if isinstance(value, ast.Call) and self.sources.path(self.module, value.func) in DECLARES:
            value = next((keyword.value for keyword in value.keywords if keyword.arg == "default"), None)
        self.write(value, scopes)

    def write(self, node: Any, scopes: tuple[Scope, ...]) -> None:
        """Any node, list of nodes, or value of a node's field."""
        match node:
            case ast.Name() | ast.Attribute():
                self._named(node, scopes)
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Lambda():
                self._function(node, scopes)
            case ast.ClassDef():
                self.parts += ["class", node.name]
                self.write([node.decorator_list, node.bases, node.keywords], scopes)
                self.write(_undocumented(node.body), (*scopes, ("class", self._bound(node.body))))
            case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
                self._comprehension(node, scopes)
            case ast.Import() | ast.ImportFrom():
                self._import(node, scopes)
            case ast.Constant(value=value):
                self.parts.append(f"{type(value).__name__} {value!a}")
                self.mentioned |= {value} if isinstance(value, str) else set()
            case ast.expr_context():
                pass
            case ast.AST():
                self._computed_attribute(node)
                self.parts.append(f"({type(node).__name__}")
                # Types are hints, but for the fields of a class.
                hints = () if scopes[-1:] and scopes[-1][0] == "class" else ("annotation",)
                for name, value in ast.iter_fields(node):
                    if value is not None and value != [] and name not in ("type_comment", "kind", *hints):
                        self.parts.append(name)
                        self.write(value, scopes)
                self.parts.append(")")
            case list():
                self.parts.append("[")
                for each in node:
                    self.write(each, scopes)
                self.parts.append("]")
            case _:
                self.parts.append(ascii(node))

    def _function(self, node: Any, scopes: tuple[Scope, ...]) -> None:
        arguments = node.args
        every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
        bound: dict[str, Meaning] = {each.arg: None for each in every if each}
        if isinstance(node, ast.Lambda):
            body: Any = node.body
        else:
            self._traceable(node.name, node, UNTRACEABLE_ATTRIBUTES)
            self.parts += [type(node).__name__, node.name]
            self.write(node.decorator_list, scopes)
            body, bound = _undocumented(node.body), bound | self._bound(node.body)
        self.write(arguments, scopes)
        self.write(body, (*scopes, ("function", bound)))

    def _comprehension(self, node: Any, scopes: tuple[Scope, ...]) -> None:
        first, *others = node.generators
        self.parts.append(type(node).__name__)
        self.write(first.iter, scopes)  # the only part that is outside
        inner = (*scopes, ("function", self._bound([each.target for each in node.generators])))
        self.write([first.target, first.ifs, others], inner)
        self.write([node.key, node.value] if isinstance(node, ast.DictComp) else node.elt, inner)

    def _import(self, node: ast.Import | ast.ImportFrom, scopes: tuple[Scope, ...]) -> None:
        """In a function the names that it binds are followed where they are used; at the top it is a second binding."""
        for name in _bound([node]):
            meaning = self.sources.imported(self.module, node, name)
            if isinstance(meaning, str):
                self._traceable(meaning, node)
            if meaning is not None and (isinstance(meaning, str) or not scopes):
                self.parts.append(meaning)

    def _named(self, node: ast.Name | ast.Attribute, scopes: tuple[Scope, ...]) -> None:
        """A name with the attributes that follow it: as far as they lead through modules, what they stand for."""
        attributes: list[str] = []
        base: ast.expr = node
        while isinstance(base, ast.Attribute):
            attributes.insert(0, base.attr)
            base = base.value
        self.mentioned |= set(attributes)
        for attribute in attributes:
            self._traceable(attribute, node, UNTRACEABLE_ATTRIBUTES)
        if not isinstance(base, ast.Name):
            self.write(base, scopes)
            self.parts += attributes
            return
        local, meaning = self._meaning(base.id, scopes)
        while isinstance(meaning, Definition) and meaning.name == "*" and attributes:
            meaning = self.sources.attribute(meaning.module, attributes.pop(0))
        path = ".".join([meaning if isinstance(meaning, str) else base.id, *attributes])
        if not local and not isinstance(meaning, Definition):
            self._traceable(path, node)
        self.parts += [meaning, *attributes] if isinstance(meaning, Definition) else [path]

    def _meaning(self, name: str, scopes: tuple[Scope, ...]) -> tuple[bool, Meaning]:
        """(whether it is bound within the definition, what it stands for)."""
        for depth, (kind, bound) in enumerate(reversed(scopes)):
            if name in bound and (kind == "function" or depth == 0):  # what a class binds its methods do not see
                return bound[name] is None, bound[name]
        return False, self.sources.meaning(self.module, name)

    def _bound(self, nodes: Iterable[ast.AST]) -> dict[str, Meaning]:
        """What statements bind, imports with what they stand for."""
        return {
            name: self.sources.imported(self.module, node, name)
            if isinstance(node, ast.Import | ast.ImportFrom)
            else None
            for name, node in _bound(nodes).items()
        }

    def _computed_attribute(self, node: ast.AST) -> None:
        """An attribute that is computed may be any; of a class that counts whole it need not be known."""
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
            called = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
            of, name = [*node.args, None, None][:2]
            of_itself = isinstance(of, ast.Name) and of.id == "self" and not self.in_record
            if (
                called in ("getattr", "attrgetter", "methodcaller")
                and not isinstance(name, ast.Constant)
                and not of_itself
            ):
                self.mentioned.add("*")

    def _traceable(self, path: str, node: Any, untraceable: Iterable[str] = UNTRACEABLE) -> None:
        for name in untraceable:
            if path == name or path.startswith(f"{name}."):
                raise UntraceableError(
                    f"{self.module.path}, line {node.lineno}: {name} hides what a result depends on: import and name "
                    "what is meant"
                )


def _statements(body: Iterable[ast.stmt]) -> list[ast.stmt]:
    """Those at the top of a module, without its docstring and what only a type checker reads."""
    result = []
    for statement in _undocumented(list(body)):
        if isinstance(statement, ast.If) and ast.unparse(statement.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
            result += _statements(statement.orelse)
        else:
            result.append(statement)
    return result


def _undocumented(body: list[ast.stmt]) -> list[ast.stmt]:
    match body[:1]:
        case [ast.Expr(value=ast.Constant(value=str()))]:
            return body[1:]
    return body


def _nodes(statements: Iterable[ast.stmt]) -> Iterator[ast.AST]:
    for statement in statements:
        yield from ast.walk(statement)


def _bound(nodes: Iterable[ast.AST]) -> dict[str, ast.AST]:
    """The names that statements bind, each with the node that does, without those of functions and classes in them."""
    found: dict[str, ast.AST] = {}
    elsewhere: set[str] = set()
    waiting = list(nodes)
    while waiting:
        node = waiting.pop(0)
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                found[name] = node
                continue
            case ast.Import(names=names) | ast.ImportFrom(names=names):
                plain = isinstance(node, ast.Import)
                found |= {alias.asname or (alias.name.split(".")[0] if plain else alias.name): node for alias in names}
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
                found[name] = node
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                found[name] = node
            case ast.MatchMapping(rest=str(name)):
                found[name] = node
            case ast.Global(names=names) | ast.Nonlocal(names=names):
                elsewhere |= set(names)
            case ast.Lambda():
                continue
        if isinstance(node, COMPREHENSIONS):  # its variables are its own, but for what := binds
            found |= {each.target.id: each for each in ast.walk(node) if isinstance(each, ast.NamedExpr)}
        else:
            waiting += ast.iter_child_nodes(node)
    return {name: node for name, node in found.items() if name not in elsewhere}


def _members(record: ast.ClassDef) -> dict[str, list[ast.stmt]]:
    """What a record's body binds beside its fields."""
    found: dict[str, list[ast.stmt]] = {}
    for statement in record.body:
        if not isinstance(statement, ast.AnnAssign):
            for name in _bound([statement]):
                found.setdefault(name, []).append(statement)
    return found


def _calls(statement: ast.stmt) -> Iterator[ast.expr]:
    """What is called when a statement at the top of a module is executed: decorators too, bodies of functions not."""
    waiting: list[ast.AST] = [statement]
    while waiting:
        node = waiting.pop()
        if isinstance(node, (*FUNCTIONS, ast.ClassDef)):
            yield from (each.func if isinstance(each, ast.Call) else each for each in node.decorator_list)
            waiting += [
                argument for each in node.decorator_list if isinstance(each, ast.Call) for argument in each.args
            ]
        if isinstance(node, ast.ClassDef):
            waiting += [*node.bases, *node.body]
            yield from (keyword.value for keyword in node.keywords if keyword.arg == "metaclass")
        elif isinstance(node, (*FUNCTIONS, ast.Lambda)):
            waiting += [*node.args.defaults, *(each for each in node.args.kw_defaults if each)]
        else:
            if isinstance(node, ast.Call):
                yield node.func
            waiting += ast.iter_child_nodes(node)


def _ours(path: str) -> bool:
    return path.split(".")[0] == PACKAGE


def _base(module: Module, node: ast.ImportFrom) -> str:
    """The module that a statement imports from."""
    start = module.package.split(".")[: len(module.package.split(".")) - node.level + 1] if node.level else []
    return ".".join([*start, *([node.module] if node.module else [])])


__all__ = ["Definition", "Sources", "UntraceableError"]

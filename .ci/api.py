"""Compare the public API with the one that was released; name each difference.

Run as `python .ci/api.py`. It compares the package that is importable with
`.ci/api-0.2.0.json`, prints each difference as a line, and fails unless
`.ci/api-changes.toml` lists it, with its reason; an entry there that matches no
difference fails too. `--write FILE --commit ID` writes a snapshot instead.

Public is what `veeam_async.__all__` and `veeam_async.simulator.__all__` name, the
pytest fixture, the exit codes, and every class without an underscore that one comes to
from there by attributes, parameters and results. A snapshot has a line for each of:
class, base, enum member, method, property, attribute, parameter with its kind, type and
default, result, and the first line of a docstring. Aliases are written out and modules
left out, so that nothing differs where a thing only moved.

Left out are the constructors of `MADE`: a manager makes these objects, nobody else can,
so the arguments are wiring between two of the package's own modules.
"""

from __future__ import annotations

import argparse
import ast
import builtins
import collections.abc
import enum
import importlib
import inspect
import json
import sys
import textwrap
import tomllib
import types
import typing
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import attrs

HERE = Path(__file__).parent
RELEASED = HERE / "api-0.2.0.json"
CHANGES = HERE / "api-changes.toml"

PACKAGE = "veeam_async"
SIMULATOR = f"{PACKAGE}.simulator"
FIXTURE = f"{PACKAGE}.plugin"
EXITS = f"{PACKAGE}.cli.exits"

MADE = {
    "BackupSessions",
    "Entities",
    "Fetch",
    "JobRun",
    "PreparedRun",
    "JobSessions",
    "JobQuery",
    "Jobs",
    "Query",
    "Tasks",
    "Watch",
}
"""Classes whose objects come from a manager; their constructors are wiring."""

OPERATORS = (
    *("and", "or", "bool", "eq", "ne", "lt", "le", "gt", "ge", "hash"),
    *("iter", "next", "aiter", "anext", "enter", "exit", "aenter", "aexit"),
    *("len", "contains", "getitem", "call", "await"),
)
"""The special methods by which a user can tell a class from another."""

Snapshot = dict[str, str]


# ---------------------------------------------------------------- annotations


def _in_package(thing: object) -> bool:
    return str(getattr(thing, "__module__", "")).split(".")[0] == PACKAGE


def _vocabulary() -> dict[str, Any]:
    """What an annotation may name that its module imports for type checkers only."""
    for name in (PACKAGE, SIMULATOR, FIXTURE, EXITS):
        module = importlib.import_module(name)
        for public in getattr(module, "__all__", ()):
            getattr(module, public)  # which loads what it comes from
    names: dict[str, Any] = {**vars(collections.abc), **vars(typing)}
    for name, module in sorted(sys.modules.items()):
        if name.split(".")[0] == PACKAGE:
            names |= {k: v for k, v in vars(module).items() if _in_package(v)}
    return names


@cache
def _for_types(module: types.ModuleType) -> dict[str, Any]:
    """The names that a module imports for type checkers alone."""
    names: dict[str, Any] = {}
    for node in ast.parse(inspect.getsource(module)).body:
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            imports = ast.Module(node.body, type_ignores=[])
            exec(compile(imports, module.__name__, "exec"), names)  # noqa: S102 - our own
    return names


class Annotations:
    """Writes annotations as text, and keeps the classes that they name."""

    def __init__(self) -> None:
        self.met: dict[str, type] = {}
        self._vocabulary = _vocabulary()

    def text(self, annotation: object, module: str) -> str:
        """The text of *annotation* as it stands in *module*."""
        if annotation is inspect.Parameter.empty:
            return "unannotated"
        if isinstance(annotation, str):
            annotation = self._evaluated(annotation, module)
        return self._written(annotation)

    def _evaluated(self, text: str, module: str) -> object:
        home = sys.modules[module]
        names = {**self._vocabulary, **_for_types(home), **vars(home)}
        # `Json` is a text that names itself: it stands for itself.
        names |= {
            name: typing.TypeVar(name)
            for name, value in names.items()
            if isinstance(value, str) and not name.startswith("_")
        }
        return eval(text, names)  # noqa: S307 - the package's own annotations

    def _written(self, value: object) -> str:
        if isinstance(value, list):
            return f"[{', '.join(map(self._written, value))}]"
        origin, arguments = typing.get_origin(value), typing.get_args(value)
        if origin in (typing.Union, types.UnionType):
            return " | ".join(map(self._written, arguments))
        if origin is typing.Literal:
            return f"Literal[{', '.join(map(repr, arguments))}]"
        if origin is not None:
            inner = ", ".join(map(self._written, arguments))
            return f"{self._written(origin)}[{inner}]"
        return self._named(value)

    def _variable(self, variable: typing.TypeVar) -> str:
        """A type variable by its bound: how it is called is nobody's business."""
        if variable.__bound__ is None:
            return variable.__name__ if len(variable.__name__) > 1 else "<any>"
        return f"<{self.text(variable.__bound__, variable.__module__)}>"

    def _named(self, value: object) -> str:
        if value is None or value is type(None):
            return "None"
        if value is Ellipsis:
            return "..."
        if isinstance(value, typing.TypeVar):
            return self._variable(value)
        if isinstance(value, typing.ForwardRef):
            return value.__forward_arg__
        if isinstance(value, type) and _in_package(value):
            if not value.__name__.startswith("_"):
                self.met[value.__name__] = value
            return value.__name__
        return str(getattr(value, "__qualname__", value))


# ---------------------------------------------------------------- what there is


def _default(value: object) -> str:
    """A default as text; what is made anew for each object as what makes it."""
    if isinstance(value, attrs.Factory):  # type: ignore[arg-type]  # a class at run time
        return f"made by {getattr(value, 'factory').__name__}()"  # noqa: B009 - the same
    if isinstance(value, type | types.FunctionType):
        return value.__name__
    return repr(value)


def _doc(thing: object) -> str | None:
    """The first line of a docstring of its own, None without one."""
    doc = inspect.getdoc(thing)
    return doc.strip().splitlines()[0] if doc else None


_KINDS = {
    inspect.Parameter.POSITIONAL_ONLY: "positional only",
    inspect.Parameter.POSITIONAL_OR_KEYWORD: "positional or keyword",
    inspect.Parameter.VAR_POSITIONAL: "any more",
    inspect.Parameter.KEYWORD_ONLY: "keyword only",
    inspect.Parameter.VAR_KEYWORD: "any more by keyword",
}


class Describer:
    """Fills *lines* with what there is, each thing by its path."""

    def __init__(self) -> None:
        self.lines: Snapshot = {}
        self._annotations = Annotations()
        self._public: dict[str, type] = {}

    def describe(self) -> None:
        """Describe everything public, and what one comes to from there."""
        for prefix, module in (("", PACKAGE), ("simulator.", SIMULATOR)):
            home = importlib.import_module(module)
            for name in home.__all__:
                self._thing(f"{prefix}{name}", getattr(home, name))
        fixture: Any = importlib.import_module(FIXTURE)
        function = inspect.unwrap(fixture.veeam_simulator)
        self._function("fixture veeam_simulator", function)
        self._class("exit codes", importlib.import_module(EXITS).Exit)
        self._reached()

    def _reached(self) -> None:
        """Describe the classes that were met, until there are no more of them."""
        while left := {
            name: kind
            for name, kind in self._annotations.met.items()
            if kind not in self._public.values()
        }:
            for name, kind in left.items():
                self._class(name, kind)

    def _thing(self, path: str, thing: object) -> None:
        if isinstance(thing, type):
            self._class(path, thing)
        elif isinstance(thing, types.FunctionType):
            self._function(path, thing)
        elif typing.get_origin(thing) is not None:
            text = self._annotations.text(thing, PACKAGE)
            self.lines[path] = f"alias of {text}"
        else:
            self.lines[path] = f"a {type(thing).__name__}"
            for name in dir(thing):
                if not name.startswith("_"):
                    self._attribute(f"{path}.{name}", type(getattr(thing, name)))

    def _attribute(self, path: str, kind: object, module: str = PACKAGE) -> None:
        self.lines[path] = f"attribute, {self._annotations.text(kind, module)}"

    def _function(self, path: str, function: Callable[..., Any]) -> None:
        is_async = inspect.iscoroutinefunction(function)
        self.lines[path] = "async function" if is_async else "function"
        self._documented(path, function)
        self._signature(path, function)

    def _documented(self, path: str, thing: object) -> None:
        if doc := _doc(thing):
            self.lines[f"{path} doc"] = doc

    def _signature(self, path: str, function: Callable[..., Any]) -> None:
        signature, module = inspect.signature(function), function.__module__
        place = 0
        for name, parameter in signature.parameters.items():
            if name in ("self", "cls"):
                continue
            kind = _KINDS[parameter.kind]
            if kind.startswith("positional"):
                place += 1
                kind = f"{kind} {place}"
            text = f"{kind}, {self._annotations.text(parameter.annotation, module)}"
            if parameter.default is not parameter.empty:
                text += f" = {_default(parameter.default)}"
            self.lines[f"{path}({name})"] = text
        if signature.return_annotation is not signature.empty:
            result = self._annotations.text(signature.return_annotation, module)
            self.lines[f"{path} ->"] = result

    # ------------------------------------------------------------ classes

    def _class(self, path: str, kind: type) -> None:
        self._public[path] = kind
        self.lines[path] = _kind_of(kind)
        self._documented(path, kind)
        operators = _operators(kind)
        if operators:
            self.lines[f"{path} operators"] = operators
        for base in _bases(kind):
            self.lines[f"{path} is a {base}"] = "base"
        if issubclass(kind, enum.Enum):
            for member in kind:
                self.lines[f"{path}.{member.name}"] = f"member, {member.value!r}"
        elif attrs.has(kind):
            self._fields(path, kind)
        elif kind.__name__ not in MADE and "__init__" in _own(kind):
            self._signature(path, _own(kind)["__init__"])
            self.lines.pop(f"{path} ->", None)
        self._members(path, kind)
        self._set_by_itself(path, kind)

    def _fields(self, path: str, kind: type[attrs.AttrsInstance]) -> None:
        place = 0
        for field in attrs.fields(kind):
            if field.name.startswith("_") or not field.init:
                continue
            if any(field.name in dir(base) for base in _exported_bases(kind)):
                continue
            how = "keyword only"
            if not field.kw_only:
                place += 1
                how = f"positional or keyword {place}"
            owner = _owner(kind, field.name)
            text = f"field, {how}, {self._annotations.text(field.type, owner)}"
            if field.default is not attrs.NOTHING:
                text += f" = {_default(field.default)}"
            self.lines[f"{path}.{field.name}"] = text

    def _members(self, path: str, kind: type) -> None:
        for name, member in _own(kind).items():
            here = f"{path}.{name}"
            if name.startswith("_") or here in self.lines:
                continue
            if isinstance(member, property):
                getter = member.fget
                assert getter is not None  # noqa: S101 - none is write-only
                annotation = inspect.signature(getter).return_annotation
                self._attribute(here, annotation, getter.__module__)
                if member.fset is not None:
                    self.lines[here] += ", can be set"
                self._documented(here, member)
            elif isinstance(member, classmethod | staticmethod):
                self.lines[here] = type(member).__name__
                self._documented(here, member.__func__)
                self._signature(here, member.__func__)
            elif isinstance(member, types.FunctionType):
                is_async = inspect.iscoroutinefunction(member)
                self.lines[here] = "async method" if is_async else "method"
                self._documented(here, member)
                self._signature(here, member)

    def _set_by_itself(self, path: str, kind: type) -> None:
        """Describe the attributes that an object sets itself."""
        made = _example(kind)
        for name in sorted(_assigned(kind)):
            here = f"{path}.{name}"
            if here in self.lines:
                continue
            if hasattr(made, name):
                self._attribute(here, type(getattr(made, name)))
            else:
                self.lines[here] = "attribute"


def _kind_of(kind: type) -> str:
    if issubclass(kind, enum.Enum):
        return "enum"
    if issubclass(kind, BaseException):
        return "error"
    if not attrs.has(kind):
        return "class"
    is_frozen = kind.__setattr__ is not object.__setattr__
    return "frozen attrs class" if is_frozen else "attrs class"


def _operators(kind: type) -> str:
    names = [
        name
        for name in OPERATORS
        for owner in [_definer(kind, f"__{name}__")]
        if owner is not None and vars(owner)[f"__{name}__"] is not None
    ]
    return ", ".join(names)


def _definer(kind: type, name: str) -> type | None:
    """The class of the package that gives *kind* a member of this *name*."""
    found = next((each for each in kind.__mro__ if name in vars(each)), None)
    return found if found is not None and _in_package(found) else None


def _owner(kind: type, name: str) -> str:
    """The module in which a field is annotated."""
    owners = (each for each in kind.__mro__ if name in inspect.get_annotations(each))
    return next(owners, kind).__module__


def _bases(kind: type) -> Iterator[str]:
    """The public classes, and Python's own, that *kind* can be taken for."""
    exported = importlib.import_module(PACKAGE).__all__
    for base in kind.__mro__[1:]:
        if base in (object, Exception, BaseException):
            continue
        is_plain = base.__module__ in ("builtins", "enum")
        if (is_plain and hasattr(builtins, base.__name__)) or (
            _in_package(base) and base.__name__ in exported
        ):
            yield base.__name__


def _exported_bases(kind: type) -> list[type]:
    """The bases of *kind* that are described by themselves."""
    package = importlib.import_module(PACKAGE)
    return [each for each in kind.__mro__[1:] if each.__name__ in package.__all__]


def _own(kind: type) -> dict[str, Any]:
    """The members that *kind* has from the package, and not from an exported base."""
    members: dict[str, Any] = {}
    for each in reversed(kind.__mro__):
        if _in_package(each):
            members |= vars(each)
    for base in _exported_bases(kind):
        for name in dir(base):
            if inspect.getattr_static(base, name) is members.get(name, members):
                del members[name]
    return members


def _assigned(kind: type) -> set[str]:
    """The names of the public attributes that methods of *kind* set on themselves."""
    names: set[str] = set()
    told = {each for base in _exported_bases(kind) for each in base.__mro__}
    for each in kind.__mro__:
        if _in_package(each) and not attrs.has(each) and each not in told:
            tree = ast.parse(textwrap.dedent(inspect.getsource(each)))
            names |= {
                node.attr
                for node in ast.walk(tree)
                if isinstance(node, ast.Attribute)
                and isinstance(node.ctx, ast.Store)
                and isinstance(node.value, ast.Name)
                and node.value.id == "self"
            }
    return {name for name in names if not name.startswith("_")}


def _example(kind: type) -> object:
    """An object whose attributes tell their types, where one can be had alone."""
    if kind.__name__ == "EnterpriseManager":
        return kind("http://127.0.0.1:9399", username="u", password="p")  # noqa: S106 - nobody's
    return None


# ---------------------------------------------------------------- differences


def snapshot() -> Snapshot:
    """What there is now, in order."""
    describer = Describer()
    describer.describe()
    return dict(sorted(describer.lines.items()))


def differences(old: Snapshot, new: Snapshot) -> dict[str, str]:
    """What became of each thing that differs; of a whole one that is gone, once."""
    found = {}
    for path in sorted(old.keys() | new.keys()):
        if path not in new:
            found[path] = "gone"
        elif path not in old:
            found[path] = "new"
        elif old[path] != new[path]:
            found[path] = f"was {old[path]!r}, is {new[path]!r}"
    whole = {path for path, what in found.items() if what in ("gone", "new")}
    return {
        path: what
        for path, what in found.items()
        if not any(above in whole for above in _above(path))
    }


def _above(path: str) -> Iterator[str]:
    """The paths of what *path* is a part of."""
    for place, char in enumerate(path):
        if char in ". (" and place:
            yield path[:place]


def unexpected(found: dict[str, str], changes: list[dict[str, Any]]) -> list[str]:
    """What is wrong between the differences *found* and the *changes* listed."""
    listed = {change["object"]: change for change in changes}
    wrong = [
        f"{path}: {what}"
        for path, what in found.items()
        if path not in listed or listed[path]["what"] != what
    ]
    for path, change in listed.items():
        if not str(change.get("reason", "")).strip():
            wrong.append(f"{CHANGES.name} gives no reason for {path}")
        if path not in found and not change.get("optional"):
            wrong.append(f"{CHANGES.name} lists {path}, which does not differ")
    return wrong


def main() -> int:
    """Write a snapshot, or compare with the released one; give the exit status."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--write", type=Path, metavar="FILE")
    parser.add_argument("--commit", default="", help="of what is written")
    options = parser.parse_args()
    if options.write is not None:
        data = {"commit": options.commit, "api": snapshot()}
        options.write.write_text(json.dumps(data, indent=1, ensure_ascii=False) + "\n")
        return 0
    released = json.loads(RELEASED.read_text("utf-8"))
    found = differences(released["api"], snapshot())
    changes = tomllib.loads(CHANGES.read_text("utf-8")).get("change", [])
    wrong = unexpected(found, changes)
    for line in wrong:
        sys.stderr.write(f"{line}\n")
    if wrong:
        sys.stderr.write(
            f"Compared with {RELEASED.name}. What is intended belongs, with its "
            f"reason, into {CHANGES.name}.\n"
        )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

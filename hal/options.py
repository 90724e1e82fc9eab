"""Configuration files as values: YAML with positions, overlays, and the decoding of a mapping into a frozen dataclass.

The only importer of PyYAML and cattrs. Two steps: `Document.load` reads a file into `Node`s, each of which remembers the file and line
it stands in; `decode` turns a node into a dataclass and gives every problem at once, each as `file:line: where: message`.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import cattrs
import yaml
from cattrs.errors import AttributeValidationNote, IterableValidationNote
from cattrs.gen import make_mapping_structure_fn

from hal.errors import ConfigError
from hal.scalars import (
    Misfit,
    Structure,
    as_enum,
    as_float,
    as_literal,
    as_path,
    as_scalar,
    is_ranged,
    is_scalar_union,
    ranged,
    shown,
    strict,
)
from hal.types import Range

Scalar = str | int | float | bool | None
KeyPath = tuple[str | int, ...]
T = TypeVar("T")


# --- files with positions ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Node:
    """One value of a file: a mapping, a list or a scalar. `line` is that of its key, or of the value itself in a list."""

    value: Mapping[str, Node] | tuple[Node, ...] | Scalar
    file: str
    line: int

    @property
    def items(self) -> Mapping[str, Node]:
        """The entries of a mapping; empty when this is none."""
        return self.value if isinstance(self.value, Mapping) else {}

    def plain(self) -> object:
        """The value as dict, list or scalar."""
        if isinstance(self.value, Mapping):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, tuple):
            return [node.plain() for node in self.value]
        return self.value

    def at(self, message: str) -> str:
        """A problem with this value, as `file:line: message`."""
        return f"{self.file}:{self.line}: {message}"

    def without(self, *keys: str) -> Node:
        """The mapping without some keys."""
        return Node({key: node for key, node in self.items.items() if key not in keys}, self.file, self.line)

    def put(self, **values: Scalar) -> Node:
        """The mapping with more scalars, which get its own position."""
        more = {key: Node(value, self.file, self.line) for key, value in values.items()}
        return Node({**self.items, **more}, self.file, self.line)

    def find(self, path: KeyPath) -> Node:
        """The node at a path of keys and indexes, or the deepest one on the way there."""
        node = self
        for step in path:
            if isinstance(step, str) and step in node.items:
                node = node.items[step]
            elif isinstance(step, int) and isinstance(node.value, tuple) and step < len(node.value):
                node = node.value[step]
            else:
                break
        return node


@dataclass(frozen=True, slots=True)
class Document:
    """A configuration file together with the files it is laid over; `files` lists them, the outermost first."""

    root: Node
    files: tuple[Path, ...]

    @classmethod
    def load(cls, path: Path) -> Document:
        """Read a file and its bases. Raises ConfigError with every problem that keeps it from being read.

        `base: FILE` at the top, relative to the file, makes a file an overlay: mappings merge, lists and scalars replace, and an empty
        value (null) takes away what the base says.
        """
        return cls._load(path, ())

    @classmethod
    def _load(cls, path: Path, above: tuple[Path, ...]) -> Document:
        loader, composed = _compose(path)
        root = _node(loader, composed, str(path), 1)
        if not isinstance(root.value, Mapping):
            raise ConfigError([root.at("the file should hold a mapping (key: value) at the top")])
        if "base" not in root.items:
            return cls(root, (path,))
        base = root.items["base"]
        if not isinstance(base.value, str):
            raise ConfigError([base.at("base: should be the name of a file")])
        target = path.parent / base.value
        seen = (*above, path)
        if target.resolve() in [one.resolve() for one in seen]:
            raise ConfigError([base.at(f"base: {base.value} is laid over this file in turn; one of them has to stand alone")])
        if not target.is_file():
            raise ConfigError([base.at(f"base: there is no file {target}")])
        below = cls._load(target, seen)
        return cls(_merge(below.root, root.without("base")), (path, *below.files))


def load_yaml(path: Path) -> object:
    """The plain content of a YAML file. Raises ConfigError (`file:line: message`) when it cannot be read or repeats a key."""
    loader, composed = _compose(path)
    try:
        plain: object = loader.construct_document(composed)
    except yaml.YAMLError as error:
        raise ConfigError([_syntax_problem(path, error)]) from error
    return plain


def as_yaml(value: object) -> str:
    """Plain values (mappings, lists, scalars) as YAML, in their own order."""
    text: str = yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=140, default_flow_style=False)
    return text


def _compose(path: Path) -> tuple[yaml.CSafeLoader, yaml.Node]:
    try:
        loader = yaml.CSafeLoader(path.read_bytes())
        composed = loader.get_single_node()
    except OSError as error:
        raise ConfigError([f"{path}:1: cannot be read: {error.strerror}"]) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError([_syntax_problem(path, error)]) from error
    if composed is None:
        raise ConfigError([f"{path}:1: the file is empty"])
    problems = list(_structure_problems(composed, str(path), ()))
    if problems:
        raise ConfigError(problems)
    return loader, composed


def _syntax_problem(path: Path, error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    line = mark.line + 1 if mark is not None else 1
    words = [text for text in (getattr(error, "context", None), getattr(error, "problem", None)) if text]
    return f"{path}:{line}: not valid YAML: {', '.join(words) or str(error).splitlines()[0]}"


def _structure_problems(node: yaml.Node, file: str, above: tuple[int, ...]) -> Iterator[str]:
    """What the YAML grammar allows and a configuration does not: repeated keys, merge keys, values that hold themselves."""
    if id(node) in above:
        yield f"{file}:{node.start_mark.line + 1}: this value holds itself"
        return
    above = (*above, id(node))
    if isinstance(node, yaml.SequenceNode):
        for child in node.value:
            yield from _structure_problems(child, file, above)
    elif isinstance(node, yaml.MappingNode):
        lines: dict[tuple[str, str], int] = {}
        for key, child in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                yield f"{file}:{line}: a key should be a single word, not a list or mapping"
                continue
            if key.tag == "tag:yaml.org,2002:merge":
                yield f"{file}:{line}: merge keys (<<) are not used here; lay one file over another with base:"
            name = (key.tag, key.value)
            if name in lines:
                yield f"{file}:{line}: key {key.value!r} is here for the second time (first in line {lines[name]})"
            lines.setdefault(name, line)
            yield from _structure_problems(child, file, above)


def _node(loader: yaml.CSafeLoader, node: yaml.Node, file: str, line: int) -> Node:
    if isinstance(node, yaml.MappingNode):
        entries: dict[str, Node] = {}
        for key, child in node.value:
            key_line = key.start_mark.line + 1
            if key.tag != "tag:yaml.org,2002:str":
                raise ConfigError([f"{file}:{key_line}: key {key.value} is read as a number or yes/no here; put it in quotes"])
            entries[key.value] = _node(loader, child, file, key_line)
        return Node(entries, file, line)
    if isinstance(node, yaml.SequenceNode):
        return Node(tuple(_node(loader, child, file, child.start_mark.line + 1) for child in node.value), file, line)
    try:
        value = loader.construct_object(node)
    except (yaml.YAMLError, ValueError) as error:
        raise ConfigError([f"{file}:{line}: {node.value!r} cannot be read: {str(error).splitlines()[0]}"]) from error
    return Node(value, file, line)


def _merge(below: Node, above: Node) -> Node:
    if not (isinstance(below.value, Mapping) and isinstance(above.value, Mapping)):
        return above
    merged = dict(below.value)
    for key, node in above.value.items():
        if key not in merged:
            merged[key] = node
        elif node.value is None:
            del merged[key]
        else:
            merged[key] = _merge(merged[key], node)
    return Node(merged, above.file, above.line)


# --- mapping to dataclass --------------------------------------------------------------------------------------------------------


def decode(node: Node, cls: type[T], where: str) -> tuple[T | None, list[str]]:
    """A node as a frozen dataclass, or None and every problem in it as `file:line: where: message`.

    where: the words before each message, such as "devices.meter1". Numbers annotated with a `Range` that has a unit may carry a unit of
    the same kind ("0.5 s", "20min"). `ValueError`s of the class's own `__post_init__` are told at the line of the mapping.
    """
    try:
        return _CONVERTER.structure(node.plain(), cls), []
    except (cattrs.BaseValidationError, Misfit) as error:
        return None, [_told(node, where, path, message) for path, message in sorted(_walk(error, ()), key=lambda one: _line(node, one[0]))]


def nearest(name: str, known: list[str]) -> str:
    """How to go on after an unknown name: the known one that is most like it, or all of them."""
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    if close:
        return f"did you mean {close[0]!r}?"
    return "known: " + ", ".join(sorted(known)) if known else "none is defined"


def _line(node: Node, path: KeyPath) -> int:
    return node.find(path).line


def _told(node: Node, where: str, path: KeyPath, message: str) -> str:
    for step in path:
        where += f"[{step}]" if isinstance(step, int) else f".{step}" if where else step
    return node.find(path).at(f"{where}: {message}" if where else message)


def _walk(error: BaseException, path: KeyPath) -> Iterator[tuple[KeyPath, str]]:
    """Each leaf of a cattrs error tree as its path and a message in plain words."""
    if isinstance(error, cattrs.ClassValidationError | cattrs.IterableValidationError):
        with_notes, without_notes = error.group_exceptions()
        for inner, note in with_notes:
            step = note.name if isinstance(note, AttributeValidationNote) else note.index
            if isinstance(inner, KeyError):
                yield path, f"missing key {step!r}"
            else:
                yield from _walk(inner, (*path, step))
        for inner in without_notes:
            yield from _walk(inner, path)
    elif isinstance(error, cattrs.ForbiddenExtraKeysError):
        known = [one.name for one in fields(error.cl) if one.init]
        for extra in sorted(error.extra_fields):
            yield (*path, extra), f"unknown key; {nearest(extra, known)}"
    else:
        yield path, str(error)


def _tuple_factory(kind: Any, converter: cattrs.Converter) -> Structure:
    """Lists of the file as `tuple[T, ...]` or as a tuple of fixed length."""
    members = get_args(kind)
    is_open = members[-1] is Ellipsis

    def structure(value: object, _: object) -> object:
        if not isinstance(value, list):
            raise Misfit(f"should be a list, not {shown(value)}")
        if not is_open and len(value) != len(members):
            raise Misfit(f"should be a list of {len(members)}, not of {len(value)}")
        done, errors = [], []
        for index, one in enumerate(value):
            member = members[0] if is_open else members[index]
            try:
                done.append(converter.structure(one, member))
            except (Misfit, cattrs.BaseValidationError) as error:
                error.__notes__ = [*getattr(error, "__notes__", []), IterableValidationNote("", index, member)]
                errors.append(error)
        if errors:
            raise cattrs.IterableValidationError("", errors, kind)
        return tuple(done)

    return structure


def _of_mapping(inner: Callable[[Any, Any], Any]) -> Structure:
    """The decoder `inner`, after a check that it gets a mapping at all."""

    def structure(value: object, kind: object) -> object:
        if not isinstance(value, dict):
            raise Misfit(f"should be a mapping, not {shown(value)}")
        return inner(value, kind)

    return structure


def _dataclass_factory(kind: Any, converter: cattrs.Converter) -> Structure:
    """A dataclass, each field by its whole hint. What cattrs would generate loses `Annotated` and costs a compilation for each class."""
    hints = get_type_hints(kind, include_extras=True)
    is_needed = {one.name: one.default is MISSING and one.default_factory is MISSING for one in fields(kind) if one.init}

    def structure(value: Mapping[str, object], _: object) -> object:
        done: dict[str, object] = {}
        errors: list[Exception] = []
        for name in is_needed:
            if name in value:
                try:
                    done[name] = converter.structure(value[name], hints[name])
                except (Misfit, cattrs.BaseValidationError) as error:
                    errors.append(_noted(error, name))
            elif is_needed[name]:
                errors.append(_noted(KeyError(name), name))
        if extra := value.keys() - is_needed.keys():
            errors.append(cattrs.ForbiddenExtraKeysError("", kind, extra))
        if not errors:
            try:
                return kind(**done)
            except ValueError as error:
                errors.append(error)
        raise cattrs.ClassValidationError("", errors, kind)

    return _of_mapping(structure)


def _noted(error: Exception, field: str) -> Exception:
    """The error, with the field it belongs to."""
    error.add_note(AttributeValidationNote("", field, None))
    return error


def _is_enum(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, Enum)


def _is_dataclass(kind: object) -> bool:
    return isinstance(kind, type) and is_dataclass(kind)


def _has_origin(*origins: object) -> Callable[[object], bool]:
    def check(kind: object) -> bool:
        return get_origin(kind) in origins

    return check


def _converter() -> cattrs.Converter:
    converter = cattrs.Converter(detailed_validation=True, forbid_extra_keys=True)

    def number(kind: Any) -> Structure:
        bare, *notes = get_args(kind)
        span = next(one for one in notes if isinstance(one, Range))
        return ranged(span, converter.get_structure_hook(bare), bare)

    def mapping(kind: Any) -> Structure:
        return _of_mapping(make_mapping_structure_fn(kind, converter, structure_to=dict))

    hooks: dict[type, Structure] = {
        bool: strict(bool, "true or false"),
        int: strict(int, "a whole number"),
        float: as_float,
        str: strict(str, "text"),
        Path: as_path,
    }
    for kind, hook in hooks.items():
        converter.register_structure_hook(kind, hook)
    converter.register_structure_hook_func(_is_enum, as_enum)
    converter.register_structure_hook_func(_has_origin(Literal), as_literal)
    converter.register_structure_hook_func(is_scalar_union, as_scalar)
    converter.register_structure_hook_factory(is_ranged, number)
    converter.register_structure_hook_factory(_has_origin(dict, Mapping), mapping)
    converter.register_structure_hook_factory(_has_origin(tuple), lambda kind: _tuple_factory(kind, converter))
    converter.register_structure_hook_factory(_is_dataclass, lambda kind: _dataclass_factory(kind, converter))
    return converter


_CONVERTER = _converter()

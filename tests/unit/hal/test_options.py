"""Configuration files: positions, overlays, decoding, and the words of every problem."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Annotated, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hal.errors import ConfigError
from hal.options import Document, Node, decode, load_yaml
from hal.types import Range


class Parity(Enum):
    NONE = "none"
    EVEN = "even"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    port: Path
    parity: Parity = Parity.NONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    name: str
    unit: Annotated[int, Range(1, 247)] = 1
    wait_s: Annotated[float, Range(0.1, 60, "s")] = 1.0
    period_ms: Annotated[int, Range(1, 10_000, "ms")] = 100
    framer: Literal["rtu", "tcp"] = "rtu"
    addresses: tuple[Annotated[int, Range(0, 63)], ...] = ()
    lines: Mapping[str, int] = field(default_factory=dict)
    wire: Wire | None = None
    is_on: bool = False
    key: str | int | bool = 0
    gain: float = 1.0
    low_high: tuple[int, int] = (0, 1)

    def __post_init__(self) -> None:
        if self.low_high[0] > self.low_high[1]:
            raise ValueError("low_high: the first should not be above the second")


def write(folder: Path, text: str, name: str = "a.yaml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def problems_of(path: Path) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        Document.load(path)
    return [text.removeprefix(f"{path.parent}/") for text in caught.value.problems]


def decoded(folder: Path, text: str) -> Options:
    value, problems = decode(Document.load(write(folder, text)).root, Options, "")
    assert problems == []
    assert value is not None
    return value


def refused(folder: Path, text: str, where: str = "") -> list[str]:
    value, problems = decode(Document.load(write(folder, text)).root, Options, where)
    assert value is None
    return [text.removeprefix(f"{folder}/") for text in problems]


def test_every_kind_of_field_is_decoded(tmp_path: Path) -> None:
    """Nested classes, enums, literals, lists, mappings and paths arrive with their types."""
    text = (
        "name: a\nunit: 7\nframer: tcp\naddresses: [1, 2]\nlines: {k1: 4}\nwire: {port: /dev/ttyS1, parity: even}\n"
        "is_on: yes\nkey: true\ngain: 2\nlow_high: [1, 2]\n"
    )
    wire = Wire(port=Path("/dev/ttyS1"), parity=Parity.EVEN)
    expected = Options(
        name="a", unit=7, framer="tcp", addresses=(1, 2), lines={"k1": 4}, wire=wire, is_on=True, key=True, gain=2.0, low_high=(1, 2)
    )
    assert decoded(tmp_path, text) == expected
    assert isinstance(decoded(tmp_path, text).gain, float)


def test_only_what_is_required_must_be_given(tmp_path: Path) -> None:
    """Defaults of the class hold for keys that are absent, and null is allowed where None is."""
    assert decoded(tmp_path, "name: a\nwire: null\n") == Options(name="a")


@pytest.mark.parametrize(
    ("text", "wait_s", "period_ms"),
    [("0.5 s", 0.5, 100), ("500ms", 0.5, 100), ("1 min", 60.0, 100), ("2", None, 100)],
)
def test_units_are_converted_to_the_units_of_the_field(tmp_path: Path, text: str, wait_s: float | None, period_ms: int) -> None:
    """A value may carry any unit of the same kind; a number in quotes is still text."""
    if wait_s is None:
        assert refused(tmp_path, f'name: a\nwait_s: "{text}"\n') == ["a.yaml:2: wait_s: should be a number, not '2'"]
    else:
        value = decoded(tmp_path, f"name: a\nwait_s: {text}\n")
        assert (value.wait_s, value.period_ms) == (wait_s, period_ms)


def test_whole_numbers_stay_whole_after_conversion(tmp_path: Path) -> None:
    """0.3 s is 300 ms as an int; half a millisecond is none."""
    value = decoded(tmp_path, "name: a\nperiod_ms: 0.3 s\n")
    assert value.period_ms == 300
    assert isinstance(value.period_ms, int)
    assert refused(tmp_path, "name: a\nperiod_ms: 1.5 ms\n") == ["a.yaml:2: period_ms: should be a whole number, not 1.5"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("wiat_s: 1", "wiat_s: unknown key; did you mean 'wait_s'?"),
        ("unit: x", "unit: should be a number, not 'x'"),
        ("unit: 1.5", "unit: should be a whole number, not 1.5"),
        ("unit: 248", "unit: 248 is outside 1..247"),
        ("unit: true", "unit: should be a whole number, not True"),
        ("unit: 7 s", "unit: should be a number without a unit, not '7 s'"),
        ("wait_s: 90", "wait_s: 90 s is outside 0.1..60 s"),
        ("wait_s: 2h", "wait_s: 7200 s is outside 0.1..60 s"),
        ("wait_s: 5 V", "wait_s: wrong unit in '5 V': should be s (or ms, min, h, d)"),
        ("wait_s: .nan", "wait_s: should be a number, not nan"),
        ("wait_s:", "wait_s: should be a number, not nothing"),
        ("framer: ascii", "framer: 'ascii' is not one of rtu, tcp"),
        ("addresses: 3", "addresses: should be a list, not 3"),
        ("addresses: [1, 99]", "addresses[1]: 99 is outside 0..63"),
        ("low_high: [1]", "low_high: should be a list of 2, not of 1"),
        ("low_high: [2, 1]", "low_high: the first should not be above the second"),
        ("lines: [k1]", "lines: should be a mapping, not ['k1']"),
        ("lines: {k1: K1}", "lines.k1: should be a whole number, not 'K1'"),
        ("wire: {parity: odd}", "wire: missing key 'port'"),
        ("wire: 5", "wire: should be a mapping, not 5"),
        ("wire: {port: 5}", "wire.port: should be the name of a file, not 5"),
        ("is_on: 1", "is_on: should be true or false, not 1"),
        ("key: 1.5", "key: should be text or a whole number or true or false, not 1.5"),
        ("gain: high", "gain: should be a number, not 'high'"),
    ],
)
def test_each_wrong_value_is_told_in_plain_words(tmp_path: Path, line: str, message: str) -> None:
    """The message names file, line and key, and says what would be right."""
    at = 1 if message.startswith("low_high: the") else 2
    assert refused(tmp_path, f"name: a\n{line}\n")[0] == f"a.yaml:{at}: {message}"


def test_text_that_yaml_reads_as_a_number_asks_for_quotes(tmp_path: Path) -> None:
    """A serial number without quotes is a common slip."""
    assert refused(tmp_path, "name: 4711\n") == ["a.yaml:1: name: should be text, not 4711; put it in quotes"]


def test_all_problems_are_told_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    """One run shows everything that is wrong, each with its own line."""
    text = "unit: 0\nwire:\n  port: /dev/a\n  parity: odd\nlines:\n  k1: x\nextra: 1\n"
    assert refused(tmp_path, text, "devices.m") == [
        "a.yaml:1: devices.m: missing key 'name'",
        "a.yaml:1: devices.m.unit: 0 is outside 1..247",
        "a.yaml:4: devices.m.wire.parity: 'odd' is not one of none, even",
        "a.yaml:6: devices.m.lines.k1: should be a whole number, not 'x'",
        "a.yaml:7: devices.m.extra: unknown key; known: addresses, framer, gain, is_on, key, lines, low_high, name, period_ms, unit, "
        "wait_s, wire",
    ]


def test_an_overlay_merges_mappings_and_replaces_the_rest(tmp_path: Path) -> None:
    """Mappings merge key by key; lists and scalars are replaced; null takes away."""
    write(tmp_path, "m: {a: 1, b: {c: 2, d: 3}}\nl: [1, 2]\ns: old\ngone: {x: 1}\n", "base.yaml")
    over = write(tmp_path, "base: base.yaml\nm:\n  b: {d: 4}\n  e: 5\nl: [9]\ns: new\ngone: null\n")
    expected = {"m": {"a": 1, "b": {"c": 2, "d": 4}, "e": 5}, "l": [9], "s": "new"}
    document = Document.load(over)
    assert document.root.plain() == expected
    assert document.files == (over, tmp_path / "base.yaml")


def test_each_value_remembers_the_file_it_stands_in(tmp_path: Path) -> None:
    """A problem of the base is told with the base's name, one of the overlay with the overlay's."""
    (tmp_path / "deep").mkdir()
    write(tmp_path, "name: a\nunit: 900\n", "deep/base.yaml")
    over = write(tmp_path, "base: deep/base.yaml\nwait_s: 900\n")
    _, problems = decode(Document.load(over).root, Options, "")
    assert sorted(problems) == [
        f"{over}:2: wait_s: 900 s is outside 0.1..60 s",
        f"{tmp_path}/deep/base.yaml:2: unit: 900 is outside 1..247",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: 2\na: 3\n", "a.yaml:3: key 'a' is here for the second time (first in line 1)"),
        ("m:\n  a: 1\n  a: 1\n", "a.yaml:3: key 'a' is here for the second time (first in line 2)"),
        ("base: a.yaml\n", "a.yaml:1: base: a.yaml is laid over this file in turn; one of them has to stand alone"),
        ("x: 1\nbase: no.yaml\n", "a.yaml:2: base: there is no file {folder}/no.yaml"),
        ("base: [1]\n", "a.yaml:1: base: should be the name of a file"),
        ("", "a.yaml:1: the file is empty"),
        ("- 1\n", "a.yaml:1: the file should hold a mapping (key: value) at the top"),
        ("a: &x [*x]\n", "a.yaml:1: this value holds itself"),
        ("a: &x {b: 1}\nc:\n  <<: *x\n", "a.yaml:3: merge keys (<<) are not used here; lay one file over another with base:"),
        ("a: 1\non: 2\n", "a.yaml:2: key on is read as a number or yes/no here; put it in quotes"),
        ("[a]: 1\n", "a.yaml:1: a key should be a single word, not a list or mapping"),
        ("a: 2024-13-40\n", "a.yaml:1: '2024-13-40' cannot be read: month must be in 1..12"),
    ],
)
def test_files_that_cannot_be_read_as_configuration(tmp_path: Path, text: str, message: str) -> None:
    """What YAML allows and a configuration does not is told with its line."""
    assert problems_of(write(tmp_path, text)) == [message.format(folder=tmp_path)]


def test_syntax_errors_name_the_line(tmp_path: Path) -> None:
    """The parser's own words follow the position."""
    (problem,) = problems_of(write(tmp_path, "a: 1\nb: [1, 2\nc: 3\n"))
    assert problem.startswith("a.yaml:3: not valid YAML: ")


@pytest.mark.parametrize("content", [b"a: \xff\xfe\n", b"a: \x00\n", b"a: !!python/object:os.system 1\n"])
def test_bytes_that_are_no_plain_yaml_are_refused(tmp_path: Path, content: bytes) -> None:
    """Broken encodings and foreign tags are problems with a position, not exceptions of the parser."""
    path = tmp_path / "a.yaml"
    path.write_bytes(content)
    (problem,) = problems_of(path)
    assert problem.startswith("a.yaml:1: ")


def test_a_missing_file_is_a_problem_of_its_own(tmp_path: Path) -> None:
    """The name and the system's reason."""
    assert problems_of(tmp_path / "no.yaml") == ["no.yaml:1: cannot be read: No such file or directory"]


def test_load_yaml_gives_plain_objects(tmp_path: Path) -> None:
    """Register maps and other data files are read without positions, with the same strictness."""
    assert load_yaml(write(tmp_path, "a: [1, {2: b}]\n")) == {"a": [1, {2: "b"}]}
    with pytest.raises(ConfigError):
        load_yaml(write(tmp_path, "a: 1\na: 2\n"))


@given(st.floats(0.1, 60))
def test_numbers_in_range_pass_unchanged(value: float) -> None:
    """Decoding neither rounds nor rescales."""
    node = Node({"name": Node("a", "f", 1), "wait_s": Node(value, "f", 2)}, "f", 1)
    options, problems = decode(node, Options, "")
    assert problems == []
    assert options is not None
    assert options.wait_s == value

"""The PICS of each preset beside the certificate of its product, field by field."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

import chargerd
from chargerd.app.config import load
from chargerd.app.pics import MISSING, pics
from chargerd.app.pics_page import WORDS, markdown
from tests.support.presets import CERTIFICATES, ETC, PRESETS

NOT_OF_THE_STATION = {
    "certificate": "about the certificate itself",
    "test": "about the laboratory's work",
    "product.config_id": "of the vendor's own build",
    "product.firmware_image_hash": "of the vendor's own build",
    "hardware.other.connector_count_printed": "a word for the number of connectors; HFS-8 and NumberOfConnectors hold it",
    "performance": "measured, not declared: `chargerbench certify`",
}
"""What a certificate says and no configuration or code could: place -> reason."""

TOLD_OTHERWISE = {
    "WENZHOU BLUESKY ENERGY TECHNOLOGY CO.,LTD": "BLUESKY ENERGY",
    "BSEC-240K(D)2(CCS2)400/1000S": "BSEC-240K",
    "BSEC-22K(A)2(CCS2)400S": "BSEC-22K",
    "Blue Networks Co. Ltd.": "Blue Networks",
}
"""Names longer than the 20 characters that BootNotification holds: as printed -> as told."""


def leaves(value: object, place: str = "") -> Iterator[tuple[str, Any]]:
    """Each value of the layout with its place; a list is one value."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, f"{place}.{key}" if place else str(key))
    else:
        yield place, value


def is_within(place: str, places: Iterable[str]) -> bool:
    """The place, or one it stands in, is among the places."""
    return any(place == one or place.startswith(f"{one}.") for one in places)


def expected(place: str, printed: Any) -> Any:
    """What the PICS should hold where a certificate prints this."""
    if place == "product.software_version":
        return chargerd.__version__  # another software runs on the same product
    if place.startswith("profiles."):
        return printed in ("pass", "folded_into_core", "core_option")
    if place.startswith("product."):
        return TOLD_OTHERWISE.get(printed, printed)
    return sorted(printed, key=str) if isinstance(printed, list) else printed


@pytest.mark.parametrize("name", CERTIFICATES)
def test_pics_and_certificate(name: str) -> None:
    """Every field is equal, or the certificate says nothing of it, or it is named as not comparable."""
    stated = dict(leaves(pics(load(PRESETS[name]))))
    differences = {}
    for place, printed in leaves(CERTIFICATES[name]):
        if printed in (None, []) or is_within(place, MISSING) or is_within(place, NOT_OF_THE_STATION):
            continue
        if place.endswith(".tested"):  # what the laboratory tried of what is declared
            is_met = set(printed) <= set(stated[place.replace(".tested", ".supported")])
        else:
            found = stated.get(place)
            is_met = (sorted(found, key=str) if isinstance(found, list) else found) == expected(place, printed)
        if not is_met:
            differences[place] = (printed, stated.get(place))
    assert differences == {}


@pytest.mark.parametrize("name", PRESETS)
def test_nothing_that_is_stated_is_called_missing(name: str) -> None:
    """A profile that is built now leaves the list of what is missing, and is compared from then on."""
    statement = pics(load(PRESETS[name]))
    assert statement["missing"] == MISSING
    assert [place for place, _ in leaves(statement) if is_within(place, MISSING) or is_within(place, NOT_OF_THE_STATION)] == []


def test_lists_of_what_is_not_compared_name_real_places() -> None:
    """Each place is one that certificates have."""
    places = [place for facts in CERTIFICATES.values() for place, _ in leaves(facts)]
    for listed in (*MISSING, *NOT_OF_THE_STATION):
        assert any(is_within(place, [listed]) for place in places), listed
    assert not {printed for printed in TOLD_OTHERWISE if len(printed) <= 20}


def test_every_field_of_the_pics_is_one_of_a_certificate() -> None:
    """The layout is that of certificates; only the list of what is missing is our own."""
    known = {place for facts in CERTIFICATES.values() for place, _ in leaves(facts)}
    statement = pics(load(PRESETS["xcharge-c6"]))
    own = [place for place, _ in leaves(statement) if place not in known and not is_within(place, ["missing", "ocpp_configuration"])]
    assert own == []


def test_white_label_differs_in_names_only() -> None:
    """A product under another name must not behave otherwise (W01.OCA.0016.1109.CS was not tested again)."""
    original, label = (dict(leaves(pics(load(PRESETS[name])))) for name in ("bsec-240k-dc", "ngt-240k-dc"))
    assert {place for place in original if original[place] != label[place]} == {"id", "product.vendor", "product.designation"}


STOP = "StopTransactionOnEVSideDisconnect"


@pytest.mark.parametrize(
    ("base", "changes", "rows"),
    [
        (
            "demo",
            "features: {authorization_cache: false, offline_unknown_ids: false, local_auth_list: false, reservation: false}",
            {"C-01": False, "C-02": False, "C-04": False},
        ),
        ("demo", "features: {authorization_cache: false}", {"C-01": True, "C-02": True, "C-04": False}),
        ("demo", "features: {max_energy_on_invalid_id: false}", {"C-03": False, "C-05": True}),
        ("demo", "features: {}", {"C-06.1": False, "C-06.2": True}),
        ("demo-ac", "features: {}", {"C-06.1": True, "C-06.2": True}),
        ("demo-ac", f"read_only_keys: [{STOP}]", {"C-06.1": False, "C-06.2": True}),
        ("demo-ac", f"read_only_keys: [{STOP}]\n  keys: {{{STOP}: false}}", {"C-06.1": True, "C-06.2": False}),
    ],
)
def test_options_follow_the_configuration(tmp_path: Path, base: str, changes: str, rows: dict[str, bool]) -> None:
    """A row says what this station would do, with these cables or sockets, keys and features."""
    file = tmp_path / "c.yaml"
    file.write_text(f"base: {ETC / base}.yaml\nocpp:\n  {changes}\n")
    core = pics(load(file))["features"]["core"]
    assert {row: core[row] for row in rows} == rows


def test_station_without_a_reader(tmp_path: Path) -> None:
    """Nobody starts or stops there but the central system, and the vehicle by leaving."""
    file = tmp_path / "c.yaml"
    connector = "{id: 1, secc: secc1, power: psu1, meter: meter1, insulation: insulation1, contactor: io.k1}"
    file.write_text(f"base: {ETC / 'demo.yaml'}\nconnectors: [{connector}]\n")
    statement = pics(load(file))
    assert [statement["features"]["core"][row] for row in ("C-07", "C-08")] == [False, False]
    assert statement["hardware"]["features"]["HFS-10"]["value"] == "none"
    assert not statement["additional_questions"]["AQ-11"]


def test_socket_with_a_lock() -> None:
    """A detachable cable, a motorised lock, and a cable that the station may let go."""
    statement = pics(load(ETC / "demo-ac.yaml"))
    assert [statement["hardware"]["features"][row]["value"] for row in ("HFS-1", "HFS-2", "HFS-3", "HFS-7")] == [True, False, True, True]
    assert statement["additional_questions"]["AQ-9"]
    assert statement["features"]["core"]["C-10.1"]
    assert statement["features"]["core"]["C-10.2"]


@pytest.mark.parametrize("name", PRESETS)
def test_page_shows_every_row(name: str) -> None:
    """As Markdown nothing is lost: each row of features and questions has its words, each missing place its reason."""
    statement = pics(load(PRESETS[name]))
    page = markdown(statement)
    for row in (*statement["features"]["core"], *(row for row, answer in statement["additional_questions"].items() if answer is not None)):
        assert f"| {row} | {WORDS[row]} | " in page
    for place, reason in MISSING.items():
        assert f"| {place} | {reason} |" in page
    assert statement["product"]["designation"] in page.splitlines()[0]


def test_words_exist_for_what_certificates_ask() -> None:
    """A row that comes with a later profile is described already."""
    for facts in CERTIFICATES.values():
        asked = {**facts["features"]["core"], **facts["features"]["optional"], **facts["additional_questions"]}
        assert {row for row, answer in asked.items() if answer is not None} <= WORDS.keys()

"""From a UID to an id tag: how it is written, and whether the card was put before the reader just now or has been resting there."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Final, Literal

from hal.ports import Emit
from hal.types import Range, TokenRead

_log = logging.getLogger(__name__)

ID_TAG_LENGTH: Final = 20  # OCPP 1.6, IdToken
_SHORTEST_UID: Final = 8  # hexadecimal digits
_RANDOM_UID: Final = 0x08  # first byte of a four-byte UID drawn anew at each presentation, ISO 14443-3


@dataclass(frozen=True, slots=True, kw_only=True)
class CardOptions:
    """An id tag is `prefix` and the UID: hexadecimal, or as the decimal number with the leading zeros that are printed on cards."""

    port: str
    byte_order: Literal["reader", "reversed"] = "reader"
    format: Literal["hex", "decimal"] = "hex"
    letter_case: Literal["upper", "lower"] = "upper"
    prefix: str = ""
    absence_s: Annotated[float, Range(0.2, 10.0, "s")] = 1.5

    def __post_init__(self) -> None:
        if len(self.prefix) + _SHORTEST_UID > ID_TAG_LENGTH:
            raise ValueError(f"prefix leaves no room for a UID in the {ID_TAG_LENGTH} characters of an id tag")

    def id_tag(self, uid: bytes) -> str:
        """The id tag of a card; `uid` as the reader gives it."""
        ordered = uid[::-1] if self.byte_order == "reversed" else uid
        if self.format == "decimal":
            digits = f"{int.from_bytes(ordered, 'big'):0{_decimal_digits(len(ordered))}d}"
        else:
            digits = ordered.hex().upper() if self.letter_case == "upper" else ordered.hex()
        return self.prefix + digits

    def uid(self, id_tag: str, sizes: tuple[int, ...]) -> bytes:
        """The UID, of one of these numbers of bytes, of the card with this id tag. Raises ValueError, with the form an id tag must have."""
        digits = id_tag.removeprefix(self.prefix)
        base, kind, alphabet = (10, "decimal", "0123456789") if self.format == "decimal" else (16, "hexadecimal", "0123456789abcdefABCDEF")
        sizes_by_width = {_decimal_digits(size) if base == 10 else 2 * size: size for size in sizes}
        size = sizes_by_width.get(len(digits), 0)
        if not id_tag.startswith(self.prefix) or not size or not set(digits) <= set(alphabet) or int(digits, base) >= 256**size:
            form = f"{self.prefix!r} and " if self.prefix else ""
            raise ValueError(f"id_tag must be {form}the UID of a card, {_listed(sizes_by_width)} {kind} digits")
        uid = int(digits, base).to_bytes(size, "big")
        return uid[::-1] if self.byte_order == "reversed" else uid


def _listed(numbers: Iterable[int]) -> str:
    """As in "8, 14 or 20"."""
    *most, last = map(str, numbers)
    return f"{', '.join(most)} or {last}" if most else last


def _decimal_digits(size: int) -> int:
    return len(str(256**size - 1))


class Cards:
    """The cards before one reader."""

    def __init__(self, name: str, options: CardOptions) -> None:
        self._name = name
        self._options = options
        self._seen_at_s: dict[bytes, float] = {}

    def show(self, uid: bytes, now_s: float, emit: Emit, *, is_iso14443a: bool = False) -> None:
        """The reader sees this card: told when it was not there before; one that cannot be an id tag is warned of instead."""
        self._seen_at_s = {other: at_s for other, at_s in self._seen_at_s.items() if now_s - at_s <= self._options.absence_s}
        is_new = uid not in self._seen_at_s
        self._seen_at_s[uid] = now_s
        if not is_new:
            return
        id_tag = self._options.id_tag(uid)
        if is_iso14443a and len(uid) == 4 and uid[0] == _RANDOM_UID:
            _log.warning("card_ignored device=%s cause=random_uid", self._name)
        elif len(id_tag) > ID_TAG_LENGTH:
            _log.warning("card_ignored device=%s cause=id_tag_too_long length=%d", self._name, len(id_tag))
        else:
            emit(TokenRead(id_tag))

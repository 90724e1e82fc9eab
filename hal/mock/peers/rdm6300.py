"""An RDM6300 on a serial port: it repeats the frame of the card before it, and hears nothing."""

from __future__ import annotations

import asyncio

from hal.mock.peers.card_reader import CardReaderPeer
from hal.reader.rdm6300 import Rdm6300Options
from hal.wire import rdm6300 as wire

_REPEATS_S = 0.08
_VERSION = 0x01  # of all its cards, where the station takes their number alone


class Rdm6300Peer(CardReaderPeer[Rdm6300Options]):
    """Its cards are four bytes, or five where the station takes the version for a part of the UID."""

    _is_repeating = False

    @property
    def uid_sizes(self) -> tuple[int, ...]:
        """EM4100 has one size."""
        return (5,) if self._options.with_version else (4,)

    def _card_came(self) -> None:
        if not self._is_repeating:
            self._repeat()

    def _repeat(self) -> None:
        self._is_repeating = bool(self._uid)
        if self._uid:
            tag = wire.Tag(self._uid[0], self._uid[1:]) if self._options.with_version else wire.Tag(_VERSION, self._uid)
            self._write(wire.encode_tag(tag))
            asyncio.get_running_loop().call_later(_REPEATS_S, self._repeat)

    def _on_bytes(self, data: bytes) -> None:
        """Its receiver is not connected."""

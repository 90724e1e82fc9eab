"""A card reader that writes a line for each card and hears nothing; what it writes round the UID has to fit the station's pattern."""

from __future__ import annotations

from hal.errors import WireError
from hal.mock.peers.card_reader import CardReaderPeer
from hal.reader.line import LineReaderOptions


class LineReaderPeer(CardReaderPeer[LineReaderOptions]):
    """It writes the bare UID: a pattern that wants more words than that is not simulated."""

    @property
    def uid_sizes(self) -> tuple[int, ...]:
        """Any, or the one that is configured for a reader that writes decimal numbers."""
        return (4, 5, 6, 7, 8, 9, 10) if self._options.uid_base == "hex" else (self._options.uid_size,)

    def _card_came(self) -> None:
        options = self._options
        digits = self._uid.hex().upper() if options.uid_base == "hex" else str(int.from_bytes(self._uid, "big"))
        line = digits.encode()
        try:
            options.uid_of(line)
        except WireError as error:
            raise ValueError(f"{self.name} stands on a wire and writes the UID alone: {error}") from None
        self._write(line + (b"\r\n" if options.ended_by == "line" else b""))

    def _on_bytes(self, data: bytes) -> None:
        """It does not listen."""

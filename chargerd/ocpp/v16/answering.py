"""What the handlers of all profiles share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from chargerd.core.errors import StorageError
from chargerd.ocpp.ports import StationPort
from chargerd.ocpp.rpc import CallRefusedError, Payload
from chargerd.ocpp.schema import ErrorCode

Answer = Payload | Awaitable[Payload]
Answers = Mapping[str, Callable[[Payload], Answer]]
"""By action, what answers a valid CALL of it."""


async def stored(station: StationPort) -> None:
    """Wait until what was decided is on disk. Raises CallRefusedError when it cannot be."""
    try:
        await station.committed()
    except StorageError as error:
        raise CallRefusedError(ErrorCode.INTERNAL_ERROR, "the change could not be stored") from error

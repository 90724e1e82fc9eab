"""Who is at the other end of the socket, and what they may do."""

from __future__ import annotations

import array
import grp
import os
import socket
import struct
from dataclasses import dataclass

from chargerd.control.protocol import Access

_SO_PEERGROUPS = getattr(socket, "SO_PEERGROUPS", 59)  # asm-generic/socket.h; the module does not name it
_MAX_BYTES = 1024  # as much as Python's getsockopt gives: 256 groups


@dataclass(frozen=True, slots=True)
class Peer:
    """The process that connected, as the kernel saw it then."""

    pid: int
    uid: int
    groups: frozenset[int]


@dataclass(frozen=True, slots=True)
class Doorkeeper:
    """Decides by group. Root and the daemon's own user may do everything. Raises nothing: a group that does not exist has no members."""

    read_group: str
    change_group: str

    def allows(self, peer: Peer, access: Access) -> bool:
        """Whether this peer may do this; who may change may also read."""
        if peer.uid in (0, os.geteuid()) or self._is_in(peer, self.change_group):
            return True
        return access is Access.READ and self._is_in(peer, self.read_group)

    def group_for(self, access: Access) -> str:
        """The group one has to be in."""
        return self.read_group if access is Access.READ else self.change_group

    def _is_in(self, peer: Peer, group: str) -> bool:
        try:
            return grp.getgrnam(group).gr_gid in peer.groups
        except KeyError:
            return False


def peer_of(connection: socket.socket) -> Peer:
    """The peer of a connected Unix socket. Raises OSError when it has gone already. Source: socket(7), unix(7)."""
    pid, uid, gid = struct.unpack("iii", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("iii")))
    try:
        groups = array.array("I", connection.getsockopt(socket.SOL_SOCKET, _SO_PEERGROUPS, _MAX_BYTES)).tolist()
    except OSError:  # a kernel without it, or more groups than fit: the primary group counts
        groups = []
    return Peer(pid, uid, frozenset([gid, *groups]))

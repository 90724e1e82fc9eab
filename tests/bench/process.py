"""What the kernel counts of a process: memory, threads, processor time, wake-ups. Source: proc(5)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Use:
    """Counters since the start of the process, over all its threads."""

    cpu_s: float
    wake_ups: int

    def __sub__(self, before: Use) -> Use:
        return Use(self.cpu_s - before.cpu_s, self.wake_ups - before.wake_ups)


def use(pid: int) -> Use:
    """Processor time, and how often a thread went to sleep of its own will, which is as often as it woke."""
    tasks = list(Path(f"/proc/{pid}/task").iterdir())
    cpu_ns = sum(int((task / "schedstat").read_text().split()[0]) for task in tasks)
    return Use(cpu_ns / 1e9, sum(_number(task / "status", "voluntary_ctxt_switches") for task in tasks))


def threads(pid: int) -> int:
    """How many there are."""
    return _number(Path(f"/proc/{pid}/status"), "Threads")


def rss_mb(pid: int) -> float:
    """Resident memory, shared pages in full."""
    return _number(Path(f"/proc/{pid}/status"), "VmRSS") / 1024


def pss_mb(pid: int) -> float:
    """Resident memory, shared pages by share."""
    return _number(Path(f"/proc/{pid}/smaps_rollup"), "Pss") / 1024


def _number(file: Path, name: str) -> int:
    return next(int(line.split()[1]) for line in file.read_text().splitlines() if line.startswith(f"{name}:"))


def written_kib(pid: int) -> float:
    """What the process has sent to the medium so far, by pages of 4 KiB that became dirty."""
    return _number(Path(f"/proc/{pid}/io"), "write_bytes") / 1024

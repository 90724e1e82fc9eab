from __future__ import annotations

import asyncio
import random
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
from journal_facts import confirmed, now, sampled, started, stopped

from chargerd.core.errors import StorageError
from chargerd.core.facts import Restored
from chargerd.journal.store import Store
from chargerd.journal.writer import Journal
from chargerd.sim.virtual_loop import VirtualLoop

CHILD = """
import sys
from pathlib import Path
from journal_facts import now, sampled, started
from chargerd.journal.store import Store

store = Store(Path(sys.argv[1]))
store.open()
print(store.append([started()], now())[-1].seq, flush=True)
while True:
    print(store.append([sampled(), sampled()], now())[-1].seq, flush=True)
"""


async def test_whole_way(tmp_path: Path) -> None:
    """Facts go in, the queue comes out, settled positions go along with later work."""
    journal = Journal(tmp_path / "j.db")
    assert await journal.open() == Restored()
    start, sample, stop = await journal.append([started(), sampled(), stopped()], now())
    await journal.append([confirmed(start.seq)], now())
    await journal.failed(sample.seq, 1)
    head = await journal.next_owed()
    assert head is not None
    assert (head.stamped, head.attempts, head.remote_id) == (sample, 1, 42)
    journal.settle(sample.seq)
    assert [one.stamped for one in (await journal.queue()).waiting] == [stop]
    assert len(await journal.events()) == 4
    assert len(await journal.transactions()) == 1
    assert await journal.samples(start.fact.local_id, range) == ()  # type: ignore[union-attr]
    await journal.close()


async def test_calls_are_done_in_order(tmp_path: Path) -> None:
    """Batches handed over at once get their places in the order of the calls."""
    journal = Journal(tmp_path / "j.db")
    await journal.open()
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(journal.append([sampled(energy_wh=n)], now()), name=str(n)) for n in range(20)]
    assert [task.result()[0].seq for task in tasks] == list(range(1, 21))
    await journal.close()


@pytest.mark.parametrize("seed", range(5))
async def test_the_head_is_always_that_of_the_queue(seed: int, tmp_path: Path) -> None:
    """Looked up along with a commit or asked for after it, whatever has moved the queue since."""
    chance, journal = random.Random(seed), Journal(tmp_path / "j.db")
    await journal.open()
    for number in range(60):
        head = await journal.next_owed()
        seq = head.stamped.seq if head is not None else 0
        match chance.choice(("start", "sample", "stop", "confirm", "settle", "fail", "quiet")):
            case "start":
                await journal.append([started(f"t{number}")], now())
            case "sample":
                await journal.append([sampled()], now())
            case "stop":
                await journal.append([stopped()], now())
            case "quiet":
                await journal.append([sampled(is_owed=False)], now())
            case "confirm" if head is not None:
                await journal.append([confirmed(seq)], now())
            case "settle" if head is not None:
                journal.settle(seq)
            case "fail" if head is not None:
                await journal.failed(seq, head.attempts + 1)
        head, waiting = await journal.next_owed(), (await journal.queue(1)).waiting
        assert [(one.stamped, one.attempts) for one in waiting] == ([] if head is None else [(head.stamped, head.attempts)])
    await journal.close()


async def test_a_long_queue_is_told_with_few_ways_to_the_disk(tmp_path: Path) -> None:
    """Messages are fetched some at a time; how far the telling has come is written on the way, so that a kill repeats few of them."""
    journal, jobs = Journal(tmp_path / "j.db"), 0
    await journal.open()
    start, *samples = await journal.append([started(), *[sampled(energy_wh=number) for number in range(1000)], stopped()], now())
    await journal.append([confirmed(start.seq)], now())
    in_thread = journal._in_thread

    async def counted(work: Any) -> Any:
        nonlocal jobs
        jobs += 1
        return await in_thread(work)

    journal._in_thread = counted  # type: ignore[method-assign]
    for sample in samples[:-1]:
        head = await journal.next_owed()
        assert head is not None
        assert (head.stamped, head.remote_id) == (sample, 42)
        journal.settle(sample.seq)
    head = await journal.next_owed()
    assert head is not None
    assert head.stamped == samples[-1]
    assert jobs < 40
    await journal.drop()
    after = Journal(tmp_path / "j.db")
    await after.open()
    assert (await after.queue()).length < 120
    await after.close()


async def test_a_message_that_is_answered_while_a_commit_is_under_way_is_not_the_head_again(tmp_path: Path) -> None:
    """The commit looks ahead with what it knew when it began; the answer that came since counts."""
    journal = Journal(tmp_path / "j.db")
    await journal.open()
    first, second = await journal.append([sampled(energy_wh=1), sampled(energy_wh=2)], now())
    assert await journal.next_owed() is not None
    commit = asyncio.ensure_future(journal.append([sampled(energy_wh=3)], now()))
    await asyncio.sleep(0)  # it is on its way
    journal.settle(first.seq)
    await commit
    head = await journal.next_owed()
    assert head is not None
    assert head.stamped == second
    await journal.close()


async def test_errors_reach_the_caller(tmp_path: Path) -> None:
    """What the disk refuses is raised where it was asked for; a second owner is named."""
    journal, second = Journal(tmp_path / "j.db"), Journal(tmp_path / "j.db")
    await journal.open()
    with pytest.raises(StorageError, match="in use"):
        await second.open()
    with pytest.raises(StorageError, match="not open"):
        await second.append([started()], now())
    await second.close()
    await journal.close()


async def test_drop_is_a_power_cut(tmp_path: Path) -> None:
    """What was not committed is gone, what was is there, and the file is free for the next run."""
    journal = Journal(tmp_path / "j.db")
    await journal.open()
    (sample,) = await journal.append([sampled()], now())
    journal.settle(sample.seq)
    await journal.drop()
    await journal.close()  # the orderly end that comes too late writes nothing
    after = Journal(tmp_path / "j.db")
    await after.open()
    head = await after.next_owed()
    assert head is not None
    assert head.stamped == sample
    await after.close()


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_sigkill_loses_no_committed_batch(seed: int, tmp_path: Path) -> None:
    """Whatever append has returned from is on disk, whole batches only, after a kill at any moment (field lesson #8)."""
    path = tmp_path / "j.db"
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", CHILD, str(path), stdout=asyncio.subprocess.PIPE, env={"PYTHONPATH": str(Path(__file__).parent)}
    )
    assert child.stdout is not None
    for _ in range(random.Random(seed).randint(1, 60)):
        reported = int(await child.stdout.readline())
    child.send_signal(signal.SIGKILL)
    reported = max([reported, *(int(line) for line in (await child.stdout.read()).splitlines(keepends=True) if line.endswith(b"\n"))])
    await child.wait()
    store = Store(path)
    restored = store.open()
    places = [one.seq for one in store.events(limit=100_000)]
    store.drop()
    assert places[-1] >= reported
    assert places == list(range(1, places[-1] + 1))
    assert places[-1] % 2 == 1
    assert restored.transactions[0].checkpoint_wh == (1500 if places[-1] > 1 else 1000)


def test_virtual_time_runs_it_inline(tmp_path: Path) -> None:
    """Under a virtual-time loop the same calls work without a thread, each as late as the loop says."""

    async def session() -> float:
        journal = Journal(tmp_path / "j.db")
        await journal.open()
        await journal.append([started()], now())
        await journal.close()
        return asyncio.get_running_loop().time()

    loop = VirtualLoop(executor_latency_s=0.5)
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        began_s = loop.time()
        assert runner.run(session()) == pytest.approx(began_s + 1.5)

"""What a long run is doing, live on a terminal, or a line a minute elsewhere: what, how many, rate, cost, time left."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from specmill.messages import tell

if TYPE_CHECKING:
    from pipelines.ledger.ledger import Ledger
    from pipelines.ledger.records import StageProgress

_LIVE_S, _LINE_S = 0.5, 60.0


class Progress:
    """Shows the stages of a build; satisfies `Reporter`. Use as a context manager around the run."""

    def __init__(self, console: Console, ledger: "Ledger") -> None:
        self._console, self._ledger = console, ledger
        self._planned: dict[str, int] = {}
        self._began: dict[str, float] = {}
        self._last: dict[str, tuple[int, float]] = {}  # replies of a stage so far, and when the last of them came
        self._said: list[str] = []
        self._step: tuple[str, int, int, float] | None = None  # what, done, of how many, and when it began
        self._told: Callable[[str, int, int], None] = _step_lines(console)
        self._over = threading.Event()
        self._stopping = False
        self._live = Live(console=console, auto_refresh=False, transient=False) if console.is_terminal else None
        self._thread = threading.Thread(target=self._watch, name="progress", daemon=True)

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._over.set()
        self._thread.join()
        self._show()
        if self._live:
            self._live.stop()

    def stage(self, planned: Mapping[str, int]) -> None:
        """Stages begin, each with about so many requests to come."""
        for name, count in planned.items():
            self._planned[name] = self._planned.get(name, 0) + count if name in self._began else count
            self._began.setdefault(name, time.monotonic())
        if not self._live:
            requests = ", ".join(f"{_words(name)} (about {n})" for name, n in planned.items())
            tell(self._console, f"next, requests for {requests}")

    def say(self, text: str) -> None:
        """One line that stays."""
        self._said.append(text)
        self._console.print(Text(text))

    @property
    def findings(self) -> list[str]:
        """What was said but for what it was busy with: that ends with three dots."""
        return [line for line in self._said if not line.endswith(" ...")]

    def step(self, what: str, done: int, total: int) -> None:
        """How far work is that asks no model: a line below the stages, while it lasts."""
        began = self._step[3] if self._step and self._step[0] == what else time.monotonic()
        self._step = (what, done, total, began) if done < total else None
        if not self._live and self._step:
            self._told(what, done, total)

    def _watch(self) -> None:
        shown_at = time.monotonic()
        while not self._over.wait(_LIVE_S):
            self._say_when_stopping()
            if self._live or time.monotonic() - shown_at >= _LINE_S:
                shown_at = time.monotonic()
                self._show()

    def _say_when_stopping(self) -> None:
        from pipelines.run.control import CONTROL

        if CONTROL.stopping and not self._stopping:
            self._stopping = True
            self.say("stopping: nothing new is sent, what is in flight is waited for; Ctrl-C again ends at once")

    def _show(self) -> None:
        stages = self._ledger.progress()
        if self._live:
            self._live.update(self._picture(stages), refresh=True)
        for one in [] if self._live else self._worth_a_line(stages):
            tell(self._console, self._line(one))

    def _picture(self, stages: list["StageProgress"]) -> Group:
        """The table of stages, and below it what is done without a model."""
        step = self._step
        return Group(self._table(stages), *([Text(_how_far(*step[:3], time.monotonic() - step[3]))] if step else []))

    def _worth_a_line(self, stages: list["StageProgress"]) -> list["StageProgress"]:
        """The stages that wait for replies; where none does, the one that began last."""
        return [one for one in stages if one.in_flight or one.waiting] or stages[-1:]

    def _table(self, stages: list["StageProgress"]) -> Table:
        """A row a stage, within 80 characters: what is seldom wanted stands in the last column, which wraps."""
        table = Table(box=None, pad_edge=False, header_style="dim")
        for name in ("stage", "done", "tok/s", "in flight", "spend", "left"):
            table.add_column(name, justify="left" if name == "stage" else "right", no_wrap=True)
        table.add_column("", overflow="fold")
        for one in stages:
            stage, done, found, rate, flight, retries, bad, spend, left = self._cells(one)
            counted = ((found, "0", f"{found} from the ledger"), (retries, "0", f"{retries} retries"), (bad, "-", bad))
            notes = ", ".join(note for count, none, note in counted if count != none)
            table.add_row(*map(Text, (stage, done, rate, flight, spend, left, notes)))
        return table

    def _until(self, one: "StageProgress") -> float:
        """When the stage's rate is measured: now, or where it is over, when its last reply came."""
        now, (replies, at) = time.monotonic(), self._last.get(one.stage, (-1, 0.0))
        if one.in_flight or one.waiting or replies != one.done:
            self._last[one.stage] = (one.done, now)
            return now
        return at

    def _line(self, one: "StageProgress") -> str:
        stage, done, found, rate, flight, retries, bad, spend, left = self._cells(one)
        return (
            f"{stage}: {done} done ({found} from the ledger), {rate} tok/s, {flight} in flight, {retries} retries, "
            f"not ok: {bad}, {spend}, left {left}"
        )

    def _cells(self, one: "StageProgress") -> tuple[str, ...]:
        asked = one.done + one.found
        planned = max(self._planned.get(one.stage, 0), asked)
        busy = one.in_flight or one.waiting
        seconds = max(0.001, self._until(one) - self._began.get(one.stage, time.monotonic()))
        left = seconds / one.done * (planned - asked) if one.done and busy else None
        bad = {state: n for state, n in one.states.items() if state != "ok"} | one.failures
        return (
            _words(one.stage), f"{asked:,}/{planned:,}", f"{one.found:,}", f"{one.completion_tokens / seconds:,.0f}",
            f"{one.in_flight}/{one.limit}", f"{one.retries}",
            ", ".join(f"{n} {kind}" for kind, n in sorted(bad.items())) or "-",
            _dollars(one), "-" if left is None else _clock(left),
        )  # fmt: skip


def _words(name: str) -> str:
    return name.replace("_", " ")


def _dollars(one: "StageProgress") -> str:
    known = f"${one.cost_usd:,.2f}" if one.cost_usd >= 0.005 or not one.unpriced else ""
    unknown = f"{one.unpriced:,} unpriced" if one.unpriced else ""
    return " + ".join(part for part in (known, unknown) if part)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


@contextmanager
def download_progress() -> Iterator[Callable[[str, int, int], None]]:
    """Show what is being done, megabytes, rate and time left, on standard error."""
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn, TransferSpeedColumn
    from rich.progress import Progress as DownloadBars

    columns = (
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.description}"),
    )
    with DownloadBars(*columns, console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task("", total=None, visible=False)

        def report(what: str, done: int, total: int) -> None:
            bars.update(task, description=what, completed=done, total=total, visible=True)

        yield report


@contextmanager
def step_progress() -> Iterator[Callable[[str, int, int], None]]:
    """Show the steps of a computation on standard error: what, how many of how many, rate and time left.

    Where that is no terminal, a line a step as it begins, and one a minute while it lasts.
    """
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Steps

    console = Console(stderr=True, highlight=False)
    if not console.is_terminal:
        yield _step_lines(console)
        return
    columns = (
        TextColumn("{task.description}"), BarColumn(24), MofNCompleteColumn(), TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )  # fmt: skip
    with Steps(*columns, console=console, transient=True) as bars:
        tasks: dict[str, Any] = {}

        def report(what: str, done: int, total: int) -> None:
            for name, task in tasks.items():
                if name != what:
                    bars.update(task, visible=False)
            if what not in tasks:
                tasks[what] = bars.add_task(what, total=total, rate="")
            speed = bars.tasks[tasks[what]].speed
            rate = f"{speed:,.0f}/s" if speed and total > 1 else ""
            bars.update(tasks[what], completed=done, total=total or None, rate=rate)

        yield report


def _step_lines(console: Console) -> Callable[[str, int, int], None]:
    said: dict[str, tuple[float, float]] = {}  # step -> when it began, when it was last told of

    def report(what: str, done: int, total: int) -> None:
        now = time.monotonic()
        began, last = said.get(what, (now, 0.0))
        if what in said and now - last < _LINE_S:
            return
        said[what] = began, now
        tell(console, _how_far(what, done, total, now - began))

    return report


def _how_far(what: str, done: int, total: int, seconds: float) -> str:
    """What, how many, rate, left."""
    if not done:
        return f"{what}: {total:,} ..." if total > 1 else f"{what} ..."
    rate = done / seconds if seconds > 0 else 0
    left = f", {rate:,.1f}/s, left {_clock((total - done) / rate)}" if rate else ""
    return f"{what}: {done:,} of {total:,}{left}"

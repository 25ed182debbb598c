"""How full the endpoint is kept, against plain asyncio and Distilabel's own LLM, and what the ledger costs.

    python benchmarks/engine.py occupancy --in-flight 64 256 --against ../older-checkout
    python benchmarks/engine.py cpu --requests 1000 --in-flight 1 64
    python benchmarks/engine.py ledger --rows 1000000

Every contender asks the same local server, in a process of its own, for the same replies with the same latencies
(log-normal, seeded by the request). Occupancy is read from the server's log: the mean number of requests it was
working on, over the time from the first request to the moment the last one was sent, divided by the number allowed.
The bound is what list scheduling could do with these latencies in this order: total latency / N, plus the last tail.
Another checkout's pipeline is run in turn with this one's, with the `.venv` beside it, against the same server.
"""

import argparse
import asyncio
import heapq
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
SERVE = ROOT / "tests" / "pipelines" / "serve.py"


SPEC = "The spec says so. " * int(os.environ.get("SPEC_REPEATS", "200"))  # about 4.5 tokens each


def messages(number: int) -> list[dict]:
    return [
        {"role": "system", "content": SPEC},
        {"role": "user", "content": f"Write 60 words about row-{number}."},
    ]


def ours(url: str, folder: Path, requests: int, in_flight: int) -> None:
    """Our LLM in a real Distilabel pipeline."""
    from distilabel.pipeline import Pipeline
    from distilabel.steps import LoadDataFromDicts

    from pipelines.engine.endpoints import EngineSettings
    from pipelines.engine.llm import EndpointLLM
    from pipelines.run.supervise import run_pipeline
    from tests.pipelines.engine.steps import Write

    settings = EngineSettings.model_validate(
        {
            "endpoints": {"main": {"base_url": url, "model": "fake", "max_in_flight": in_flight}},
            "roles": {"writer": {"endpoints": "main"}},
        }
    )
    llm = EndpointLLM(role=settings.role("writer"), ledger_path=str(folder / "ledger.sqlite"))
    with Pipeline("ours") as pipeline:
        load = LoadDataFromDicts(data=[{"id": f"row-{n}."} for n in range(requests)], batch_size=requests)
        load >> Write(name="write", stage="documents", llm=llm)
    run_pipeline(pipeline, folder / "distilabel.log")


def client(url: str, folder: Path, requests: int, in_flight: int) -> None:
    """Our client alone, with its ledger and without a pipeline."""
    from pipelines.completion import CompletionRequest
    from pipelines.engine.client import Client
    from pipelines.engine.endpoints import EngineSettings

    settings = EngineSettings.model_validate(
        {
            "endpoints": {"main": {"base_url": url, "model": "fake", "max_in_flight": in_flight}},
            "roles": {"writer": {"endpoints": "main"}},
        }
    )

    async def run() -> None:
        async with Client(settings.role("writer"), folder / "ledger.sqlite") as asker:
            asks = (asker.ask(CompletionRequest("documents", f"row-{n}", messages(n))) for n in range(requests))
            await asyncio.gather(*asks)

    asyncio.run(run())


def plain(url: str, folder: Path, requests: int, in_flight: int) -> None:
    """asyncio, the openai package and a semaphore; nothing is kept."""
    from openai import AsyncOpenAI

    async def run() -> None:
        client, slots = AsyncOpenAI(base_url=url, api_key="none", max_retries=0), asyncio.Semaphore(in_flight)

        async def ask(number: int) -> None:
            async with slots:
                await client.chat.completions.create(model="fake", messages=messages(number), max_tokens=4096)

        await asyncio.gather(*(ask(number) for number in range(requests)))

    asyncio.run(run())


def stock(url: str, folder: Path, requests: int, batch: int) -> None:
    """Distilabel's OpenAILLM at a batch size; its requests in flight are the batch."""
    from distilabel.models import OpenAILLM
    from distilabel.pipeline import Pipeline
    from distilabel.steps import LoadDataFromDicts
    from distilabel.steps.tasks import TextGeneration

    llm = OpenAILLM(model="fake", base_url=url, api_key="none", generation_kwargs={"max_new_tokens": 4096})
    rows = [{"instruction": f"Write 60 words about row-{n}."} for n in range(requests)]
    with Pipeline("stock", cache_dir=folder) as pipeline:
        load = LoadDataFromDicts(data=rows, batch_size=batch)
        load >> TextGeneration(llm=llm, system_prompt=messages(0)[0]["content"], input_batch_size=batch)
    pipeline.run(use_cache=False)


def measure(
    name: str, requests: int, in_flight: int, latency: float, extra: list[str], checkout: Path | None = None
) -> dict:
    """Run one contender, of another checkout if need be, in its own process against a fresh server."""
    python, root = (checkout / ".venv/bin/python", checkout) if checkout else (sys.executable, ROOT)
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "server.jsonl"
        settings = json.dumps({"log": str(log), "latency_s": latency, "tail": 0.9, "longest_s": latency * 10})
        with subprocess.Popen([sys.executable, str(SERVE), settings], stdout=subprocess.PIPE, text=True) as server:
            url = f"http://127.0.0.1:{int(server.stdout.readline())}/v1"
            script = root / "benchmarks" / "engine.py"
            arguments = [python, script, "contender", name, url, folder, str(requests), *extra]
            environment = {**os.environ, "DISTILABEL_LOG_LEVEL": "ERROR", "PYTHONPATH": str(root)}
            before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
            subprocess.run(arguments, check=True, cwd=root, env=environment, stdout=subprocess.DEVNULL)
            wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
            server.kill()
        used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return {"name": " ".join([name, *extra]), "wall": wall, "cpu": used, **from_log(log, in_flight)}


def from_log(log: Path, in_flight: int) -> dict:
    """Span, occupancy while work remained, and the list-scheduling bound, from what the server saw."""
    asked, sent, planned = {}, {}, {}
    for line in log.read_text().splitlines():
        event = json.loads(line)
        {"asked": asked, "sent": sent}[event["event"]][event["n"]] = event["t"]
        planned[event["n"]] = event.get("latency", planned.get(event["n"]))
    start, last_asked, end = min(asked.values()), max(asked.values()), max(sent.values())
    busy = sum(max(0.0, min(sent[n], last_asked) - asked[n]) for n in asked if n in sent)
    latencies = [planned[n] for n in sorted(asked, key=asked.get)]
    most = max_overlap(asked, sent)
    return {
        "span": end - start,
        "occupancy": busy / in_flight / max(1e-9, last_asked - start),
        "bound": list_schedule(latencies, in_flight),
        "most": most,
        "requests": len(asked),
    }


def cpu(requests: int, in_flight: list[int], repeats: list[int]) -> None:
    """CPU seconds (user and system, of all processes) for 1,000 requests at a server without latency, beside the openai
    client: the difference between a long run and a short one, so that start-up does not count."""
    print(f"{'contender':12} {'in flight':>9} {'spec tokens':>11} {'CPU s / 1,000':>13} {'of plain':>8}")
    for spec in repeats:
        os.environ["SPEC_REPEATS"] = str(spec)
        for bound in in_flight:
            found: dict[str, float] = {}
            for name in ("plain", "client", "ours"):
                long, short = (cpu_seconds(name, count, bound) for count in (requests + 200, 200))
                found[name] = (long - short) / requests * 1000
                share = found[name] / found["plain"]
                print(f"{name:12} {bound:9d} {int(spec * 4.5):11d} {found[name]:13.2f} {share:8.2f}", flush=True)


def cpu_seconds(name: str, requests: int, in_flight: int) -> float:
    """Of one contender and its children, the server not counted; the least of two runs, since noise only adds."""
    return min(measure(name, requests, in_flight, 0.0, [str(in_flight)])["cpu"] for _ in range(2))


def max_overlap(asked: dict, sent: dict) -> int:
    level = most = 0
    for _, change in sorted([(t, 1) for t in asked.values()] + [(t, -1) for t in sent.values()]):
        level += change
        most = max(most, level)
    return most


def list_schedule(latencies: list[float], machines: int) -> float:
    """When the last job ends if each starts on the first free machine."""
    free = [0.0] * machines
    for latency in latencies:
        heapq.heapreplace(free, free[0] + latency)
    return max(free)


def occupancy(rounds: int, in_flight: int, latency: float, names: list[str], against: Path | None) -> None:
    """Print a row for each contender, each with `rounds` requests for each in flight."""
    contenders = [(name, name, None) for name in names]
    contenders += [("other's", "ours", against.resolve())] if against else []
    requests = rounds * in_flight
    print(f"{requests} requests, {in_flight} in flight, latency median {latency} s, tail to {latency * 10} s")
    print(f"{'contender':12} {'span s':>8} {'bound s':>8} {'over':>7} {'occupancy':>9} {'most':>5} {'CPU s':>7}")
    for label, name, checkout in contenders:
        row = measure(name, requests, in_flight, latency, [str(in_flight)], checkout)
        over = row["span"] / row["bound"] - 1
        print(
            f"{label:12} {row['span']:8.1f} {row['bound']:8.1f} {over:7.1%} {row['occupancy']:9.1%} "
            f"{row['most']:5d} {row['cpu']:7.1f}",
            flush=True,
        )


def ledger(rows: int) -> None:
    """Insert `rows` completions of 4,000 characters as 512 requests in flight would, then look some of them up."""
    from corpus.sql.ledger import LedgerFile
    from pipelines.completion import Completion, CompletionRequest, State, Usage
    from pipelines.ledger.ledger import Ledger
    from pipelines.ledger.records import Entry, Want, request_key

    text = "A reply of some length, such as a short document has. " * 75
    spec = "The spec says so. " * 2000

    def entry(number: int) -> Entry:
        request = CompletionRequest("documents", f"row-{number}", [*messages(number)[1:]])
        request.messages.insert(0, {"role": "system", "content": spec})
        key = request_key("writer", "fake", "{}", request)
        usage = Usage(9000, 0, 900)
        done = Completion(key.hex(), State.OK, f"{number} {text}", model="fake", endpoint="main", usage=usage)
        return Entry(key, "writer", request, done, "{}", 36000, 35000, time.time(), Want(0.01, 9900))

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ledger.sqlite"
        with Ledger(path) as book:
            done, mark = 0, time.perf_counter()
            while done < rows:
                futures = [book.record(entry(number)) for number in range(done, min(rows, done + 512))]
                for future in futures:
                    future.result()
                done += len(futures)
                if done % (512 * 100) == 0 or done == rows:
                    took, mark = time.perf_counter() - mark, time.perf_counter()
                    size = sum(part.stat().st_size for part in Path(folder).iterdir()) / 1e9
                    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
                    rate = min(done, 51200) / took
                    print(f"{done:9d} rows  {rate:7.0f} /s  {size:6.2f} GB  {memory:5.0f} MB", flush=True)
        with Ledger(path) as book:
            keys = [entry(number * (rows // 2000)).key for number in range(2000)]
            started = time.perf_counter()
            assert all(book.find([key]) for key in keys)
            print(f"lookup of a stored key: {(time.perf_counter() - started) / 2000 * 1e6:.0f} us")
            started = time.perf_counter()
            assert not any(book.find([bytes(32)]) for _ in range(2000))
            print(f"lookup of a missing key: {(time.perf_counter() - started) / 2000 * 1e6:.0f} us")
            started = time.perf_counter()
            groups = LedgerFile(path).spent()
            print(
                f"what was spent, by role, stage and model: {len(groups)} rows in {time.perf_counter() - started:.1f} s"
            )


CONTENDERS = {"ours": ours, "client": client, "plain": plain, "stock": stock}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    of_occupancy = commands.add_parser("occupancy")
    of_occupancy.add_argument("--rounds", type=int, default=12, help="requests for each in flight")
    of_occupancy.add_argument("--in-flight", type=int, nargs="*", default=[64, 256])
    of_occupancy.add_argument("--latency", type=float, default=1.0)
    of_occupancy.add_argument("--contenders", nargs="*", default=["ours"], choices=CONTENDERS)
    of_occupancy.add_argument("--against", type=Path, help="another checkout, with its own .venv")
    of_cpu = commands.add_parser("cpu")
    of_cpu.add_argument("--requests", type=int, default=1000)
    of_cpu.add_argument("--in-flight", type=int, nargs="*", default=[1, 64])
    of_cpu.add_argument("--repeats", type=int, nargs="*", default=[200, 13333], help="of the spec's sentence")
    of_ledger = commands.add_parser("ledger")
    of_ledger.add_argument("--rows", type=int, default=1_000_000)
    contender = commands.add_parser("contender")
    contender.add_argument("arguments", nargs=5)
    options = parser.parse_args()
    if options.command == "occupancy":
        for in_flight in options.in_flight:
            occupancy(options.rounds, in_flight, options.latency, options.contenders, options.against)
    elif options.command == "cpu":
        cpu(options.requests, options.in_flight, options.repeats)
    elif options.command == "ledger":
        ledger(options.rows)
    else:
        name, url, folder, requests, extra = options.arguments
        CONTENDERS[name](url, Path(folder), int(requests), int(extra))


if __name__ == "__main__":
    main()

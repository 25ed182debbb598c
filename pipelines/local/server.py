"""The separate program that holds a model: `python server.py --model FILE --ready FILE ...`.

It imports nothing of specmill, listens on 127.0.0.1 only, writes its address to the ready file once it answers, and
ends when the process that started it is gone. Its log is its standard error.
"""

import argparse
import os
import shutil
import threading
import time
from pathlib import Path
from typing import Any

HOST = "127.0.0.1"
PROMPT_CACHE_MIB = 1024
PARENT_CHECK_S = 0.5


def main() -> None:
    """Serve one model file until stopped."""
    options = _options()
    threading.Thread(target=_end_with, args=(options.parent, options.ready.parent), daemon=True).start()
    server = _start(options)
    fresh = options.ready.with_suffix(".new")
    fresh.write_text(str(server.listening_address), encoding="utf-8")
    fresh.replace(options.ready)
    threading.Event().wait()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Serve one GGUF file on loopback.")
    parser.add_argument("--model", required=True, help="path of the GGUF file")
    parser.add_argument("--name", required=True, help="model name to answer to")
    parser.add_argument("--port", type=int, required=True, help="0: any free one")
    parser.add_argument("--parallel", type=int, required=True, help="requests computed at once")
    parser.add_argument("--context", type=int, required=True, help="tokens of one request")
    parser.add_argument(
        "--ready", type=Path, required=True, help="file that gets the address; its folder is the server's own"
    )
    parser.add_argument("--parent", type=int, required=True, help="process to end with")
    return parser.parse_args()


def _start(options: argparse.Namespace) -> Any:
    """Load the model and listen; returns when requests are answered."""
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = options.model
    params.model_alias = {options.name}
    params.hostnames = [HOST]
    params.port = options.port
    params.n_parallel = options.parallel
    params.n_ctx = options.context * options.parallel  # divided evenly among the parallel requests
    params.cache_ram_mib = PROMPT_CACHE_MIB  # prompts of stages that alternate; the default is 8 GiB
    params.cors_origins = f"http://{HOST}"  # the default lets any web page in the user's browser ask
    params.ui = False
    params.endpoint_slots = False
    return xllamacpp.Server(params)


def _end_with(parent: int, folder: Path) -> None:
    """Watch for the parent's end and tidy up for it.

    An orphan gets another parent; Linux's death signal would also come when only the starting thread ends.
    """
    while os.getppid() == parent:
        time.sleep(PARENT_CHECK_S)
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(0)


if __name__ == "__main__":
    main()

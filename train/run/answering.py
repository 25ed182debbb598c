"""A small server of one model, for machines without vLLM: OpenAI's chat completions, with log-probabilities.

    python -m train.run.answering MODEL --port 8000 [--adapter FOLDER] [--template FILE --end TOKEN]

Requests that wait together are answered in one batch. A reply depends on its own request alone: what is drawn is seeded
by the request's body. Among the likeliest tokens of each place the letters A to D are always listed, so that a choice
between options has its probabilities whatever else is likely. It needs torch, transformers, peft and aiohttp.
"""

import argparse
import asyncio
import hashlib
import json
import math
import os
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from aiohttp import web

MOST_AT_ONCE: Final = 16
SCORED_AT_ONCE: Final = 8  # prompts whose last tokens are scored: each place has a number for every token there is
SCORED_TOKENS: Final = 128
_LETTERS: Final = ("A", "B", "C", "D", " A", " B", " C", " D")


@dataclass(slots=True)
class Asked:
    """One request that waits, and what was written for it so far."""

    body: dict[str, Any]
    prompt: list[int]
    reply: "asyncio.Future[dict[str, Any]]"
    draw: Any = None  # torch.Generator
    ids: list[int] = field(default_factory=list)
    places: list[dict[str, Any]] = field(default_factory=list)
    ended: str = ""  # stop | length
    scored: list[dict[str, Any] | None] = field(default_factory=list)  # of each token of the prompt; the last ones only

    @property
    def most(self) -> int:
        """Most tokens of the reply."""
        return int(self.body.get("max_completion_tokens") or self.body.get("max_tokens") or 256)


class Answering:
    """One model, and the requests that wait for it."""

    def __init__(self, model: str, adapter: str | None, template: str | None, end: str | None) -> None:
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer

        self.name = adapter or model
        self.tokenizer = AutoTokenizer.from_pretrained(adapter or model)
        if template:
            self.tokenizer.chat_template = Path(template).read_text(encoding="utf-8")
        gpu = torch.cuda.is_available()
        loaded = AutoModelForCausalLM.from_pretrained(model, dtype=torch.bfloat16 if gpu else torch.float32)
        if adapter:
            from peft import PeftModel

            loaded = PeftModel.from_pretrained(loaded, adapter).merge_and_unload()
        self.device = "cuda" if gpu else "cpu"
        self.model = loaded.to(self.device).eval()
        ends = [self.tokenizer.eos_token_id, self.tokenizer.convert_tokens_to_ids(end) if end else None]
        self.ends = {one for one in ends if one is not None}
        self.letters = [ids[0] for ids in map(self._ids, _LETTERS) if len(ids) == 1]
        self.waiting: asyncio.Queue[Asked] = asyncio.Queue()

    def _ids(self, text: str) -> list[int]:
        found: list[int] = self.tokenizer.encode(text, add_special_tokens=False)
        return found

    def app(self) -> web.Application:
        """The web application."""
        app = web.Application(client_max_size=1 << 26)
        app.router.add_get("/v1/models", self.models)
        app.router.add_post("/v1/chat/completions", self.chat)
        app.cleanup_ctx.append(self._work)
        return app

    async def models(self, request: web.Request) -> web.Response:
        """GET /v1/models."""
        return web.json_response({"object": "list", "data": [{"id": self.name, "object": "model"}]})

    async def chat(self, request: web.Request) -> web.Response:
        """POST /v1/chat/completions."""
        try:
            body = json.loads(await request.read())
            last = {"add_generation_prompt": bool(body.get("add_generation_prompt", True)),
                    "continue_final_message": bool(body.get("continue_final_message", False))}  # fmt: skip
            text = self.tokenizer.apply_chat_template(body["messages"], tokenize=False, **last)
        except Exception as error:  # a template raises whatever it likes
            refusal = {"error": {"message": f"cannot read the request: {error}", "type": "invalid_request_error"}}
            return web.json_response(refusal, status=400)
        one = Asked(body, self._ids(text), asyncio.get_running_loop().create_future())
        await self.waiting.put(one)
        return web.json_response(await one.reply)

    async def _work(self, app: web.Application) -> Any:
        task = asyncio.create_task(self._answer_all())
        yield
        task.cancel()

    async def _answer_all(self) -> None:
        while True:
            batch = [await self.waiting.get()]
            await asyncio.sleep(0.01)  # what is sent together comes together
            while len(batch) < MOST_AT_ONCE and not self.waiting.empty():
                batch.append(self.waiting.get_nowait())
            try:
                await asyncio.to_thread(self.write, batch)
                for one in batch:
                    one.reply.set_result(self.completion(one))
            except Exception as error:
                for one in batch:
                    if not one.reply.done():
                        one.reply.set_exception(error)

    def write(self, batch: list[Asked]) -> None:
        """Write the replies of a batch, a token of each at a time."""
        import torch

        scored = [one for one in batch if one.body.get("prompt_logprobs") is not None]
        for start in range(0, len(scored), SCORED_AT_ONCE):
            self._score(scored[start : start + SCORED_AT_ONCE])
        batch = [one for one in batch if not (one.scored and one.most == 1)]
        if not batch:
            return
        for one in batch:
            digest = hashlib.sha256(json.dumps(one.body, sort_keys=True).encode()).digest()
            one.draw = torch.Generator().manual_seed(int.from_bytes(digest[:7], "big"))
        (ids, mask), past = self._padded(batch), None
        with torch.inference_mode():
            while not all(one.ended for one in batch):
                places = (mask.cumsum(-1) - 1).clamp(min=0)[:, -ids.shape[1] :]
                out = self.model(
                    input_ids=ids, attention_mask=mask, position_ids=places, past_key_values=past, use_cache=True,
                    logits_to_keep=1,
                )  # fmt: skip
                past, chances = out.past_key_values, out.logits[:, -1].float().log_softmax(-1).cpu()
                chosen = [self._next(one, row) for one, row in zip(batch, chances, strict=True)]
                ids = torch.tensor([[token] for token in chosen], device=self.device)
                mask = torch.cat([mask, torch.ones_like(ids)], dim=1)

    def _padded(self, batch: list[Asked]) -> tuple[Any, Any]:
        """Token ids and attention mask (requests, width) of the prompts, padded on the left."""
        import torch

        width, pad = max(len(one.prompt) for one in batch), next(iter(self.ends), 0)
        ids = torch.tensor([[pad] * (width - len(one.prompt)) + one.prompt for one in batch])
        mask = torch.tensor([[0] * (width - len(one.prompt)) + [1] * len(one.prompt) for one in batch])
        return ids.to(self.device), mask.to(self.device)

    def _score(self, batch: list[Asked]) -> None:
        """Note the log-probabilities of the prompts' last tokens, in the form that vLLM gives them. One token after the
        prompt is part of a reply there; where no more is asked for, it is left out."""
        import torch

        ids, mask = self._padded(batch)
        most = min(SCORED_TOKENS, ids.shape[1] - 1)
        places = (mask.cumsum(-1) - 1).clamp(min=0)
        with torch.inference_mode():
            out = self.model(input_ids=ids, attention_mask=mask, position_ids=places, logits_to_keep=most + 1)
        for one, row in zip(batch, out.logits, strict=True):
            kept = min(most, len(one.prompt) - 1)
            chances = row[-kept - 1 : -1].float().log_softmax(-1).cpu() if kept else ()
            tokens = one.prompt[len(one.prompt) - kept :]
            one.scored = [None] * (len(one.prompt) - kept)
            one.scored += [self._scored(token, line) for token, line in zip(tokens, chances, strict=True)]
            if one.most == 1:
                one.ended = "length"

    def _scored(self, token: int, chances: Any) -> dict[str, Any]:
        value = {"logprob": max(-9999.0, float(chances[token])), "decoded_token": self.tokenizer.decode([token])}
        return {str(token): value}

    def _next(self, one: Asked, chances: Any) -> int:
        """The next token of a reply, drawn by its temperature; noted unless the reply has ended."""
        import torch

        temperature = float(one.body.get("temperature", 1.0) or 0.0)
        if temperature < 1e-4:
            token = int(chances.argmax())
        else:
            token = int(torch.multinomial((chances / temperature).softmax(-1), 1, generator=one.draw))
        if one.ended:
            return token
        if one.body.get("logprobs"):
            one.places.append(self._place(token, chances, int(one.body.get("top_logprobs") or 0)))
        if token in self.ends:
            one.ended = "stop"
        else:
            one.ids.append(token)
            if len(one.ids) >= one.most:
                one.ended = "length"
        return token

    def _place(self, token: int, chances: Any, top: int) -> dict[str, Any]:
        likely = chances.topk(min(top, len(chances))).indices.tolist() if top else []
        listed = list(dict.fromkeys([*likely, *(self.letters if top else [])]))
        listed.sort(key=lambda one: -float(chances[one]))
        return {**self._token(token, chances), "top_logprobs": [self._token(one, chances) for one in listed]}

    def _token(self, token: int, chances: Any) -> dict[str, Any]:
        text = self.tokenizer.decode([token])
        return {"token": text, "logprob": max(-9999.0, float(chances[token])), "bytes": list(text.encode())}

    def completion(self, one: Asked) -> dict[str, Any]:
        """The body of a reply."""
        text = self.tokenizer.decode(one.ids, skip_special_tokens=True)
        choice: dict[str, Any] = {"index": 0, "message": {"role": "assistant", "content": text}}
        choice |= {"finish_reason": one.ended, "logprobs": {"content": one.places} if one.places else None}
        usage = {"prompt_tokens": len(one.prompt), "completion_tokens": max(1, len(one.ids))}
        usage["total_tokens"] = sum(usage.values())
        name = hashlib.sha256(json.dumps(one.body, sort_keys=True).encode()).hexdigest()[:24]
        body = {
            "id": f"chatcmpl-{name}", "object": "chat.completion", "created": math.floor(time.time()),
            "model": one.body.get("model", self.name), "choices": [choice], "usage": usage,
        }  # fmt: skip
        return body | ({"prompt_logprobs": one.scored} if one.scored else {})


def _end_with(parent: int) -> None:
    """A server outlives nobody: not even the kill -9 of who started it."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(0)


def main() -> None:
    """Serve until it is ended."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--adapter")
    parser.add_argument("--template")
    parser.add_argument("--end")
    parser.add_argument("--parent", type=int, help="process to end with")
    given = parser.parse_args()
    if given.parent:
        threading.Thread(target=_end_with, args=(given.parent,), daemon=True).start()
    server = Answering(given.model, given.adapter, given.template, given.end)
    web.run_app(server.app(), host="127.0.0.1", port=given.port, print=lambda text: None, access_log=None)


if __name__ == "__main__":
    main()

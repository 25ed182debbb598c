"""The Distilabel task of the engine's tests and benchmark: one question a row, all rows at once."""

import os
import signal

from distilabel.steps import StepInput
from distilabel.steps.tasks.base import GlobalTask

from pipelines.completion import CompletionRequest


class Write(GlobalTask):
    stage: str
    fault: str = ""

    @property
    def inputs(self) -> list[str]:
        return ["id"]

    @property
    def outputs(self) -> list[str]:
        return ["text", "state"]

    def format_input(self, input):
        return input

    def format_output(self, output, input=None):
        return output

    def process(self, inputs: StepInput):
        rows = self.llm.run(self._row(row) for row in inputs)
        if self.fault == "raise":
            1 / 0  # noqa: B018
        if self.fault == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        yield rows

    async def _row(self, row):
        messages = [
            {"role": "system", "content": f"The spec. {self.stage} " * 100},
            {"role": "user", "content": f"Write 30 words for {self.stage} about {row['id']}"},
        ]
        done = await self.llm.ask(CompletionRequest(self.stage, row["id"], messages))
        return {**row, "text": done.text, "state": done.state.value}

"""What Inspect finds by its entry point: `inspect eval specmill/questions --model specmill/eval -M workspace=F`."""

from eval.tasks.agentic import agentic_misalignment
from eval.tasks.provider import specmill
from eval.tasks.questions import aligned, judged, questions

__all__ = ["agentic_misalignment", "aligned", "judged", "questions", "specmill"]

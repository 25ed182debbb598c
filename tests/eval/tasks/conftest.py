"""The server of the engine's tests, which outlives the processes that a test kills."""

from tests.pipelines.conftest import fake_process

__all__ = ["fake_process"]

"""`specmill fake-endpoint`: what it cannot serve with is a mistake, said in one line."""

import socket
from pathlib import Path

import pytest
from typer.testing import CliRunner

from specmill.cli import app
from specmill.verbs.models.fake_endpoint import fake_endpoint
from specs.errors import UserError


def test_a_port_that_is_taken_and_one_that_cannot_be() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(UserError, match=f"--port {port}: .*0 picks a free one"):
            fake_endpoint(port=port)
    assert CliRunner().invoke(app, ["fake-endpoint", "--port", "99999"]).exit_code == 2


def test_a_log_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"--log .*none/log\.jsonl: cannot be written"):
        fake_endpoint(port=0, log=tmp_path / "none" / "log.jsonl")

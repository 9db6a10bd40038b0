"""The command line in this process: what it is told, what it answers."""

import sys

import pytest

from augexp.cli.main import main


class Answer:
    """What a command printed, and its exit status."""

    def __init__(self, status: int, out: str, err: str) -> None:
        self.status, self.out, self.err = status, out, err


class Augexp:
    """Types `augexp ...` in this process."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.monkeypatch, self.capsys = monkeypatch, capsys

    def __call__(self, *arguments: object) -> Answer:
        self.monkeypatch.setattr(sys, "argv", ["augexp", *map(str, arguments)])
        with pytest.raises(SystemExit) as exit_:
            main()
        printed = self.capsys.readouterr()
        status = exit_.value.code
        assert isinstance(status, int)
        return Answer(status, printed.out, printed.err)

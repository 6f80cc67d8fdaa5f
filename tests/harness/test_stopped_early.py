"""Ctrl-C while the packages of a run are still being read ends in one sentence."""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec

import pytest

import harness.training
from harness.__main__ import main


class Stopped:
    """Ctrl-C at the moment in which ``harness.training.single`` is looked for."""

    @staticmethod
    def find_spec(name: str, *_: object) -> ModuleSpec | None:
        if name == "harness.training.single":
            raise KeyboardInterrupt
        return None


def test_it_says_that_nothing_has_run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delitem(sys.modules, "harness.training.single", raising=False)
    monkeypatch.delitem(vars(harness.training), "run_single", raising=False)  # where another test has loaded it
    monkeypatch.setattr(sys, "meta_path", [Stopped, *sys.meta_path])
    assert main(["seed=1"]) == 130
    assert capsys.readouterr().err == "stopped; no run has started\n"

"""Small actors in the place of engines. Ray imports this module in each of their processes, so it imports little."""

from __future__ import annotations

import os
import signal
import time
from typing import Any

from harness.engines.base.remote import EngineError


class Counter:
    """Adds up what it is given, until it dies of a given number."""

    def __init__(self, deadly: int = -1) -> None:
        self._sum, self._deadly = 0, deadly

    def update_weights(self, *parts: int) -> None:
        self._sum = sum(parts)

    def plus(self, number: int) -> int:
        if number == self._deadly:
            os.kill(os.getpid(), signal.SIGKILL)
        if number == 404:
            raise LookupError("no such number\nin two lines")
        if number == 500:
            raise EngineError("RuntimeError: broken inside")
        return self._sum + number

    def sleep(self) -> None:
        time.sleep(600)


class Sleeper:
    """Remembers what it was told."""

    def __init__(self) -> None:
        self._told = list[str]()

    def update_weights(self) -> None:
        self._told.append("update_weights")

    def sleep(self) -> None:
        self._told.append("sleep")

    def wake_up(self) -> None:
        self._told.append("wake_up")

    def told(self) -> list[str]:
        return self._told


class Listener:
    """Notes what it is asked."""

    def __init__(self) -> None:
        self._heard: list[tuple[str, dict[str, Any]]] = []

    def meet(self, info: dict[str, Any]) -> None:
        self._heard.append(("meet", info))

    def begin_update(self) -> None:
        self._heard.append(("begin_update", {}))

    def receive(self, info: dict[str, Any]) -> None:
        self._heard.append(("receive", info))

    def end_update(self) -> None:
        self._heard.append(("end_update", {}))

    def heard(self) -> list[tuple[str, dict[str, Any]]]:
        return self._heard

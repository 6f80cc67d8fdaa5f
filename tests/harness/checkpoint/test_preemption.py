from __future__ import annotations

import os
import pickle
import signal
from threading import Thread

import pytest

from harness.common.signals import TERMINAL_SIGNALS, WORKER_SIGNALS, Preempted, catch_stop_signals


def test_a_signal_is_noted_and_the_handler_goes_as_it_came() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with catch_stop_signals(WORKER_SIGNALS) as stop:
        assert not stop.asked
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.asked
    assert signal.getsignal(signal.SIGTERM) is before


def test_the_handler_goes_with_an_exception_too() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(ValueError, match="of the run"), catch_stop_signals(WORKER_SIGNALS):
        raise ValueError("of the run")
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_second_ctrl_c_does_not_wait(capfd: pytest.CaptureFixture[str]) -> None:
    with catch_stop_signals(TERMINAL_SIGNALS) as stop:
        os.kill(os.getpid(), signal.SIGINT)
        assert stop.asked
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    assert "stopping after this step; Ctrl-C again stops at once" in capfd.readouterr().err


def test_a_worker_leaves_sigint_to_ray() -> None:
    before = signal.getsignal(signal.SIGINT)
    with catch_stop_signals(WORKER_SIGNALS):
        assert signal.getsignal(signal.SIGINT) is before


def test_outside_of_the_main_thread_nothing_is_touched() -> None:
    before, seen = signal.getsignal(signal.SIGTERM), []

    def work() -> None:
        with catch_stop_signals(TERMINAL_SIGNALS) as stop:
            seen.extend((stop.asked, signal.getsignal(signal.SIGTERM)))

    thread = Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [False, before]


def test_a_handler_that_another_thread_closes_stays_and_does_not_fail() -> None:
    before, closing = signal.getsignal(signal.SIGTERM), catch_stop_signals(WORKER_SIGNALS)
    closing.__enter__()
    failed: list[BaseException] = []

    def close() -> None:
        try:
            closing.__exit__(None, None, None)
        except BaseException as error:
            failed.append(error)

    try:
        thread = Thread(target=close)
        thread.start()
        thread.join()
        assert failed == []
    finally:
        signal.signal(signal.SIGTERM, before)


def test_it_travels_between_processes() -> None:
    assert str(pickle.loads(pickle.dumps(Preempted("resumes from step 3")))) == "resumes from step 3"

"""What is said of a run is heard while the courier lets other runs go first."""

from threading import Event, Thread

import pytest

from harness.tracking.uploader import Uploader, UploadState
from tests.harness.store_samples import RECORD, saved_journal


class Halting(dict):
    """Stops when something has been taken out, until it is told to go on."""

    def __init__(self, *items):
        super().__init__(*items)
        self.go, self.halted = Event(), Event()

    def pop(self, *words):
        found = super().pop(*words)
        self.halted.set()
        self.go.wait()
        return found


@pytest.mark.parametrize(
    ("say", "heard"),
    [
        (lambda courier: courier.step("c1-s0", 1, {"reward/mean": 0.5}), lambda found: found.journal.steps[1:]),
        (lambda courier: courier.end("c1-s0", RECORD), lambda found: found.journal.ending),
        (lambda courier: courier.drop("c1-s0"), lambda found: found.dropped),
    ],
    ids=["step", "end", "drop"],
)
def test_what_is_said_of_a_run_that_is_being_put_last_is_heard(store, tmp_path, say, heard):
    delivery = UploadState(saved_journal(tmp_path))
    delivery.journal.add(0, {"reward/mean": 0.25})
    courier = Uploader(store, tmp_path, print)
    courier._states = deliveries = Halting({"c1-s0": delivery})
    turning = Thread(target=courier._turn, args=(delivery,))
    turning.start()
    deliveries.halted.wait()
    saying = Thread(target=say, args=(courier,))
    saying.start()
    saying.join(0.1)  # time enough to look into the gap
    deliveries.go.set()
    saying.join()
    turning.join()
    assert heard(delivery)


@pytest.mark.parametrize(("wait", "sent_at_first"), [(0.0, 1), (3600.0, 0)])
def test_a_start_may_wait_and_an_end_never_does(store, tmp_path, wait, sent_at_first):
    delivery = UploadState(saved_journal(tmp_path))
    courier = Uploader(store, tmp_path, print, wait)
    courier._states = {"c1-s0": delivery}
    courier.step("c1-s0", 0, {"reward/mean": 0.25})
    assert len(courier._wait()) == sent_at_first
    courier.end("c1-s0", RECORD)
    assert courier._wait() == [delivery]

"""A rank of DeepSpeed that says what it took."""

from __future__ import annotations

import time

from harness.engines.deepspeed.rank import DeepspeedRank


class TimedRank(DeepspeedRank):
    """The rank of ``deepspeed_step``."""

    def processor_seconds(self) -> float:
        """Of its process so far."""
        return time.process_time()

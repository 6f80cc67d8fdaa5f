import pytest

from harness.records.failures import classify_failure

ARM = (
    "Diverged: step 3: the norm of the gradient is not finite; lower optim.lr",
    "Diverged",
    "RuntimeError: the norm of the gradient is not finite; lower optim.lr, or use float32",
    "RuntimeError: The total norm of order 2.0 for gradients from `parameters` is non-finite, so it cannot be clipped.",
    "RuntimeError: probability tensor contains either `inf`, `nan` or element < 0",
    "EngineError: RuntimeError: probability tensor contains either `inf`, `nan` or element < 0",
    "ValueError: Rollouts.old_log_probs[0, 1] is nan on a sampled token; compute it again or mask the token",
    "ValueError: Rollouts.rewards[2] is inf, one of 1 that are no numbers; score the sample or leave it out",
    "ValueError: cannot convert float NaN to integer",
    "ValueError: math domain error",
    "OverflowError: math range error",
    "ZeroDivisionError: float division by zero",
    "FloatingPointError: overflow encountered in exp",
    "StatisticsError: fmean requires at least one data point",
    "RuntimeError: training diverged at step 12",
    "RuntimeError: dynamic sampling found no group to learn from in 10 rounds",
    "ValueError: Rollouts.response_mask is (0, 8), expected (B, T) with B > 0; draw at least one sample",
)
OUTSIDE = (
    "NodeDiedError: the node of the run is gone",
    "EngineLost: the node is gone: its node has died; the run resumes from its newest checkpoint",
    "WorkerCrashedError: the worker process died; it was killed or ran out of memory",
    "OutOfMemoryError: Ray killed the worker because the machine ran out of memory",
    "MemoryError",
    "RuntimeError: [enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory",
    "OSError: [Errno 28] No space left on device",
    "ConnectionResetError: [Errno 104] Connection reset by peer",
    "BrokenProcessPool: A process in the process pool was terminated abruptly",
    "StoreError: results/mlflow.db: could not be written: the disk is full or failing",
    "SweepError: node-3 has torch 2.9, the driver 2.8: records would name the wrong one",
    "KeyboardInterrupt",
    "Preempted: stopped; the same command resumes from step 3",
)
UNKNOWN = (
    "KeyError: 'logits'",
    "RuntimeError: CUDA error: device-side assert triggered",
    "OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB",
    "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB",
    "EngineError: no answer within 600 s",
    "SchemaError: tricks.kl_loss: coef must be a finite number of at least 0, got nan",
    "RewardError: reward.function=mine:reward: returned nan; a reward is one number from 0 to 1, on a response to 'a0'",
    "RewardError: reward.function=mine:reward: KeyError: 'killed' (mine.py:2), on a response to the problem 'a0'",
    "the run ended without a record",
    "",
    None,
)


@pytest.mark.parametrize("error", ARM)
def test_what_training_itself_came_to_is_the_arms(error):
    assert classify_failure(error) == "arm"


@pytest.mark.parametrize("error", OUTSIDE)
def test_lost_machines_and_services_are_outside(error):
    assert classify_failure(error) == "outside"


@pytest.mark.parametrize("error", UNKNOWN)
def test_all_else_is_not_known(error):
    assert classify_failure(error) == "unknown"


def test_words_about_numbers_do_not_make_a_lost_disk_the_arms():
    assert classify_failure("OSError: cannot write nan.json: No space left on device") == "outside"

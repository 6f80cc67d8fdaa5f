"""Groups of tests that share a process with ``--dist loadfile``, and the files that start first.

pytest-xdist has groups for this, ``--dist loadgroup``, but 3.8 hands them over in an attribute that pytest 9.2 does not
read: every test is then a group of its own, and each process makes the same clusters and engines.
"""

# Files that share engines of vLLM or ranks of DeepSpeed, which take half a minute to start.
TOGETHER = {
    "vllm": ("tests/parity/test_vllm_parity.py", "tests/parity/test_vllm_sampler.py", "tests/parity/test_vllm_nccl.py"),
    "deepspeed": (
        "tests/parity/test_deepspeed.py",
        "tests/parity/test_deepspeed_bytes.py",
        "tests/parity/test_deepspeed_life.py",  # breaks ranks in the end
    ),
}
# Files that take more than four seconds of CPU time in the default tier, the longest first.
LONG = (
    "tests/harness/test_run.py",
    "tests/harness/verify/test_hostile.py",
    "tests/harness/checkpoint/test_exact_resume.py",
    "tests/sweeps/test_tune.py",
    "tests/analysis/paper/test_registry.py",
    "tests/analysis/inference/test_calibration.py",
    "tests/harness/engines/test_long_context.py",
    "tests/tricks/test_conformance.py",
    "tests/harness/models/test_checkpoints.py",
    "tests/harness/rewards/test_rewards.py",
    "tests/harness/engines/test_samplers.py",
    "tests/analysis/paper/test_files.py",
    "tests/harness/test_store_races.py",
    "tests/harness/test_overlay.py",
    "tests/harness/checkpoint/test_resume.py",
    "tests/golden/test_golden.py",
    "tests/sweeps/test_tune_study.py",
    "tests/harness/verify/test_processes.py",
    "tests/liteppo/test_commands.py",
    "tests/sweeps/test_ad_hoc.py",
    "tests/analysis/paper/test_drawing.py",
    "tests/harness/test_store.py",
    "tests/sweeps/test_compose.py",
    "tests/harness/test_score_names.py",
    "tests/sweeps/test_twins_certificate.py",
    "tests/harness/problems/test_part.py",
    "tests/harness/test_divergence.py",
    "tests/tricks/dialects/test_advice.py",
)
_GROUPS = {file: group for group, files in TOGETHER.items() for file in files}


def group(nodeid):
    """Return the group of a test: the file that it is in, or the name of several."""
    file = nodeid.partition("::")[0]
    return _GROUPS.get(file, file)


def order(items):
    """Put tests that take long first, so that processes side by side end together: by group, known length and marks."""
    for mark in ("slow", "distributed"):
        marked = {item.path for item in items if item.get_closest_marker(mark)}
        items.sort(key=lambda item: item.path not in marked)
    first = [*TOGETHER, "tests/parity/test_run.py", *LONG]
    items.sort(key=lambda item: first.index(found) if (found := group(item.nodeid)) in first else len(first))


def pytest_xdist_make_scheduler(config, log):
    """Keep the tests of a group in one process, in place of pytest-xdist's own way with ``--dist loadfile``."""
    if config.getvalue("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling  # the processes that run tests need none

    class Groups(LoadFileScheduling):
        def _split_scope(self, nodeid):
            return group(nodeid)

    return Groups(config, log)

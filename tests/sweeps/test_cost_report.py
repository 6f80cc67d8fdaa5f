"""What a plan says of cost and power."""

import io
from dataclasses import replace

import pytest
from rich.console import Console

from harness.common.text import format_duration
from sweeps.cost.inputs import parse_cluster
from sweeps.plan.plan import make_plan
from sweeps.plan.power import PriorStudy
from sweeps.plan.report import print_header, print_plan
from tests.sweeps.grids import PLAIN, grid
from tests.sweeps.records import of_plan

MODELS = """
question: Does it matter?
metric: final/accuracy
feeds: [study]
axes:
  model:
    base: [model=qwen3_8b_base]
    large: [model.path=Qwen/Qwen3-32B]
  norm:
    none: []
    group: ["+tricks.group_norm={}"]
baseline: {norm: none}
seeds: [0, 1]
overrides: [rollout=8k, optim=paper, eval=paper, data=math_hard, steps=500, backend=gpu]
"""


def on_gpus(folder, text=MODELS, cluster="8xH100", seeds=None):
    return make_plan(grid(folder, text, seeds=seeds), False, (), (), {}, cluster=parse_cluster(cluster))


def printed(made, effect=None, width=100, slots=2):
    console = Console(file=io.StringIO(), width=width)
    print_header(console, made.grid)
    print_plan(console, made, slots, effect)
    return console.file.getvalue()


def said(made, effect=None):
    return " ".join(printed(made, effect).split())


def test_a_plan_on_this_machine_names_hours_and_memory(tmp_path):
    made = make_plan(grid(tmp_path), False, (), (), {})
    text = said(made)
    each = made.runs[0].seconds
    assert f"{8 * each / 60:.0f} min of CPU time in total, {each:.0f} s per run" in text
    assert "memory 0.8 GB per run at most" in text


def test_memory_is_not_known_of_a_model_that_never_ran(tmp_path):
    text = PLAIN.replace("reward=zero_one", "model=qwen3_4b, data=math_easy, eval=smol")
    made = make_plan(grid(tmp_path, text), False, (), (), {})
    assert "0.8 GB per run at most; unknown for Qwen/Qwen3-4B" in said(made)


def test_a_plan_on_gpus_names_hours_memory_length_and_engines(tmp_path):
    text = said(on_gpus(tmp_path, MODELS.replace("\n    large: [model.path=Qwen/Qwen3-32B]", "")))
    assert "cluster 8xH100, the default; CLUSTER=2x8xH100 plans for another cluster" in text
    assert "1 run at once, from the cost model of docs/guides/planning.md; no run is recorded yet" in text
    assert "GPU-hours in total," in text
    assert "at most 45 GB per GPU while training and 69 GB while sampling, of 80 GB" in text
    assert "fit all cells fit; each run uses 8xH100" in text
    assert "1,494 of at most 8,192 tokens per response (base), assumed" in text
    assert "fitted to published runs, not to ours" in text


def test_two_nodes_run_two_runs_at_once(tmp_path):
    one, two = (on_gpus(tmp_path, cluster=cluster) for cluster in ("8xH100", "2x8xH100"))
    assert "cluster 2x8xH100 time" in said(two)
    assert "2 runs at once" in said(two)
    assert two.spent(two.runs) == pytest.approx(one.spent(one.runs))


def test_cells_that_do_not_fit_are_named_with_what_would_do(tmp_path):
    text = said(on_gpus(tmp_path))
    assert "no fit 2 cells model=large: training needs" in text
    apart = "backend.colocated=false, backend.vllm.tensor_parallel=4, backend.deepspeed.ranks=32"
    other = "8xGB200 with backend.vllm.gpu_memory=0.5"
    assert f"the runtime 2.0 on 8xH100; 8x8xH100 with backend.num_gpus=64, {apart}, or {other} would do" in text
    assert "yes 0/2" in text
    assert "no 0/2" in text


def test_a_model_of_unknown_shape_is_said_to_be_unknown(tmp_path):
    text = said(on_gpus(tmp_path, MODELS.replace("Qwen/Qwen3-32B", "someone/unheard-of")))
    assert "unknown 2 cells: the shape of someone/unheard-of; give a folder with its config.json" in text
    assert "? ? ? ? 0/2" in text


def test_a_plan_says_what_its_seeds_show_and_how_it_knows(tmp_path):
    made = make_plan(grid(tmp_path, seeds=tuple(range(6))), False, (), (), {})
    text = said(made)
    assert f"shows a difference of {made.promise.smallest:.3f} in final/accuracy: 80 % power with 6 seeds" in text
    assert "at 0.05 / 2, the first step of Holm over 2 primary contrasts" in text
    assert "standard deviation of 0.019, that of norm_ablation on the laptop; no run is recorded yet" in text
    assert "exploratory" not in text


def test_a_plan_with_few_seeds_says_that_verdicts_will_be_exploratory(tmp_path):
    text = said(make_plan(grid(tmp_path), False, (), (), {}))
    assert "exploratory: with fewer than 6 seeds no exact test reaches p < 0.05; SEEDS=0-5 runs six" in text
    alone = said(make_plan(grid(tmp_path, seeds=(0,)), False, (), (), {}))
    assert "shows no difference in final/accuracy: one seed has no spread" in alone


def test_a_wished_effect_is_answered_in_seeds(tmp_path):
    made = make_plan(grid(tmp_path), False, (), (), {})
    needed = made.promise.needed(0.03)
    assert f"wished 0.03 takes {needed} seeds; SEEDS=0-{needed - 1} requests them" in said(made, 0.03)
    assert "wished 0.5 takes 6 seeds" in said(made, 0.5)
    assert "no number of seeds detects 1e-09" in said(made, 1e-9)


def test_recorded_runs_stand_behind_noise_and_time(tmp_path):
    made = make_plan(grid(tmp_path, seeds=tuple(range(6))), False, (), (), {})
    records = [replace(run, scores={"final/accuracy": 0.1 * run.seed**2}) for run in of_plan(made, len(made.runs))]
    assert "from 12 recorded pairs of this study" in said(
        make_plan(grid(tmp_path, seeds=tuple(range(6))), False, (), records, {})
    )
    other = PriorStudy("other", {"norm": "none"}, records)
    text = said(make_plan(grid(tmp_path), False, (), (), {}, others=[other]))
    assert "from 12 recorded pairs of other" in text
    assert "from 24 recorded runs" in text


def test_a_cheaper_design_is_shown_with_runs_and_hours_of_both(tmp_path):
    made = make_plan(grid(tmp_path, seeds=tuple(range(6))), False, (), (), {})
    whole, less = (format_duration(cost) for cost in (24 * made.runs[0].seconds, 18 * made.runs[0].seconds))
    shown = f"18 runs instead of 24, {less} instead of {whole}, shows {made.promise.smallest:.3f}"
    assert f"TWINS=once: {shown}" in said(made)


def test_on_gpus_twins_are_counted_in_gpu_hours(tmp_path):
    text = MODELS.replace("large: [model.path=Qwen/Qwen3-32B]", "again: [model=qwen3_8b_base]")
    assert "GPU-hours instead of" not in said(on_gpus(tmp_path, text))  # the same settings run once in any case
    scaled = text.replace("again: [model=qwen3_8b_base]", "again: [model=qwen3_8b_base, reward=plus_minus_one]")
    made = on_gpus(tmp_path, scaled)
    assert "GPU-hours of run time" in said(made)
    assert made.spent(made.spared) == pytest.approx(made.spent(made.runs) / 4)


@pytest.mark.parametrize("width", [40, 60, 80])
def test_the_costs_fit_a_narrow_terminal(tmp_path, width):
    assert max(map(len, printed(on_gpus(tmp_path), 0.03, width).splitlines())) <= width


def test_what_fits_nowhere_says_so(tmp_path):
    text = said(on_gpus(tmp_path, MODELS.replace("Qwen3-32B", "Qwen3-235B-A22B")))
    assert "no engine setting and no known cluster is large enough" in text

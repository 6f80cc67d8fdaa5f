"""What MLflow's pages show: names, descriptions, prepared views. None of it identifies a run."""

import base64
import json
import zlib
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

from harness.records.record import CONTROL_AXIS, CONTROL_OFF, Control
from harness.tracking.display import (
    CELL_NAME,
    NOTE,
    VIEW,
    WRITTEN_LINE,
    build_view,
    cell_name,
    describe_study,
    run_name,
)
from harness.tracking.store import Store
from harness.tracking.tags import EXPERIMENT_TAG_LIMIT
from tests.harness.store_samples import RECORD, STUDY, run

GRID = replace(
    STUDY,
    axes={"model": ("small", "large"), "difficulty": ("easy", "hard"), "norm": ("none", "group")},
    baseline={"norm": "none"},
)
LABELS = {"difficulty": "hard", "model": "large", "norm": "group"}  # sorted, as a record on disk has them
SINGLE = replace(
    RECORD,
    study="single",
    labels={"preset": "grpo", "tricks": "+group_norm"},
    config={"model": {"path": "builtin:small_base"}, "data": {"source": "arithmetic", "difficulties": ["easy"]}},
)


def shown(store):
    """The only experiment as MLflow's client has it, and its runs."""
    client = store._tracker.client
    experiment = client.get_experiment_by_name("norms")
    return experiment, client.search_runs([experiment.experiment_id])


def state(tags):
    """The view that a tag holds, unpacked as MLflow's pages do."""
    (text,) = (value for name, value in tags.items() if name.startswith(VIEW))
    return json.loads(zlib.decompress(base64.b64decode(text.removeprefix("deflate;"))))


def test_a_name_is_the_arm_then_the_context_then_the_seed():
    head = replace(RECORD, labels=LABELS, seed=3).head
    assert (cell_name(head, GRID), run_name(head, GRID)) == ("group large hard", "group large hard s3")


def test_a_control_comes_first_and_is_not_named_where_it_is_off():
    study = replace(GRID, axes={**GRID.axes, CONTROL_AXIS: (CONTROL_OFF, "no_learning")})
    heads = [replace(RECORD, labels={**LABELS, CONTROL_AXIS: label}).head for label in (CONTROL_OFF, "no_learning")]
    assert [run_name(head, study) for head in heads] == ["group large hard s0", "no_learning group large hard s0"]


def test_a_run_outside_a_grid_is_named_by_its_algorithm_its_model_and_its_problems():
    assert run_name(SINGLE.head) == "grpo +group_norm small_base easy s0"
    own = replace(SINGLE, config={"model": {"path": "/m/qwen"}, "data": {"path": "/d/mine.jsonl", "difficulties": []}})
    assert run_name(own.head) == "grpo +group_norm qwen mine.jsonl s0"


def test_a_long_name_keeps_its_seed():
    name = run_name(replace(RECORD, labels={"norm": "x" * 900}, seed=12).head)
    assert len(name) < 250
    assert name.endswith("x s12")


def test_a_run_in_the_store_is_named_by_its_study_whichever_way_its_labels_are_ordered(store, results):
    store.save_study(GRID)
    run(store, replace(RECORD, labels=LABELS))
    run(
        Store.open(results),
        replace(RECORD, run_id="c2-s1", cell_id="c2", seed=1, labels=dict(reversed(LABELS.items()))),
    )
    _, runs = shown(store)
    assert {each.info.run_name for each in runs} == {"group large hard s0", "group large hard s1"}
    assert {each.data.tags[CELL_NAME] for each in runs} == {"group large hard"}


def test_a_run_that_somebody_renames_is_the_same_run(store):
    handle = run(store)
    store.log(handle, 1, {"reward/mean": 0.5})
    store._tracker.client.update_run(handle.uuid, name="my favorite")
    assert store.statuses("norms") == {"c1-s0": "FINISHED"}
    assert store.history("norms", "reward/mean") == {"c1-s0": ((1, 0.5),)}
    run(store)  # again, as ``publish`` would
    assert [each.info.run_name for each in shown(store)[1]] == ["my favorite"]


def test_a_run_of_earlier_releases_whose_name_ends_with_its_id_is_found(store):
    tags = {"cell_id": "c1", "seed": "0", "study": "norms", "profile": "laptop"}
    uuid = store._tracker.start("norms", "group small c1-s0", tags, {}, 0.0)
    store._tracker.end(uuid, "FINISHED")
    assert store.finished("norms") == {"c1-s0"}


def test_a_run_of_somebody_else_in_the_experiment_is_none_of_ours(store):
    run(store)
    uuid = store._tracker.start("norms", "by hand c9-s9", {}, {}, 0.0)
    store.log(type(store.begin(SINGLE.head))(uuid, "norms"), 1, {"reward/mean": 1.0})
    assert store.statuses("norms") == {"c1-s0": "FINISHED"}
    assert store.history("norms", "reward/mean") == {}
    assert store.kill_orphaned_runs("norms", claimed=True) == ()


def test_the_description_has_the_question_the_baseline_and_how_to_read_it(store):
    store.save_study(GRID)
    note = shown(store)[0].tags[NOTE]
    assert note.startswith("**Question.** Which?")
    assert "- arm `norm`: `none`, `group`; baseline `none`" in note
    assert "- context `model`: `small`, `large`" in note
    assert "`final/accuracy` decides" in note


def test_the_description_has_every_profile_of_the_study(store):
    store.save_study(GRID)
    store.save_study(replace(GRID, profile="gpu", seeds=(7, 8)))
    note = shown(store)[0].tags[NOTE]
    assert "**Profile laptop.** 2 cells, seeds 0, 1." in note
    assert "**Profile gpu.** 2 cells, seeds 7, 8." in note


def test_a_long_description_fits_the_tag_and_stays_ours():
    note = describe_study([replace(GRID, question="Why? " * 3_000)])
    assert len(note) <= EXPERIMENT_TAG_LIMIT
    assert note.endswith(WRITTEN_LINE)


def test_a_description_in_ones_own_words_stays(store):
    store.save_study(GRID)
    number = shown(store)[0].experiment_id
    store._tracker.client.set_experiment_tag(number, NOTE, "mine")
    store.save_study(replace(GRID, question="What else?"))
    assert shown(store)[0].tags[NOTE] == "mine"


def test_the_view_has_the_score_the_axes_and_the_seed_as_columns_and_groups_by_cell(store):
    store.save_study(GRID)
    seen = state(shown(store)[0].tags)
    axes = ["tags.`axis.norm`", "tags.`axis.model`", "tags.`axis.difficulty`"]
    assert seen["selectedColumns"] == ["metrics.`final/accuracy`", *axes, "tags.`seed`", "attributes.`Dataset`"]
    assert seen["orderByKey"] == "metrics.`final/accuracy`"
    assert seen["searchFilter"] == "tags.profile = 'laptop'"
    assert seen["groupBy"]["groupByKeys"] == [{"mode": "tag", "groupByData": CELL_NAME}]


def test_the_view_has_the_charts_of_the_deciding_curves_and_no_other_open(store):
    seen = state(build_view(replace(GRID, metric="train/response/length")))
    (opened,) = (each["uuid"] for each in seen["compareRunSections"] if each["display"])
    charts = [(each["type"], each["metricKey"]) for each in seen["compareRunCharts"]]
    assert {each["metricSectionId"] for each in seen["compareRunCharts"]} == {opened}
    assert charts[:3] == [("BAR", "train/response/length"), ("LINE", "response/length"), ("LINE", "eval/accuracy")]
    assert len(set(charts)) == len(charts)


def test_runs_of_earlier_releases_are_grouped_by_their_axes(store):
    tags = {"cell_id": "c1", "seed": "0", "axis.norm": "group"}
    store._tracker.start("norms", "group small c1-s0", tags, {}, 0.0)
    store.save_study(GRID)
    keys = [key["groupByData"] for key in state(shown(store)[0].tags)["groupBy"]["groupByKeys"]]
    assert keys == ["axis.norm", "axis.model", "axis.difficulty"]


def test_what_is_shown_already_is_not_written_again(store, results):
    store.save_study(GRID)
    again = Store.open(results)
    again._tracker.client.set_experiment_tag = None  # a write would fail
    again.save_study(GRID)
    again.show_study(GRID)


def test_the_links_open_the_view_and_that_of_another_experiment_its_runs(store):
    store.save_study(GRID)
    run(store, SINGLE)
    experiment, _ = shown(store)
    pages = store.pages("http://127.0.0.1:5077")
    assert set(pages) == {"norms laptop", "single"}
    for page, asked in zip(pages["norms laptop"], ({}, {"compareRunsMode": ["CHART"]}), strict=True):
        path, _, query = urlsplit(page).fragment.partition("?")
        (key,) = parse_qs(query).pop("viewStateShareKey")
        assert path == f"/experiments/{experiment.experiment_id}/runs"
        assert f"{VIEW}.{key}" in experiment.tags
        assert {name: word for name, word in parse_qs(query).items() if name != "viewStateShareKey"} == asked
    assert len(pages["single"]) == 1


def test_a_link_names_no_view_that_the_store_lacks(store):
    store.save_study(GRID)
    experiment, _ = shown(store)
    (name,) = (tag for tag in experiment.tags if tag.startswith(VIEW))
    store._tracker.client.delete_experiment_tag(experiment.experiment_id, name)
    assert [page for pages in store.pages().values() for page in pages] == [
        f"http://127.0.0.1:5000/#/experiments/{experiment.experiment_id}/runs"
    ]


def test_a_control_is_a_column_and_in_the_description():
    known = Control("no_learning", {**LABELS, CONTROL_AXIS: "no_learning"}, "worse", "final/accuracy", "lr is 0")
    study = replace(GRID, axes={**GRID.axes, CONTROL_AXIS: (CONTROL_OFF, "no_learning")}, controls=(known,))
    assert f"tags.`axis.{CONTROL_AXIS}`" in state(build_view(study))["selectedColumns"]
    assert "controls, whose effect is known: `no_learning`" in describe_study([study])

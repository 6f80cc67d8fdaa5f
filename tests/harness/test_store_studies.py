"""A study's text takes several requests: a driver that ends between two of them hurts nobody."""

from contextlib import suppress
from dataclasses import replace
from functools import partial

import pytest

from harness.tracking.publish import publish_missing
from harness.tracking.store import Store
from harness.tracking.tags import EXPERIMENT_TAG_LIMIT, STUDY, pack_tags
from tests.harness.store_samples import STUDY as NORMS

LONG = replace(NORMS, name="long", question="Why? " * 3_000)  # four tags
OTHER = replace(LONG, question="How? " * 2_000)
OLD = pack_tags(f"{STUDY}.laptop", LONG.to_json(), EXPERIMENT_TAG_LIMIT)  # as earlier releases wrote it


def cut(store, study, requests):
    """Save a study in a process that is killed after so many requests."""
    client, left = store._tracker.client, iter(range(requests))

    def ask(real, *words):
        if next(left, None) is None:
            raise KeyboardInterrupt
        real(*words)

    for name in ("set_experiment_tag", "delete_experiment_tag"):
        setattr(client, name, partial(ask, getattr(client, name)))
    with suppress(KeyboardInterrupt):
        store.save_study(study)


def keep_old(store, tags=OLD):
    store._tracker.tag_study("long", tags, f"{STUDY}.")


@pytest.mark.parametrize("requests", [0, 1, 3, 4, 6])
@pytest.mark.parametrize("save", [Store.save_study, lambda store, _: keep_old(store)], ids=["new", "old"])
def test_the_text_before_is_kept_until_the_next_is_whole(store, results, requests, save):
    store.save_study(NORMS)
    save(store, LONG)
    cut(Store.open(results), OTHER, requests)
    found, norms = store.studies()
    assert (found, norms) == (LONG if requests < 4 else OTHER, NORMS)
    store.save_study(OTHER)
    assert store.studies() == (OTHER, NORMS)


def test_a_first_text_that_was_cut_off_is_told_and_brought_back_from_beside_the_runs(store, results):
    store.save_study(NORMS)
    cut(Store.open(results), LONG, 2)
    assert store.studies() == (NORMS,)
    ((study, said),) = store.unreadable().items()
    assert study == ("long", "laptop")
    assert said.startswith(f"long, profile laptop: {store.place} holds a Study that cannot be read (")
    publish_missing(store, results / "runs")
    assert (store.studies(), store.unreadable()) == ((LONG, NORMS), {})


def test_half_a_text_of_an_earlier_release_is_written_anew_and_in_nobodys_way(store):
    keep_old(store, dict(list(OLD.items())[:2]))
    store.save_study(NORMS)
    assert store.studies() == (NORMS,)
    store.save_study(LONG)
    assert store.studies() == (LONG, NORMS)


def test_a_text_of_an_earlier_release_is_read(store):
    keep_old(store)
    assert store.studies() == (LONG,)


def test_what_was_not_written_beside_the_runs_is_written_the_next_time(store, results):
    store.save_study(NORMS)
    (file,) = (results / "runs").iterdir()
    text = file.read_text()
    file.unlink()
    store.save_study(NORMS)
    assert file.read_text() == text


def test_a_tag_that_another_driver_removes_meanwhile_is_gone_for_both(store, results):
    keep_old(store)
    client, faster = store._tracker.client, Store.open(results)._tracker.client
    forget = client.delete_experiment_tag

    def slow(*words):
        with suppress(Exception):
            faster.delete_experiment_tag(*words)
        forget(*words)

    client.delete_experiment_tag = slow
    store.save_study(OTHER)
    assert store.studies() == (OTHER,)

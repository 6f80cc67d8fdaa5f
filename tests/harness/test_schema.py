from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import pytest

from harness.common.schema import SchemaError, build_dataclass


@dataclass(frozen=True, slots=True)
class Leaf:
    size: int
    kind: Literal["a", "b"] = "a"


@dataclass(frozen=True, slots=True)
class Tree:
    leaf: Leaf
    leaves: tuple[Leaf, ...] = ()
    rate: float = 0.5
    words: Mapping[str, tuple[str, ...]] | None = None


def test_plain_data_becomes_frozen_dataclasses() -> None:
    found = build_dataclass(
        Tree, {"leaf": {"size": 3}, "leaves": [{"size": 1, "kind": "b"}], "rate": 1, "words": {"x": ["y"]}}
    )
    assert found == Tree(Leaf(3), (Leaf(1, "b"),), 1.0, {"x": ("y",)})


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"leaf": {"siz": 3}}, "leaf.siz: no such setting; did you mean 'size'?"),
        ({"leaf": {"size": 3}, "leaves": [{"sizes": 1}]}, "leaves[0].sizes: no such setting; did you mean 'size'?"),
        ({"leaf": {"size": 3, "colour": 1}}, "leaf.colour: no such setting; known: kind, size"),
        ({"leaf": {"size": "3"}}, "leaf.size: input should be a valid integer, got '3'"),
        ({"leaf": {"size": True}}, "leaf.size: input should be a valid integer, got True"),
        ({"leaf": {"size": 3, "kind": "c"}}, "leaf.kind: input should be 'a' or 'b', got 'c'"),
        ({"leaf": {}}, "leaf.size: required"),
        ({}, "leaf: required"),
        ({"leaf": 3}, "leaf: input should be an object, got 3"),
        ([1], "the document: input should be an object"),
    ],
)
def test_a_misfit_is_named_by_its_path(data: object, message: str) -> None:
    with pytest.raises(SchemaError) as caught:
        build_dataclass(Tree, data)
    assert str(caught.value) == message


def test_the_place_of_the_document_leads_every_path() -> None:
    with pytest.raises(SchemaError, match=r"^tricks\.x\.size: required$"):
        build_dataclass(Leaf, {}, "tricks.x")


def test_all_unknown_keys_are_reported_at_once() -> None:
    with pytest.raises(SchemaError) as caught:
        build_dataclass(Tree, {"leaf": {"siz": 1}, "rat": 2})
    assert str(caught.value).splitlines() == [
        "leaf.siz: no such setting; did you mean 'size'?",
        "rat: no such setting; did you mean 'rate'?",
    ]

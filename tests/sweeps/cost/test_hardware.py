import pytest

from harness.common.schema import SchemaError
from sweeps.cost.inputs import parse_cluster


@pytest.mark.parametrize(
    ("written", "nodes", "per_node", "said"),
    [
        ("8xH100", 1, 8, "8xH100"),
        ("2x8xH100", 2, 8, "2x8xH100"),
        ("16xh100", 2, 8, "2x8xH100"),
        ("4xA6000", 1, 4, "4xA6000"),
        ("16xGB200", 1, 16, "16xGB200"),  # one link joins 72
    ],
)
def test_a_cluster_is_read_as_people_write_it(written, nodes, per_node, said):
    found = parse_cluster(written)
    assert (found.nodes, found.per_node, str(found)) == (nodes, per_node, said)


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("H100", "cluster=H100: write GPUs and their name, such as 8xH100, or nodes first: 2x8xH100"),
        ("8xH10", "cluster=8xH10: no GPU 'H10'; did you mean 'H100'?"),
        ("0xH100", "cluster=0xH100: 0 GPUs; give between 1 and 4096"),
        ("9999xH100", "cluster=9999xH100: 9999 GPUs; give between 1 and 4096"),
        ("12xH100", "cluster=12xH100: a node holds 8 H100; write whole ones, such as 2x8xH100"),
        ("", "cluster=: write GPUs and their name, such as 8xH100, or nodes first: 2x8xH100"),
    ],
)
def test_what_is_no_cluster_is_refused_with_the_way_out(written, message):
    with pytest.raises(SchemaError) as caught:
        parse_cluster(written)
    assert str(caught.value) == message

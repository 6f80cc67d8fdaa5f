import os
import subprocess
import sys

import pandas as pd
import pytest

from harness.data.catalog import DataError
from harness.data.sources import HUB, read_table

EXAMPLES = {
    "math500": {"problem": "Add $1$ and $1$.", "answer": "2", "unique_id": "test/algebra/7.json", "level": 1},
    "olympiadbench": {
        "id": 17,
        "question": "Find $x$ and $y$.",
        "final_answer": ["$1$", "$2$"],
        "context": None,
        "error": "1e-1",
    },
    "minerva": {"question": "How heavy is it?", "answer": "4.5e33"},
    "aime24": {"id": 3, "problem": "Find $m+n$.", "solution": "\\boxed{025}"},
    "aime25": {"id": "3", "problem": "Find $m-n$.", "answer": "70"},
    "amc23": {"id": 3, "question": "How far?", "answer": 27.0},
    "gsm8k": {"question": "How many?", "answer": "It is 4*5=20.\n#### 1,020"},
    "deepmath": {"question": "Find the limit.", "final_answer": "\\infty", "difficulty": 6.5, "topic": "Analysis"},
    "simplerl_zoo_easy": {"extra_info": {"question": "How many?", "answer": "20"}, "data_source": "simplelr"},
    "simplerl_zoo_medium": {"extra_info": {"question": "How much?", "answer": None}},
    "simplerl_zoo_hard": {"extra_info": {"question": "How long?", "answer": "\\frac{1}{2}"}},
}
EXPECTED = {
    "math500": ("math500/test/algebra/7", "2"),
    "olympiadbench": ("olympiadbench/17", "$1$, $2$"),
    "minerva": ("minerva_math/000", "4.5 \\times 10^{33}"),
    "aime24": ("aime24/0", "025"),
    "aime25": ("aime25/0", "70"),
    "amc23": ("amc23/0", "27"),
    "gsm8k": ("gsm8k/test/0", "1,020"),
    "deepmath": ("deepmath/0", "\\infty"),
    "simplerl_zoo_easy": ("simplerl_zoo/easy/0", "20"),
    "simplerl_zoo_medium": ("simplerl_zoo/medium/0", ""),
    "simplerl_zoo_hard": ("simplerl_zoo/hard/0", "\\frac{1}{2}"),
}


def repository(folder, name, columns):
    """A local folder with the layout of a data set of the hub, one row."""
    hub = HUB[name]
    file = hub.file or f"data/{hub.split}-00000-of-00001.parquet"
    (folder / file).parent.mkdir(parents=True)
    pd.DataFrame([columns]).to_parquet(folder / file)
    config = hub.config or "default"
    (folder / "README.md").write_text(
        f"---\nconfigs:\n- config_name: {config}\n  data_files:\n  - split: {hub.split}\n    path: {file}\n---\n"
    )
    return str(folder)


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    datasets.disable_progress_bars()


@pytest.mark.parametrize("name", HUB)
def test_the_columns_of_the_hub_become_our_rows(tmp_path, name):
    loaded = read_table(name, repository(tmp_path / "repository", name, EXAMPLES[name]))
    (row,) = loaded.rows
    assert (row.row_id, row.answer) == EXPECTED[name]
    assert row.problem in str(EXAMPLES[name])
    assert loaded.source.name == f"hub:{HUB[name].name}"
    assert (row.tolerance, row.difficulty) == {
        "olympiadbench": (0.1, None),
        "deepmath": (None, 6.5),
    }.get(name, (None, None))


def test_other_columns_are_refused_by_name(tmp_path):
    with pytest.raises(DataError, match=r"openai/gsm8k on the hub, row 0: KeyError 'question'; .* set DATA_DIR"):
        read_table("gsm8k", repository(tmp_path / "repository", "gsm8k", {"text": "?", "answer": "#### 1"}))


def test_a_hub_out_of_reach_says_what_to_set(tmp_path):
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path), "RESULTS_DIR": str(tmp_path)}
    environment.pop("DATA_DIR", None)
    command = [sys.executable, "-m", "harness.data"]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert ended.returncode == 2
    assert "hkust-nlp/SimpleRL-Zoo-Data: cannot be loaded from the Hugging Face hub" in ended.stderr
    assert "set DATA_DIR to a folder" in ended.stderr
    assert "Traceback" not in ended.stderr

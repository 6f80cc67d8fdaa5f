"""Little folders in the schema of the data, with statements of our own."""

import json
import random
import re

from harness.data.catalog import BENCHMARK_TABLES, TABLES

WORDS = re.findall(
    r"\w+",
    """
    amber basket candle desert engine forest garden harbour island jacket kettle lantern mirror needle orchard pencil
    quarry river saddle tunnel umbrella valley window yellow zebra anchor bridge copper dragon emerald feather goblet
    """,
)


def statement(number):
    """A statement that shares no four words in a row with another."""
    rng = random.Random(f"statement {number}")
    return f"Find the {' '.join(rng.choices(WORDS, k=20))} of ${number}x$."


def row(name, number, **fields):
    return {"id": f"{name}/{number}", "problem": statement(f"{name}{number}"), "answer": str(number + 2), **fields}


def rows(name, count):
    difficulty = {"difficulty": 1.0} if name == "deepmath" else {}
    return [row(name, number, **difficulty) for number in range(count)]


def write_rows(file, found):
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(json.dumps(item) + "\n" for item in found), encoding="utf-8")


def write_folder(folder, count=30, **replaced):
    """Every table with its own statements; ``replaced`` gives the rows of some."""
    for name, table in TABLES.items():
        size = 4 if name in BENCHMARK_TABLES else count
        write_rows(folder / table.file, replaced.get(name, rows(name, size)))
    return folder

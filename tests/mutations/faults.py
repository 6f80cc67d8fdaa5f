"""Planted faults: one line of the product each, as a contributor could get it wrong."""

import io
import tokenize
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
FAULTS = Path(__file__).with_name("faults.yaml")


class FaultError(ValueError):
    """A fault of the list does not fit the code."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One line of a product file, and the faulty line that takes its place."""

    name: str
    file: str
    old: str
    new: str
    why: str
    tests: tuple[str, ...] = ()

    def planted(self, root):
        """Return the text of the file with the fault.

        Raises:
            FaultError: The line is missing, occurs more than once, or the result is no Python.
        """
        if not (root / self.file).is_file():
            raise FaultError(f"{self.name}: there is no file {self.file}")
        lines = (root / self.file).read_text(encoding="utf-8").splitlines()
        places = [place for place, line in enumerate(lines) if self.old in (line.strip(), _without_comment(line))]
        if len(places) != 1:
            raise FaultError(f"{self.name}: {self.file} has this line {len(places)} times, not once: {self.old}")
        place = places[0]
        indent = lines[place][: len(lines[place]) - len(lines[place].lstrip())]
        lines[place] = indent + self.new
        text = "\n".join(lines) + "\n"
        try:
            compile(text, self.file, "exec")
        except SyntaxError as error:
            raise FaultError(f"{self.name}: {self.file} is no Python with the new line: {error.msg}") from None
        return text


def read_faults(file=FAULTS):
    """Return the faults of a list, in its order."""
    entries = yaml.safe_load(file.read_text(encoding="utf-8"))
    return [Fault(**{**entry, "tests": tuple(entry.get("tests", ()))}) for entry in entries]


def chosen(faults, names):
    """Return the faults with these names, or all of them where there is no name."""
    known = {fault.name: fault for fault in faults}
    for name in names:
        if name not in known:
            close = get_close_matches(name, known, n=3)
            raise FaultError(f"{name}: no such fault; {f'did you mean {close}?' if close else '--list shows all'}")
    return [known[name] for name in names] if names else list(faults)


def problems(faults, root=ROOT):
    """Return what is wrong with the list, a sentence each."""
    found = [f"{name}: two faults have this name" for name in _repeated([fault.name for fault in faults])]
    for fault in faults:
        try:
            fault.planted(root)
        except FaultError as error:
            found.append(str(error))
        if fault.old == fault.new:
            found.append(f"{fault.name}: the new line is the old one")
        found += [f"{fault.name}: there is no {path}" for path in fault.tests if not (root / _file(path)).exists()]
    return found


def _repeated(names):
    return sorted({name for name in names if names.count(name) > 1})


def _file(path):
    return path.partition("::")[0]


def _without_comment(line):
    """Return the code of a line, so that a reworded comment does not hide it."""
    if "#" not in line:
        return line.strip()
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(line.strip()).readline))
    except tokenize.TokenError:  # a bracket that closes on another line
        tokens = []
    comment = next((token.start[1] for token in tokens if token.type == tokenize.COMMENT), None)
    return line.strip() if comment is None else line.strip()[:comment].rstrip()

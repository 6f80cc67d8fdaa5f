"""A copy of the project in a temporary folder, in which faults are planted and taken out again."""

import os
import shutil
import subprocess
from pathlib import Path

_AUTHOR = ("-c", "user.name=mutations", "-c", "user.email=mutations@localhost", "-c", "commit.gpgsign=false")


class TreeError(RuntimeError):
    """Git cannot copy the project."""


class Tree:
    """A clone of the project with the changes of the working tree, committed, so that tests see a clean state."""

    def __init__(self, root, folder):
        self.folder = folder
        self._git("clone", "--quiet", "--shared", str(root), str(folder), at=root)
        for path in _changed(root):
            _take_over(root / path, folder / path)
        self._commit("the working tree")
        self._clean = self._git("rev-parse", "HEAD").strip()

    def plant(self, fault):
        """Write and commit the fault; tests that clone the project get it too."""
        self.restore()
        text = fault.planted(self.folder)
        (self.folder / fault.file).write_text(text, encoding="utf-8")
        self._commit(fault.name)

    def restore(self):
        """Take the fault out, with all that tests left behind but compiled modules, which Python renews by itself."""
        self._git("reset", "--quiet", "--hard", self._clean)
        self._git("clean", "--quiet", "-fdx", "--exclude=__pycache__")

    def environment(self):
        """Return variables with which Python imports the copy and not an installed project."""
        paths = [str(self.folder), *filter(None, [os.environ.get("PYTHONPATH")])]
        return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}

    def _commit(self, message):
        self._git("add", "--all")
        self._git(*_AUTHOR, "commit", "--quiet", "--allow-empty", "--no-verify", "--message", message)

    def _git(self, *words, at=None):
        done = subprocess.run(["git", *words], cwd=at or self.folder, capture_output=True, text=True, check=False)
        if done.returncode:
            raise TreeError(f"git {' '.join(words)}: {done.stderr.strip()}")
        return done.stdout


def _changed(root):
    """Return paths that differ from the last commit, untracked files included, ignored ones not."""
    listed = subprocess.run(
        ["git", "status", "--porcelain=v1", "-z", "--no-renames", "--untracked-files=all"],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return [Path(entry[3:]) for entry in listed.split("\0") if entry]


def _take_over(source, target):
    if not source.exists():
        target.unlink(missing_ok=True)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(source, target)

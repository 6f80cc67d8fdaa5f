from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from sweeps.launch.environment import prepare_ray_environment

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home folder, and an environment that forgets what the test sets."""
    monkeypatch.setattr(os, "environ", {"HOME": str(tmp_path)})
    return tmp_path


def test_a_ray_of_our_own_listens_here_alone(home: Path) -> None:
    prepare_ray_environment()
    assert os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] == "0"
    assert "RAY_AUTH_MODE" not in os.environ


def test_a_cluster_is_shown_the_token_that_there_is(home: Path) -> None:
    os.environ["RAY_ADDRESS"] = "10.0.0.1:6379"
    (home / ".ray").mkdir()
    (home / ".ray" / "auth_token").write_text("secret")
    prepare_ray_environment()
    assert os.environ["RAY_AUTH_MODE"] == "token"
    assert "secret" not in os.environ.values()


def test_a_cluster_without_a_token_is_joined_as_it_is(home: Path) -> None:
    os.environ["RAY_ADDRESS"] = "10.0.0.1:6379"
    prepare_ray_environment()
    assert "RAY_AUTH_MODE" not in os.environ

"""The files in ``harness/conf``: config groups and their options, read without Hydra."""

from pathlib import Path
from typing import Final

CONF_FOLDER: Final = Path(__file__).resolve().parents[1] / "conf"


def list_config_groups() -> dict[str, list[str]]:
    """Return the config groups and their options, such as reward: plus_minus_one, zero_one."""
    folders = sorted(path for path in CONF_FOLDER.iterdir() if path.is_dir())
    found = {folder.name: sorted(path.stem for path in folder.glob("*.yaml")) for folder in folders}
    return {name: options for name, options in found.items() if options}

"""Ray in the process of the tests, for actors that ask for no core, so that all find a place."""

import logging
import os
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[1]


@contextmanager
def local_ray():
    import ray

    ray.init(
        address="local",
        num_cpus=2,
        include_dashboard=False,
        object_store_memory=200 * 2**20,
        log_to_driver=False,
        logging_level=logging.ERROR,
    )
    try:
        yield
    finally:
        ray.shutdown()


def imports_from_here(**variables):
    """A runtime environment whose processes import this checkout and keep the guard of optional packages."""
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    return {"env_vars": {"PYTHONPATH": path, **variables}}

"""Ray in the process of the tests, for actors that ask for no core, so that all find a place."""

import logging
from contextlib import contextmanager


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

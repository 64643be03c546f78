"""A Ray cluster of two nodes on this machine, each with a GPU that does not exist.

``python -m tests.helpers.engines.ray_nodes [CPUS]`` prints its address; each node has one CPU, or
as many as given. A line on stdin kills the second node; the end of stdin ends the cluster. Ray's
own files are in ``RAY_TMPDIR``.
"""

import os
import sys


def main(cpus):
    os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_worker_niceness": "0"}
    from ray.cluster_utils import Cluster

    resources = {"num_cpus": cpus, "num_gpus": 1, "object_store_memory": 80 * 2**20}
    cluster = Cluster(
        initialize_head=True, head_node_args={**resources, "include_dashboard": False}
    )
    second = cluster.add_node(**resources)
    print(cluster.address, flush=True)  # noqa: T201
    for _ in sys.stdin:
        cluster.remove_node(second, allow_graceful=False)
        print("killed", flush=True)  # noqa: T201
    cluster.shutdown()


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else 1)

"""The service as a Ray Serve application, on the cluster whose jobs it submits.

From the root of the repository, on the head, with `pip install 'ray-bench[serve]' 'ray[serve]'`
there:

    export RAY_BENCH_RESULTS=/shared/results RAY_BENCH_TOKEN_FILE=/shared/tokens RAY_BENCH_ADDRESS=http://127.0.0.1:8265
    serve run deploy.ray_serve:app

The variables are those of `ray-bench serve`; docs/serve.md lists them. Tokens stand in a file: the
dashboard shows the variables of an actor to everybody who reaches it.
"""

from __future__ import annotations

import os

from ray import serve

from ray_bench.serve.deployed import PREFIX
from ray_bench.serve.deployed import app as made_on_the_replica

# One replica: sessions and the index of sweeps are in its memory. It only reads and submits.
app = serve.deployment(
    name="ray_bench",
    num_replicas=1,
    max_ongoing_requests=200,
    ray_actor_options={
        "num_cpus": 0,
        "runtime_env": {
            "env_vars": {name: text for name, text in os.environ.items() if name.startswith(PREFIX)}
        },
    },
)(serve.ingress(made_on_the_replica)()).bind()

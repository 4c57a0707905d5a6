"""Runs on a Ray cluster: TorchTrainer for a run, Tune for a sweep. Only this room imports Ray.

Imports ray, train, measure, workloads, config, records and errors; knows no Parquet.
"""

from ray_bench.launch import settings

settings.apply_defaults()  # Ray reads its environment when it is imported

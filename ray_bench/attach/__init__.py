"""Somebody else's training loop, measured unchanged: `python -m ray_bench.attach train.py ARGS`.

Hooks on optimizers, data loaders and backward passes tell steps and samples; the script itself is
run as it is. Knows neither Ray nor Parquet.
"""

"""One worker's training: DDP, learning-rate schedule, timed loop, evaluation, phase pass.

Imports torch, workloads, measure, config, records and errors; knows neither Ray nor Parquet.
"""

"""Experiment trackers: TensorBoard, MLflow and Weights & Biases get what the store got already.

The driver writes a run when it has ended, from its records, never inside a timed loop. A tracker
that fails loses no run: the sweep goes on, and it is said which runs are missing there.
"""

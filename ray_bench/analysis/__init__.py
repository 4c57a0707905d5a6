"""From records to results: throughput, speedup, laws, predictions, costs. Pure functions, no I/O.

Imports records, errors, numpy and scipy (the latter inside functions); never torch, ray or pyarrow.
"""

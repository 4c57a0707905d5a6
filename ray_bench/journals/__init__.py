"""What ranks wrote while they trained, turned into records: the way of other people's jobs here.

Reads the JSON lines of `ray_bench.measure.recorder`. Needs neither torch nor Ray.
"""

"""What ray_bench itself costs, and what it gains: each benchmark is `python -m benchmarks.NAME`.

All arms of a comparison run in one call and take turns, so that a drift of the machine meets them
alike. `--help` says what a benchmark asks, `--format json` gives every pair of turns.
"""

"""`python -m ray_bench` is `ray-bench`."""

from ray_bench.cli.main import main

if __name__ == "__main__":
    main()

"""`python -m ray_bench` is `ray-bench`; on a Python that lacks packages it says which."""

from ray_bench.cli.entry import main

if __name__ == "__main__":
    main()

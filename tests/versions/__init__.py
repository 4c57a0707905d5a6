"""Ray, PyTorch and Python: every bound that is claimed, tried in an environment of its own."""

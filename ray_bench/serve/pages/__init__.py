"""One page a file; each has a `router`."""

"""A sweep while it runs: what is known so far, drawn and in words."""

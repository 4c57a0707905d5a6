"""Where sweeps run that are asked for in the browser."""

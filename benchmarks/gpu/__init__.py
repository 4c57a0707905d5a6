"""What one NVIDIA GPU does with our path: `python -m benchmarks.gpu --save DIR`."""

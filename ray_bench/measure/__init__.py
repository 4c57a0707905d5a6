"""Instruments: clocks, blocks, phases, memory, energy, environment. One instrument a file.

Imports torch, psutil, pynvml, records and errors; knows neither Ray nor Parquet.
"""

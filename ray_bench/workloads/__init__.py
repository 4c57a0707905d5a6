"""What is trained: models, data, losses. One file a workload.

Imports torch and torchvision inside its modules; `catalog` and `datasets` import neither, so that
listing and the preflight are quick.
"""

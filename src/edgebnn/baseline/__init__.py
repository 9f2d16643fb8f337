"""The baseline: the same training in plain Keras. What runs on a device is one file, which needs nothing of this package."""

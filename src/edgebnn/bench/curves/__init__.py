"""Whether the trainer learns as the emulation does: `make curves`."""

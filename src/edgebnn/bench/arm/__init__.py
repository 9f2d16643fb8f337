"""What a training step costs on a Raspberry Pi, without one: `make bench-arm`."""

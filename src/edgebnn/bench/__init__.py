"""The yardstick of the trainer's speed: `make bench`."""

"""A training step of the emulation beside larq's layers."""

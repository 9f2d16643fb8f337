"""Train binary neural networks on small boards in a fraction of the memory, and measure it."""

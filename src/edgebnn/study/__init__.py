"""What is asked for, pure: config, switches and networks become the runs of a plan."""

"""What each subcommand does; those of the farm: farm/commands.py."""

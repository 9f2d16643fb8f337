"""Data sets: where they come from (sources, download, archives), and one packed file of each (datasets)."""

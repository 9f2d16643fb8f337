"""Where a training's memory goes: the arena by phase and variable, the process over time, and massif's pages."""

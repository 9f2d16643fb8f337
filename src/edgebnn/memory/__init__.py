"""The memory that training needs: by the paper's accounting, and by the trainer's own plan (arena)."""

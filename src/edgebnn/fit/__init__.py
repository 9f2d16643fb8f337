"""One question: does a training fit a board, and what would it take there?"""

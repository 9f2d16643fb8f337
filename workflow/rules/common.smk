# Purpose: what several rules, or their resources, are told by a function.
from edgebnn.gpus import count_gpus

GPUS = count_gpus()


def slot(board):
    """Name of the Snakemake resource that counts the devices of one kind of board."""
    return "board_" + re.sub(r"\W", "_", board.replace("+", "plus"))


def trainers(wildcards):
    """Records of the builds that the board's devices run."""
    devices = INVENTORY.on_board(RUNS["device"][wildcards.run].board).values()
    return [
        f"{RESULTS}/build/{target}.json"
        for target in sorted({d.target for d in devices})
    ]

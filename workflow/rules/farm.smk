# Purpose: train one run on a device of the farm; one job at a time on each device.
# Input:   results/runs/device/<run id>.json, the packed data set, the trainers of the board's devices
# Output:  results/device/<run id>.json and <run id>/ with its artifacts


BOARDS = {run.board for run in RUNS["device"].values()}
for board in BOARDS:
    workflow.global_resources.setdefault(slot(board), len(INVENTORY.on_board(board)))


rule train_on_device:
    input:
        data=packed("device"),
        trainers=trainers,
    output:
        f"{RESULTS}/device/{{run}}.json",
    log:
        f"{RESULTS}/logs/device/{{run}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/device/{{run}}.tsv"
    retries: 1
    conda:
        "../../environment.yml"
    resources:
        **{
            slot(board): lambda wildcards, board=board: int(
                RUNS["device"][wildcards.run].board == board
            )
            for board in BOARDS
        },
    params:
        run=f"{RESULTS}/runs/device/{{run}}.json",
        code=code_digest("device") + trainer_digest(Path(workflow.basedir)),
        virtual=f"{RESULTS}/virtual",
        farm=lambda _, threads: STUDY.farm,  # of `threads`: in no provenance, wherever the file is
        anew=anew,
    shell:
        "edgebnn device --run {params.run:q} --data {input.data:q} --farm {params.farm:q} "
        "--virtual {params.virtual:q} {params.anew:q} --output {output:q} > {log:q} 2>&1 "
        "|| edgebnn ended $? {output:q} {log:q}"

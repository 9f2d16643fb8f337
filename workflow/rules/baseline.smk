# Purpose: the same training in Keras on a device of the farm, to compare with; one job at a time on each device.
# Input:   results/runs/baseline/<run id>.json, the packed data set, edgebnn-measure for the board's devices
# Output:  results/baseline/<run id>.json and <run id>/ with its artifacts


rule train_baseline:
    input:
        data=packed("baseline"),
        # A new trainer changes nothing of Keras' figures: its own digest says when the measuring program does.
        trainers=ancient(trainers("baseline")),
    output:
        f"{RESULTS}/baseline/{{run}}.json",
    log:
        f"{RESULTS}/logs/baseline/{{run}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/baseline/{{run}}.tsv"
    retries: 1
    localrule: True  # on a cluster: where snakemake runs
    conda:
        "../../environment.yml"
    resources:
        **slots("baseline"),
    params:
        run=f"{RESULTS}/runs/baseline/{{run}}.json",
        code=code_digest("baseline") + measure_digest(SHIPPED),
        virtual=f"{RESULTS}/virtual",
        farm=lambda _, threads: STUDY.farm,  # of `threads`: in no provenance, wherever the file is
        anew=anew("baseline"),
    shell:
        "edgebnn baseline --run {params.run:q} --data {input.data:q} --farm {params.farm:q} "
        "--virtual {params.virtual:q} {params.anew:q} --output {output:q} > {log:q} 2>&1 "
        "|| edgebnn ended $? {output:q} {log:q}"

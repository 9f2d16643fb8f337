# Purpose: train one run on a device of the farm; one job at a time on each device.
# Input:   results/runs/device/<run id>.json, the packed data set, the trainers of the board's devices
# Output:  results/device/<run id>.json and <run id>/ with its artifacts


rule train_on_device:
    input:
        data=packed("device"),
        initial=initial("device"),
        trainers=trainers("device"),
    output:
        f"{RESULTS}/device/{{run}}.json",
    log:
        f"{RESULTS}/logs/device/{{run}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/device/{{run}}.tsv"
    retries: 1
    localrule: True  # on a cluster: where snakemake runs
    conda:
        "../../environment.yml"
    resources:
        **slots("device"),
    params:
        run=f"{RESULTS}/runs/device/{{run}}.json",
        begins=begins("device"),
        code=code_digest("device") + trainer_digest(SHIPPED),
        virtual=f"{RESULTS}/virtual",
        farm=lambda _, threads: STUDY.farm,  # of `threads`: in no provenance, wherever the file is
        anew=anew("device"),
    shell:
        "edgebnn device --run {params.run:q} --data {input.data:q} {params.begins:q} --farm {params.farm:q} "
        "--virtual {params.virtual:q} {params.anew:q} --output {output:q} > {log:q} 2>&1 "
        "|| edgebnn ended $? {output:q} {log:q}"

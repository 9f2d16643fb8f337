# Purpose: train one run in Keras; as many at once as cores and GPUs allow.
# Input:   results/runs/emulate/<run id>.json, the packed data set
# Output:  results/emulate/<run id>.json and <run id>/ with its artifacts
workflow.global_resources.setdefault("gpu", GPUS)


rule emulate_training:
    input:
        data=packed("emulate"),
    output:
        f"{RESULTS}/emulate/{{run}}.json",
    log:
        f"{RESULTS}/logs/emulate/{{run}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/emulate/{{run}}.tsv"
    retries: 1
    conda:
        "../../environment.yml"
    threads: 2
    resources:
        gpu=min(GPUS, 1),
        mem_mb=2000,
    params:
        run=f"{RESULTS}/runs/emulate/{{run}}.json",
        code=code_digest("emulate"),
    shell:
        "edgebnn emulate --run {params.run:q} --data {input.data:q} --output {output:q} "
        "--threads {threads} > {log:q} 2>&1 "
        "|| edgebnn ended $? {output:q} {log:q}"

# Purpose: the paper's memory model of a run, variable by variable, and the trainer's own plan.
# Input:   results/runs/memory/<run id>.json; the native trainer, if it trains such a network
# Output:  results/memory/<run id>.json

MEMORY_CODE = code_digest("memory")
PLANNER_CODE = trainer_digest(SHIPPED)


rule model_memory:
    input:
        trainer=planner,
    output:
        f"{RESULTS}/memory/{{run}}.json",
    log:
        f"{RESULTS}/logs/memory/{{run}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/memory/{{run}}.tsv"
    localrule: True  # on a cluster: where snakemake runs
    conda:
        "../../environment.yml"
    params:
        run=f"{RESULTS}/runs/memory/{{run}}.json",
        code=lambda wildcards: MEMORY_CODE + PLANNER_CODE * len(planner(wildcards)),
    shell:
        "edgebnn memory --run {params.run:q} --output {output:q} > {log:q} 2>&1 "
        "|| edgebnn ended $? {output:q} {log:q}"

# Purpose: the paper's memory model of a run, variable by variable.
# Input:   results/runs/memory/<run id>.json
# Output:  results/memory/<run id>.json


rule model_memory:
    input:
        run=f"{RESULTS}/runs/memory/{{run}}.json",
    output:
        f"{RESULTS}/memory/{{run}}.json",
    log:
        f"{RESULTS}/logs/memory/{{run}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/memory/{{run}}.tsv"
    conda:
        "../../environment.yml"
    params:
        code=code_digest("memory"),
    shell:
        "edgebnn memory --run {input.run} --output {output} > {log} 2>&1"

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
    params:
        code=code_digest("memory"),
    conda:
        "../../environment.yml"
    shell:
        "edgebnn memory --run {input.run} --output {output} > {log} 2>&1"

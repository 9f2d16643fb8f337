# Purpose: what a training begins from, in place of its seed: the weights of a trained network, for both engines.
# Input:   a .keras or .ebn file, or the record of a run of this study
# Output:  results/weights/<run id, or the file's digest and ending>.ebw


rule write_initial_weights:
    input:
        lambda wildcards: str(PLAN.beginnings[wildcards.begins]),
    output:
        f"{RESULTS}/weights/{{begins}}.ebw",
    log:
        f"{RESULTS}/logs/weights/{{begins}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/weights/{{begins}}.tsv"
    localrule: True  # on a cluster: where snakemake runs
    conda:
        "../../environment.yml"
    params:
        code=code_digest("weights"),
        digest=source_digest,
    shell:
        "edgebnn weights {input:q} {params.digest:q} --output {output:q} > {log:q} 2>&1 "
        "|| edgebnn ended $? {output:q} {log:q}"

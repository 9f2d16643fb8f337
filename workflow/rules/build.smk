# Purpose: build the C++ trainer for each kind of board that the study uses.
# Input:   rpi/ (as a digest: a newer time stamp alone rebuilds nothing)
# Output:  results/build/<target>.json and build/<target>/


rule build_trainer:
    output:
        f"{RESULTS}/build/{{target}}.json",
    log:
        f"{RESULTS}/logs/build/{{target}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/build/{{target}}.tsv"
    localrule: True  # on a cluster: where snakemake runs
    conda:
        "../../environment.yml"
    threads: 2
    params:
        code=trainer_digest(SHIPPED),
    shell:
        "edgebnn build {wildcards.target:q} --output {output:q} > {log:q} 2>&1 "
        "|| edgebnn ended $? {output:q} {log:q}"

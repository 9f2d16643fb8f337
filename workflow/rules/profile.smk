# Purpose: where the memory of a training goes: a few steps of the native trainer, on this machine.
# Input:   results/runs/profile/<run id>.json, the packed data set, the native trainer; valgrind, if it is there
# Output:  results/profile/<run id>.json and <run id>/ with its artifacts and the figure


rule profile_training:
    input:
        data=packed("profile"),
        initial=initial("profile"),
        trainer=f"{RESULTS}/build/native.json",
    output:
        f"{RESULTS}/profile/{{run}}.json",
    log:
        f"{RESULTS}/logs/profile/{{run}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/profile/{{run}}.tsv"
    localrule: True  # on a cluster: where snakemake runs
    conda:
        "../../environment.yml"
    params:
        run=f"{RESULTS}/runs/profile/{{run}}.json",
        begins=begins("profile"),
        code=code_digest("profile") + trainer_digest(SHIPPED),
    shell:
        "edgebnn profile {params.run:q} --data {input.data:q} {params.begins:q} --output {output:q} > {log:q} 2>&1 "
        "|| edgebnn ended $? {output:q} {log:q}"

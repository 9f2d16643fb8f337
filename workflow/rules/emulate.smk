# Purpose: train one run in Keras; as many at once as cores, memory and GPUs allow.
# Input:   results/runs/emulate/<run id>.json, the packed data set, or the index of a folder of images and that folder
# Output:  results/emulate/<run id>.json and <run id>/ with its artifacts
workflow.global_resources.setdefault("gpu", GPUS)


rule emulate_training:
    input:
        data=packed("emulate"),
        initial=initial("emulate"),
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
        mem_mb=lambda wildcards: emulation_mib(RUNS["emulate"][wildcards.run]),
    params:
        run=f"{RESULTS}/runs/emulate/{{run}}.json",
        begins=begins("emulate"),
        code=code_digest("emulate"),
        data_dir=data_dir,
        broken=lambda _, threads: STUDY.broken_at_most,  # of `threads`: in no provenance
    shell:
        "edgebnn emulate --run {params.run:q} --data {input.data:q} {params.begins:q} --output {output:q} "
        "--threads {threads} {params.data_dir:q} --broken-at-most {params.broken:q} > {log:q} 2>&1 "
        "|| edgebnn ended $? {output:q} {log:q}"

# Purpose: fetch, check and pack a data set, once for every engine and seed.
# Input:   <data_dir>/<dataset>.npz if there, else the packages' own, the cache or the official files
# Output:  results/data/<dataset>.ebd


rule pack_data:
    output:
        f"{RESULTS}/data/{{dataset}}.ebd",
    log:
        f"{RESULTS}/logs/data/{{dataset}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/data/{{dataset}}.tsv"
    retries: 1
    conda:
        "../../environment.yml"
    params:
        code=code_digest("data"),
        data_dir=lambda _: ["--data-dir", STUDY.data_dir] if STUDY.data_dir else [],
    shell:
        "edgebnn data {wildcards.dataset:q} {params.data_dir:q} --output {output:q} > {log:q} 2>&1"

# Purpose: fetch, check and pack a data set, once for every engine and seed.
# Input:   <data_dir>/<dataset>.npz if there, else the packages' own, the cache or the official files
# Output:  results/data/<dataset>-<digest of its bytes>.ebd


rule pack_data:
    output:
        f"{RESULTS}/data/{{dataset}}-{{digest}}.ebd",
    log:
        f"{RESULTS}/logs/data/{{dataset}}-{{digest}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/data/{{dataset}}-{{digest}}.tsv"
    retries: 1
    conda:
        "../../environment.yml"
    params:
        code=code_digest("data"),
        # A function of `threads` is in no provenance: the same bytes from another place are the same data set.
        data_dir=lambda _, threads: (
            ["--data-dir", STUDY.data_dir] if STUDY.data_dir else []
        ),
    shell:
        "edgebnn data {wildcards.dataset:q} --digest {wildcards.digest:q} {params.data_dir:q} "
        "--output {output:q} > {log:q} 2>&1 "
        "|| edgebnn ended $? {output:q} {log:q}"

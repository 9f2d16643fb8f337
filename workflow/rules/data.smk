# Purpose: fetch, check and pack a data set, once for every engine and seed; of a folder of images, write its index.
# Input:   <data_dir>/<dataset>.npz or <data_dir>/<dataset>/ if there, else the packages' own, the cache or the official files
# Output:  results/data/<dataset>-<digest of its bytes>.ebd


rule pack_data:
    output:
        f"{RESULTS}/data/{{dataset}}-{{digest}}.ebd",
    log:
        f"{RESULTS}/logs/data/{{dataset}}-{{digest}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/data/{{dataset}}-{{digest}}.tsv"
    retries: 1
    localrule: True  # on a cluster: where snakemake runs
    conda:
        "../../environment.yml"
    params:
        code=code_digest("data"),
        data_dir=data_dir,
    shell:
        "edgebnn data {wildcards.dataset:q} --digest {wildcards.digest:q} {params.data_dir:q} "
        "--output {output:q} > {log:q} 2>&1 "
        "|| edgebnn ended $? {output:q} {log:q}"

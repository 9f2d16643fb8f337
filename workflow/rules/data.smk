# Purpose: fetch, check and pack a data set, once for every engine and seed.
# Input:   <data_dir>/<dataset>.npz if there, else the packages' own, the cache or the official files
# Output:  results/data/<dataset>-<digest of its bytes>.ebd
# The folder is not in `params`: the same bytes from another place are the same data set.
DATA_DIR = ["--data-dir", STUDY.data_dir] if STUDY.data_dir else []


def packed(stage):
    """The packed data set that a run of the stage trains on."""
    return lambda wildcards: f"{RESULTS}/data/{RUNS[stage][wildcards.run].pack}.ebd"


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
    shell:
        "edgebnn data {wildcards.dataset:q} --digest {wildcards.digest:q} {DATA_DIR:q} "
        "--output {output:q} > {log:q} 2>&1"

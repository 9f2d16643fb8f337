# Purpose: put every record into MLflow; logging twice changes nothing.
# Input:   all records, results/plan.json
# Output:  results/track/<study>.json, a summary of what MLflow holds
from edgebnn.tracking.store import handed_on

TRACKED = f"{RESULTS}/track/{STUDY.study}.json"
TRACKING_URI = handed_on(f"sqlite:///{RESULTS}/mlflow.db")


rule track_records:
    input:
        RECORDS,
    output:
        TRACKED,
    log:
        f"{RESULTS}/logs/track.log",
    benchmark:
        f"{RESULTS}/benchmarks/track.tsv"
    retries: 1
    localrule: True  # on a cluster: where snakemake runs
    conda:
        "../../environment.yml"
    params:
        plan=f"{RESULTS}/plan.json",
        asked=PLAN.digest(),
        code=code_digest("track"),
        uri=lambda _: TRACKING_URI,
    shell:
        "edgebnn track --plan {params.plan:q} --output {output:q} > {log:q} 2>&1 "
        "|| edgebnn ended $? {output:q} {log:q}"

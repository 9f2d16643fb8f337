# Purpose: put every record into MLflow; logging twice changes nothing.
# Input:   all records, results/plan.json
# Output:  results/track/<study>.json, a summary of what MLflow holds
TRACKED = f"{RESULTS}/track/{STUDY.study}.json"
TRACKING_URI = os.environ.get("MLFLOW_TRACKING_URI", f"sqlite:///{RESULTS}/mlflow.db")


rule track_records:
    input:
        plan=f"{RESULTS}/plan.json",
        records=RECORDS,
    output:
        TRACKED,
    log:
        f"{RESULTS}/logs/track.log",
    benchmark:
        f"{RESULTS}/benchmarks/track.tsv"
    retries: 1
    conda:
        "../../environment.yml"
    params:
        code=code_digest("track"),
        uri=TRACKING_URI,
    shell:
        "edgebnn track --plan {input.plan} --tracking-uri {params.uri:q} --output {output} "
        "{input.records} > {log} 2>&1"

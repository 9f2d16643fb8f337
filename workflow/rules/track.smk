# Purpose: put every record into MLflow; logging twice changes nothing.
# Input:   all records, results/plan.json
# Output:  results/track/<study>.json, a summary of what MLflow holds
from edgebnn.tracking.store import shown

TRACKED = f"{RESULTS}/track/{STUDY.study}.json"
# The store's address may hold a password: the stage has it from the environment, and nothing else does.
os.environ["MLFLOW_TRACKING_URI"] = (
    os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{RESULTS}/mlflow.db"
)
TRACKING_URI = shown(os.environ["MLFLOW_TRACKING_URI"])


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
    conda:
        "../../environment.yml"
    params:
        plan=f"{RESULTS}/plan.json",
        asked=PLAN.digest(),
        code=code_digest("track"),
        uri=lambda _: TRACKING_URI,
    shell:
        "edgebnn track --plan {params.plan:q} --output {output:q} > {log:q} 2>&1"

# Purpose: the paper's tables beside ours, on one self-contained page.
# Input:   all records, results/plan.json
# Output:  results/report/index.html
import shlex

REPORT = f"{RESULTS}/report/index.html"


rule write_report:
    input:
        RECORDS,
    output:
        report(REPORT, caption="../report/index.rst", category="Report"),
    log:
        f"{RESULTS}/logs/report.log",
    benchmark:
        f"{RESULTS}/benchmarks/report.tsv"
    localrule: True  # on a cluster: where snakemake runs
    conda:
        "../../environment.yml"
    params:
        plan=f"{RESULTS}/plan.json",
        asked=PLAN.digest(),
        code=code_digest("report"),
    shell:
        "edgebnn report --plan {params.plan:q} --output {output:q} > {log:q} 2>&1 "
        "|| edgebnn ended $? {output:q} {log:q}"


onsuccess:
    print(f"\nReport:  {REPORT}")
    if TRACKING_URI.startswith("http"):
        print(f"MLflow:  {TRACKING_URI}\n")
    else:
        print(
            f"MLflow:  mlflow ui --backend-store-uri {shlex.quote(TRACKING_URI)}\n"
        )

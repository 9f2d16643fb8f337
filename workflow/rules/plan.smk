# Purpose: turn the configuration into runs, and write each run down for its stage.
# Input:   the configuration (one file or several, merged by Snakemake) and the inventory of devices
# Output:  results/runs/<stage>/<run id>.json, results/plan.json
from edgebnn.code import code_digest, trainer_digest
from edgebnn.study.config import parse_study
from edgebnn.errors import EdgebnnError
from edgebnn.farm.inventory import load_inventory
from edgebnn.study.plan import canonical_json, make_plan
from edgebnn.study.trainable import untrained_layer
from snakemake.exceptions import WorkflowError

try:
    STUDY = parse_study(config, ", ".join(map(str, workflow.configfiles)))
    INVENTORY = load_inventory(Path(STUDY.farm))
    PLAN = make_plan(STUDY, INVENTORY.boards())
except EdgebnnError as error:
    raise WorkflowError(str(error)) from None

RESULTS = STUDY.results
RUNS = PLAN.runs
RECORDS = [
    f"{RESULTS}/{stage}/{run_id}.json"
    for stage, runs in RUNS.items()
    for run_id in runs
]


wildcard_constraints:
    run=r"[A-Za-z0-9_.+-]+",
    dataset=r"[A-Za-z0-9_.+-]+",
    target=r"[a-z0-9-]+",
    stage="memory|emulate|device",


localrules:
    write_run,
    write_plan,


rule write_run:
    output:
        f"{RESULTS}/runs/{{stage}}/{{run}}.json",
    log:
        f"{RESULTS}/logs/write_run/{{stage}}/{{run}}.log",
    conda:
        "../../environment.yml"
    params:
        run=lambda wildcards: canonical_json(RUNS[wildcards.stage][wildcards.run]),
    shell:
        "printf '%s\n' {params.run:q} > {output} 2> {log}"


rule write_plan:
    output:
        f"{RESULTS}/plan.json",
    log:
        f"{RESULTS}/logs/write_plan.log",
    conda:
        "../../environment.yml"
    params:
        plan=PLAN.summary(),
    shell:
        "printf '%s\n' {params.plan:q} > {output} 2> {log}"

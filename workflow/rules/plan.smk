# Purpose: turn the configuration into runs; write each run down for its stage before the first job starts.
# Input:   the configuration (one file or several, merged by Snakemake) and the inventory of devices
# Output:  results/runs/<stage>/<run id>.json, results/plan.json
import sys
from edgebnn.code import code_digest, measure_digest, trainer_digest
from edgebnn.disk import check_folder
from edgebnn.study.config import parse_study
from edgebnn.farm.inventory import load_inventory
from edgebnn.study.files import write_plan
from edgebnn.study.plan import make_plan, remarks
from edgebnn.study.trainable import untrained_layer
from edgebnn.unexpected import told
from edgebnn.study.yaml_file import load_yaml
from snakemake.exceptions import WorkflowError

try:
    FILES = [Path(path) for path in workflow.configfiles]
    for path in FILES:
        load_yaml(path)  # Snakemake lets the last of two equal keys win
    STUDY = parse_study(config, ", ".join(map(str, FILES)), FILES)
    check_folder(Path(STUDY.results))
    INVENTORY = load_inventory(Path(STUDY.farm))
    PLAN = make_plan(STUDY, INVENTORY.boards(), FILES).with_builds(INVENTORY.targets())
except Exception as error:  # what no one foresaw, too
    raise WorkflowError(told(error)) from None

RESULTS = STUDY.results
RUNS = PLAN.runs
RECORDS = [
    f"{RESULTS}/{stage}/{run_id}.json"
    for stage, runs in RUNS.items()
    for run_id in runs
]


wildcard_constraints:
    run=r"[A-Za-z0-9_.+-]+",
    begins=r"[A-Za-z0-9_.+-]+",
    dataset=r"[A-Za-z0-9_.+-]+",
    digest=r"[a-z0-9]+",
    target=r"[a-z0-9-]+",


def write_down():
    """A run's file is no job's output: its name is a digest of its content, so it can be written at any time."""
    try:
        write_plan(PLAN, Path(RESULTS))
        for remark in remarks(PLAN, STUDY):
            print(f"warning: {remark}", file=sys.stderr)
    except Exception as error:
        raise WorkflowError(told(error)) from None


onstart:
    write_down()
    follow()


if not workflow.modifier.is_main_snakefile():
    write_down()  # Snakemake runs no module's onstart

# One study, end to end: data, memory model, emulation, build, training on the farm, Keras beside it, profiles, MLflow, report.
#   snakemake --cores 8 all                                   the default study
#   snakemake --cores 8 all --configfile config/mnist.yaml    another one
#   snakemake --cores 2 all --directory .test                 another folder's config/config.yaml, its results there
# It can be a module of another workflow: docs/tutorial.md.
from pathlib import Path
from edgebnn.shipped import SHIPPED
from snakemake.exceptions import WorkflowError

if set("{}:") & set(str(SHIPPED)):
    raise WorkflowError(
        f"{SHIPPED}: rename this folder, or move it: Snakemake reads braces in its name as wildcards, "
        f"and no environment can be in a folder with ':' in its name"
    )
if not workflow.configfiles:

    configfile: "config/config.yaml"


include: "workflow/rules/plan.smk"
include: "workflow/rules/watch.smk"
include: "workflow/rules/common.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/memory.smk"
include: "workflow/rules/weights.smk"
include: "workflow/rules/emulate.smk"
include: "workflow/rules/build.smk"
include: "workflow/rules/farm.smk"
include: "workflow/rules/baseline.smk"
include: "workflow/rules/profile.smk"
include: "workflow/rules/track.smk"
include: "workflow/rules/report.smk"


rule all:
    default_target: True
    input:
        REPORT,
        TRACKED,

#!/bin/bash
# The report of every node of a Slurm job, in reports/NODE.json of the folder that this is submitted from:
#
#   sbatch --nodes=16 [--gpus-per-node=8] [--partition=...] slurm.sh [--python /opt/venv/bin/python]
#   envdoctor fleet reports
#
# envdoctor.pyz lies in that folder. Nodes need not share it: sbcast brings it to them, srun the reports back to the first.
# A node that does not answer leaves an empty report, which `fleet` counts as not read.
#SBATCH --job-name=envdoctor
#SBATCH --ntasks-per-node=1
#SBATCH --time=00:10:00
#SBATCH --output=envdoctor-%j.log
set -euo pipefail

doctor="/tmp/envdoctor-$SLURM_JOB_ID.pyz"
mkdir -p reports
sbcast --force envdoctor.pyz "$doctor"
# What is examined is what a job sees: GPUs that it did not ask for are not visible.
scontrol show hostnames "$SLURM_JOB_NODELIST" |
  xargs -P 32 -I '{}' srun --overlap --nodes=1 --ntasks=1 --nodelist='{}' --chdir=/ --output="$PWD/reports/{}.json" \
    python3 "$doctor" check --format json --fail-on never "$@" || echo "not every node has a report" >&2
srun --ntasks-per-node=1 rm -f "$doctor"

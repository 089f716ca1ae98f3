"""The index, mirror or repository does not have the thing that is asked for.

## What it means

A nightly build was pruned, a repository deleted or renamed, a mirror does not carry the package: `404 Not Found`,
`repository not found`, `Could not find a version that satisfies the requirement torch==1.13.0.dev20220901`.

## How envdoctor knows

From the log only: whether an index has a version cannot be known without asking it, and `check` makes no network
access. A requirement that no wheel folder can give while no index may be asked is `wheelhouse-incomplete` or
`build-requirements-unreachable`.

## What to do

Ask for a version that exists (`pip index versions NAME`), or point pip to the index that has it.

## When to ignore it

When the index was only unreachable for a moment: that is `network-failure`.
"""

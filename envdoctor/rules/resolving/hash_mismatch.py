"""A downloaded file does not have the hash that a lock or requirements file promises.

## What it means

`THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE`: the file was replaced upstream, a mirror serves
another build under the same name, a proxy altered it, or a download broke.

## How envdoctor knows

From the log only: pip prints Expected and Got. It cannot be foreseen without downloading the file.

## What to do

Clear pip's cache (`pip cache purge`) and try once more. If the hash stays different, find out which index the file
comes from (`pip -v`) before the lock file is changed: a hash that is simply replaced protects nobody.

## When to ignore it

Never.
"""

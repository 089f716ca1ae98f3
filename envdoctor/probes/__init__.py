"""One module per fact, named after the field of `Facts` that it learns: `probe(host, ...)`.

Further parameters are other facts by name (None when absent or unknown) or `request`.
"""

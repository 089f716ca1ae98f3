"""Which variant of a family takes how many rows: a table that a linear resolves once and hands to each call.

A table is [variant, rows, variant, rows, ..., variant]: each variant takes calls of up to the number of rows behind it,
the last one all larger. Being a list of numbers it is an argument of operators, so that code that was compiled for any
number of rows takes what fits those that it meets. 0 stands for "auto": the library chooses in the call.
"""

from bisect import bisect_left
from typing import Callable, List, Sequence

#: Of a linear: the number of the variant that the library takes for so many rows where it is asked for one (0: for
#: "auto"). NotImplementedError where that does not run.
Ask = Callable[[int, int], int]

#: The table that leaves it to the library.
AUTO = (0,)
#: Of an operator's schema, its last argument.
VARIANTS = "int[] variants=[0]"
#: Up to here a linear asks the library; what larger products take is chosen in the call, which is long.
MOST_ROWS = 512


def variant_of(table: Sequence[int], rows: int) -> int:
    """The variant that so many rows take."""
    return table[0] if len(table) == 1 else table[2 * bisect_left(table[1::2], rows)]


def resolve(ask: Ask, most: int = MOST_ROWS) -> List[int]:
    """The table of what `ask` answers for each number of rows up to `most`, and "auto" beyond."""
    table: List[int] = [ask(1, 0)]
    for rows in range(2, most + 1):
        variant = ask(rows, 0)
        if variant != table[-1]:
            table += [rows - 1, variant]
    return [*table, most, 0]

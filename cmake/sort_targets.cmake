include_guard()

#[=======================================================================[.rst:
sort_targets
------------

Put targets such as ``sm_80`` and ``compute_120`` into the order in which every build has them, each once: machine code
first, by number. However they were asked for, the same targets give the same bytes.

.. code-block:: cmake

  sort_targets(<variable>)
#]=======================================================================]
function(sort_targets variable)
  foreach(kind IN ITEMS sm compute)
    set(${kind} ${${variable}})
    list(FILTER ${kind} INCLUDE REGEX "^${kind}_")
    list(SORT ${kind} COMPARE NATURAL)
  endforeach()
  set(sorted ${sm} ${compute})
  list(REMOVE_DUPLICATES sorted)
  set(${variable} "${sorted}" PARENT_SCOPE)
endfunction()

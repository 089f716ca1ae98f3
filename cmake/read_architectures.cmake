include_guard()
include(sort_targets)

#[=======================================================================[.rst:
read_architectures
------------------

Read a list such as ``8.0,9.0a,12.0+PTX``; commas, semicolons and spaces separate. ``80`` is read as ``8.0``.

.. code-block:: cmake

  read_architectures(<text> <targets> <problem>)

Result Variables
^^^^^^^^^^^^^^^^
  <targets>  list of ``sm_80`` (machine code) and ``compute_120`` (PTX), sorted by sort_targets
  <problem>  empty, or why there is no list
#]=======================================================================]
function(read_architectures text targets problem)
  set(${targets} "" PARENT_SCOPE)
  set(${problem} "" PARENT_SCOPE)
  string(REGEX REPLACE "[, ;]+" ";" items "${text}")
  set(all "")
  foreach(item IN LISTS items)
    if(NOT item MATCHES "^([0-9]+)\\.?([0-9])([af]?)(\\+PTX)?$")
      set(${problem} "`${item}` is not an architecture; write 8.0, 9.0a or 12.0+PTX" PARENT_SCOPE)
      return()
    endif()
    set(name "${CMAKE_MATCH_1}${CMAKE_MATCH_2}${CMAKE_MATCH_3}")
    list(APPEND all "sm_${name}")
    if(CMAKE_MATCH_4)
      list(APPEND all "compute_${name}")
    endif()
  endforeach()
  sort_targets(all)
  set(${targets} "${all}" PARENT_SCOPE)
endfunction()

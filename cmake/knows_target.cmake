include_guard()

#[=======================================================================[.rst:
knows_target
------------

Whether a toolkit, in the words of try_nvcc, compiles for a target of one architecture alone (``sm_90a``) or of one family
(``sm_100f``): nvcc lists neither. Source: PTX ISA, "Release History": 8.0 (CUDA 12.0), 8.8 (CUDA 12.9).

.. code-block:: cmake

  knows_target(<known> <toolkit> <target>)

Result Variables
^^^^^^^^^^^^^^^^
  <known>  TRUE or FALSE
#]=======================================================================]
function(knows_target known toolkit target)
  string(REGEX MATCH "nvcc V([0-9.]+)" _ "${toolkit}")
  set(version "${CMAKE_MATCH_1}")
  set(since 0)
  if(target MATCHES "a$")
    set(since 12.0)
  elseif(target MATCHES "f$")
    set(since 12.9)
  endif()
  set(${known} FALSE PARENT_SCOPE)
  if(version VERSION_GREATER_EQUAL since)
    set(${known} TRUE PARENT_SCOPE)
  endif()
endfunction()

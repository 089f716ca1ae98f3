include_guard()

#[=======================================================================[.rst:
find_nvcc
---------

Find the nvcc that is to compile the device code, and say how it was found.

.. code-block:: cmake

  find_nvcc(<nvcc> <found_via>)

The order is torch's, after what was asked for by name: ``ENVDOCTOR_NVCC``, ``CUDACXX``, ``CUDA_HOME``,
``CUDA_PATH``, the search path, ``/usr/local/cuda``. What a person names is taken even when it does not exist: a
named nvcc that is not there is reported, never replaced by another one.

Result Variables
^^^^^^^^^^^^^^^^
  <nvcc>       path, or empty when there is none
  <found_via>  the name of the place that answered, or where was looked
#]=======================================================================]
function(find_nvcc nvcc found_via)
  if(ENVDOCTOR_NVCC)
    set(${nvcc} "${ENVDOCTOR_NVCC}" PARENT_SCOPE)
    set(${found_via} "ENVDOCTOR_NVCC" PARENT_SCOPE)
    return()
  endif()
  if(DEFINED ENV{CUDACXX} AND NOT "$ENV{CUDACXX}" STREQUAL "")
    set(named "$ENV{CUDACXX}")
    if(NOT IS_ABSOLUTE "${named}")
      find_program(ENVDOCTOR_NVCC_BY_NAME "${named}" NO_DEFAULT_PATH PATHS ENV PATH)
      mark_as_advanced(ENVDOCTOR_NVCC_BY_NAME)
      if(ENVDOCTOR_NVCC_BY_NAME)
        set(named "${ENVDOCTOR_NVCC_BY_NAME}")
      endif()
    endif()
    set(${nvcc} "${named}" PARENT_SCOPE)
    set(${found_via} "CUDACXX" PARENT_SCOPE)
    return()
  endif()
  foreach(variable IN ITEMS CUDA_HOME CUDA_PATH)
    if(DEFINED ENV{${variable}} AND NOT "$ENV{${variable}}" STREQUAL "")
      set(${nvcc} "$ENV{${variable}}/bin/nvcc" PARENT_SCOPE)
      set(${found_via} "${variable}" PARENT_SCOPE)
      return()
    endif()
  endforeach()
  # PATH alone: CMake's own list of folders would answer with an nvcc that no shell would start.
  find_program(ENVDOCTOR_NVCC_ON_PATH nvcc NO_DEFAULT_PATH PATHS ENV PATH)
  mark_as_advanced(ENVDOCTOR_NVCC_ON_PATH)
  if(ENVDOCTOR_NVCC_ON_PATH)
    set(${nvcc} "${ENVDOCTOR_NVCC_ON_PATH}" PARENT_SCOPE)
    set(${found_via} "PATH" PARENT_SCOPE)
  elseif(EXISTS "/usr/local/cuda/bin/nvcc")
    set(${nvcc} "/usr/local/cuda/bin/nvcc" PARENT_SCOPE)
    set(${found_via} "/usr/local/cuda" PARENT_SCOPE)
  else()
    set(${nvcc} "" PARENT_SCOPE)
    set(${found_via} "CUDACXX, CUDA_HOME, CUDA_PATH, PATH, /usr/local/cuda" PARENT_SCOPE)
  endif()
endfunction()

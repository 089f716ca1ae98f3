include_guard()
include(read_architectures)

# Built when nobody says otherwise and no GPU is here to ask: every generation of data centre and desktop GPUs that
# still has a following. What a toolkit does not know is left out; the newest that is left also goes in as PTX. Code for
# 8.0 runs on 8.6 and 8.9 too, and the kernels use nothing that those have more: a third of the compile time is saved.
set(ENVDOCTOR_DEFAULT_ARCHS 7.5 8.0 9.0 10.0 12.0)

#[=======================================================================[.rst:
choose_architectures
--------------------

Choose what the device code is compiled for: what was asked for, else the GPUs present, else a default list that
the toolkit supports, with PTX for the newest.

.. code-block:: cmake

  choose_architectures(<nvcc> <targets> <why> <problem>)

A request is a list as read_architectures reads it, taken whole or not at all: an architecture that the
toolkit does not know is a problem, never dropped.

Result Variables
^^^^^^^^^^^^^^^^
  <targets>  see read_architectures
  <why>      a sentence part that says where the list is from
  <problem>  empty, or why there is no list
#]=======================================================================]
function(choose_architectures nvcc targets why problem)
  set(${problem} "" PARENT_SCOPE)
  execute_process(
    COMMAND "${nvcc}" --list-gpu-arch
    OUTPUT_VARIABLE listed
    ERROR_VARIABLE listed
    RESULT_VARIABLE status)
  string(REGEX MATCHALL "compute_[0-9]+" known "${listed}")
  if(NOT status EQUAL 0 OR NOT known)
    string(STRIP "${listed}" listed)
    set(${problem} "`${nvcc} --list-gpu-arch` failed (${status}): ${listed}" PARENT_SCOPE)
    return()
  endif()
  list(TRANSFORM known REPLACE "compute_" "")

  if(ENVDOCTOR_CUDA_ARCHS)
    set(wanted "${ENVDOCTOR_CUDA_ARCHS}")
    set(${why} "as asked for" PARENT_SCOPE)
    set(strict TRUE)
  else()
    execute_process(
      COMMAND nvidia-smi --query-gpu=compute_cap --format=csv,noheader
      OUTPUT_VARIABLE present
      ERROR_QUIET
      RESULT_VARIABLE status)
    string(REGEX MATCHALL "[0-9]+\\.[0-9]+" wanted "${present}")
    set(strict FALSE)
    if(status EQUAL 0 AND wanted)
      list(REMOVE_DUPLICATES wanted)
      set(${why} "for the GPUs of this machine" PARENT_SCOPE)
    else()
      set(wanted ${ENVDOCTOR_DEFAULT_ARCHS})
      set(${why} "the default list, as far as this toolkit knows it: none was asked for and no GPU is here"
          PARENT_SCOPE)
    endif()
  endif()

  read_architectures("${wanted}" asked unread)
  if(unread)
    set(${problem} "${unread}" PARENT_SCOPE)
    return()
  endif()
  set(chosen "")
  foreach(target IN LISTS asked)
    string(REGEX MATCH "[0-9]+" number "${target}")
    if(number IN_LIST known)
      list(APPEND chosen "${target}")
      set(newest "${number}")
    elseif(strict)
      list(JOIN known ", " known)
      string(REGEX REPLACE "(.)$" ".\\1" number "${number}")
      set(${problem} "this toolkit cannot compile for ${number}; it knows ${known}" PARENT_SCOPE)
      return()
    endif()
  endforeach()

  if(NOT strict)
    if(NOT chosen)
      # GPUs newer (PTX helps) or older (nothing does) than the toolkit.
      list(JOIN wanted ", " wanted)
      set(${problem} "this toolkit knows none of ${wanted}" PARENT_SCOPE)
      return()
    endif()
    list(APPEND chosen "compute_${newest}")
  endif()
  set(${targets} "${chosen}" PARENT_SCOPE)
endfunction()

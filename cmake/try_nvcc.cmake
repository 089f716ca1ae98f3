include_guard()
include(compile_fatbin_command)

#[=======================================================================[.rst:
try_nvcc
--------

Compile a small file for one target by ``ENVDOCTOR_NVCC_PATH``, and learn which compiler and assembler it starts.

.. code-block:: cmake

  try_nvcc(<target> <toolkit> <said>)

An nvcc that runs can still miss its own parts, refuse the host compiler, or have parts of several versions.

Result Variables
^^^^^^^^^^^^^^^^
  <toolkit>  the versions of nvcc, cicc and ptxas in one line
  <said>     empty, or what it said when it failed
#]=======================================================================]
function(try_nvcc target toolkit said)
  set(${said} "" PARENT_SCOPE)
  set(folder "${PROJECT_BINARY_DIR}/trial")
  file(REMOVE_RECURSE "${folder}")
  file(MAKE_DIRECTORY "${folder}")
  file(WRITE "${folder}/trial.cu" "extern \"C\" __global__ void trial(int* out) { *out = 1; }\n")
  set(ENVDOCTOR_NVCC_LAUNCHER "")
  compile_fatbin_command(command "${folder}/trial.cu" "${folder}/trial.fatbin" "${target}")
  execute_process(
    COMMAND ${command} -keep -keep-dir "${folder}"
    WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}"
    OUTPUT_VARIABLE output
    ERROR_VARIABLE output
    RESULT_VARIABLE status)
  if(NOT status EQUAL 0)
    string(STRIP "${output}" output)
    set(${said} "failed (${status}): ${output}" PARENT_SCOPE)
    return()
  endif()
  file(READ "${folder}/trial.fatbin" header LIMIT 8 HEX)
  if(NOT header STREQUAL "50ed55ba01001000")
    set(${said} "wrote a fatbin of another kind (${header}) than this project can join" PARENT_SCOPE)
    return()
  endif()
  execute_process(COMMAND "${ENVDOCTOR_NVCC_PATH}" --version OUTPUT_VARIABLE nvcc ERROR_QUIET)
  file(STRINGS "${folder}/trial.ptx" cicc REGEX "release|Build")
  file(STRINGS "${folder}/trial.cubin" ptxas REGEX "release|Build")
  set(parts "")
  foreach(part IN ITEMS nvcc cicc ptxas)
    string(REGEX MATCHALL "V[0-9.]+|CL-[0-9]+|cuda_[0-9][^ \n;]*" found "${${part}}")
    list(JOIN found " " found)
    list(APPEND parts "${part} ${found}")
  endforeach()
  list(JOIN parts ", " parts)
  set(${toolkit} "${parts}" PARENT_SCOPE)
endfunction()

include_guard()
include(choose_architectures)
include(find_nvcc)
include(read_shards)
include(try_launcher)
include(try_nvcc)

#[=======================================================================[.rst:
decide_cuda
-----------

Decide whether the library carries device code, for which architectures, and say why in one line.

.. code-block:: cmake

  decide_cuda(<targets> <note>)

``ENVDOCTOR_CUDA=ON``, or a list in ``ENVDOCTOR_CUDA_ARCHS``, asks for it: what is then not possible stops the build.
``AUTO`` builds the CPU library when it is not possible. A small file is compiled for the first architecture before the
answer is yes. ``ENVDOCTOR_CUDA_SHARDS`` asks for it, too: then nothing is compiled, and no nvcc is looked for.

Result Variables
^^^^^^^^^^^^^^^^
  <targets>  see sort_targets; empty: no device code
  <note>     empty, or why there is none: without paths, since the library repeats it on every machine it goes to
  ENVDOCTOR_SHARDS  the fatbins of read_shards
  ENVDOCTOR_TOOLKIT  see try_nvcc
  ENVDOCTOR_NVCC_PATH, ENVDOCTOR_NVCC_LAUNCHER  see compile_fatbin_command
#]=======================================================================]
function(decide_cuda targets note)
  set(${targets} "" PARENT_SCOPE)
  string(TOUPPER "${ENVDOCTOR_CUDA}" asked)
  if(asked STREQUAL "AUTO" AND ENVDOCTOR_CUDA_ARCHS)
    set(asked ON)
  endif()
  if(ENVDOCTOR_CUDA_SHARDS)
    read_shards("${PROJECT_SOURCE_DIR}" fatbins chosen toolkit problem)
    if(NOT asked STREQUAL "AUTO" AND NOT asked)
      set(problem "CUDA was switched off, and shards were named; leave out one of the two")
    endif()
    if(problem)
      message(FATAL_ERROR "envdoctor: these shards cannot be joined: ${problem}.")
    endif()
    set(ENVDOCTOR_SHARDS "${fatbins}" PARENT_SCOPE)
    set(ENVDOCTOR_TOOLKIT "${toolkit}" PARENT_SCOPE)
    set(${targets} "${chosen}" PARENT_SCOPE)
    set(${note} "" PARENT_SCOPE)
    list(JOIN chosen ", " chosen)
    message(STATUS "envdoctor: device code for ${chosen} out of shards, compiled by ${toolkit}")
    return()
  endif()
  if(NOT asked STREQUAL "AUTO" AND NOT asked)
    set(${note} "built with CUDA switched off" PARENT_SCOPE)
    message(STATUS "envdoctor: CPU library, no device code: CUDA was switched off")
    return()
  endif()

  find_nvcc(nvcc found_via)
  set(ENVDOCTOR_NVCC_PATH "${nvcc}")
  set(problem "")
  if(NOT nvcc)
    set(short "no nvcc was found")
    set(problem "no nvcc was found (looked at ${found_via})")
  elseif(NOT EXISTS "${nvcc}")
    set(short "nvcc was not where it was said to be")
    set(problem "${found_via} leads to ${nvcc}, which does not exist")
  else()
    set(short "nvcc did not work")
    choose_architectures("${nvcc}" chosen why problem)
  endif()
  if(NOT problem)
    execute_process(COMMAND "${nvcc}" --version OUTPUT_VARIABLE banner ERROR_QUIET)
    string(REGEX MATCH "V([0-9.]+)" _ "${banner}")
    set(version "${CMAKE_MATCH_1}")
    list(GET chosen 0 first)
    try_nvcc("${first}" toolkit said)
    if(said)
      string(REGEX MATCH "[^\n]*(error|fatal|not found)[^\n]*" key_line "${said}")
      if(asked STREQUAL "AUTO" AND key_line)
        set(said "${key_line}")
      else()
        # CMake folds lines, but not those that are indented.
        string(REPLACE "\n" "\n    " said "\n${said}\n")
      endif()
      set(problem "${nvcc} ${version} (by ${found_via}) cannot compile a trial file for ${first}: ${said}")
      set(short "nvcc ${version} could not compile a trial file")
    endif()
  endif()

  if(NOT problem)
    set(ENVDOCTOR_TOOLKIT "${toolkit}")
    try_launcher("${first}")
    set(ENVDOCTOR_TOOLKIT "${toolkit}" PARENT_SCOPE)
    set(ENVDOCTOR_NVCC_LAUNCHER "${ENVDOCTOR_NVCC_LAUNCHER}" PARENT_SCOPE)
    set(ENVDOCTOR_NVCC_PATH "${nvcc}" PARENT_SCOPE)
    set(${targets} "${chosen}" PARENT_SCOPE)
    set(${note} "" PARENT_SCOPE)
    list(JOIN chosen ", " chosen)
    message(STATUS "envdoctor: device code for ${chosen} (${why}), by nvcc ${version}: ${nvcc} (by ${found_via})")
  elseif(asked STREQUAL "AUTO")
    set(${note} "built without CUDA: ${short}" PARENT_SCOPE)
    message(STATUS "envdoctor: CPU library, no device code: ${problem}")
  else()
    message(FATAL_ERROR "envdoctor: CUDA was asked for and is not possible: ${problem}\n"
                        "Name a toolkit with CUDA_HOME, ask for other architectures (cuda.archs), "
                        "or build the CPU library with cuda=off.")
  endif()
endfunction()

include_guard()

set(ENVDOCTOR_IS_CACHE "(^|[/;])s?ccache(;|$)")

#[=======================================================================[.rst:
choose_cache
------------

Choose the compiler cache that compilers are run by, and say so in one line.

.. code-block:: cmake

  choose_cache(<for_nvcc>)

``ENVDOCTOR_CACHE`` is ``AUTO`` (the first of ccache and sccache on the search path, if there is one), ``OFF``,
``ccache`` or ``sccache`` (or stop). What the caller has set (CMAKE_<LANG>_COMPILER_LAUNCHER, for CUDA too, as a define
or in the environment) is taken before what AUTO finds.

ccache first: it serves a build in less time, and leaves no server behind.

Result Variables
^^^^^^^^^^^^^^^^
  <for_nvcc>  what to run nvcc by; empty: nothing
  CMAKE_C_COMPILER_LAUNCHER, CMAKE_CXX_COMPILER_LAUNCHER  as CMake has them
#]=======================================================================]
function(choose_cache for_nvcc)
  string(TOLOWER "${ENVDOCTOR_CACHE}" asked)
  set(found "")
  if(asked)
    _find_cache("${asked}" found)
  endif()
  # CMake reads the environment for languages that are switched on.
  if(NOT CMAKE_CUDA_COMPILER_LAUNCHER)
    set(CMAKE_CUDA_COMPILER_LAUNCHER "$ENV{CMAKE_CUDA_COMPILER_LAUNCHER}")
  endif()
  if(NOT CMAKE_CUDA_COMPILER_LAUNCHER AND CMAKE_CXX_COMPILER_LAUNCHER MATCHES "${ENVDOCTOR_IS_CACHE}")
    set(CMAKE_CUDA_COMPILER_LAUNCHER "${CMAKE_CXX_COMPILER_LAUNCHER}")
  endif()
  foreach(language IN ITEMS C CXX CUDA)
    set(launcher "${CMAKE_${language}_COMPILER_LAUNCHER}")
    get_filename_component(compiler "${CMAKE_${language}_COMPILER}" REALPATH)
    if(asked STREQUAL "auto" AND launcher)
      set(launcher_${language} "${launcher}")
    elseif(compiler MATCHES "${ENVDOCTOR_IS_CACHE}" OR (NOT asked AND launcher MATCHES "${ENVDOCTOR_IS_CACHE}"))
      # The first: a link of the compiler's name that leads to ccache.
      set(launcher_${language} "")
    elseif(found)
      set(launcher_${language} "${found}")
    else()
      set(launcher_${language} "${launcher}")
    endif()
  endforeach()
  set(CMAKE_C_COMPILER_LAUNCHER "${launcher_C}" PARENT_SCOPE)
  set(CMAKE_CXX_COMPILER_LAUNCHER "${launcher_CXX}" PARENT_SCOPE)
  set(${for_nvcc} "${launcher_CUDA}" PARENT_SCOPE)
  set(launchers ${launcher_C} ${launcher_CXX} ${launcher_CUDA})
  list(REMOVE_DUPLICATES launchers)
  if(launchers)
    list(JOIN launchers " " launchers)
    message(STATUS "envdoctor: compilers are run by ${launchers}")
  endif()
endfunction()

# What ENVDOCTOR_CACHE leads to on the search path; nothing where AUTO finds nothing.
function(_find_cache asked program)
  set(names "${ENVDOCTOR_CACHE}")
  if(asked STREQUAL "auto")
    set(names ccache sccache)
  endif()
  unset(ENVDOCTOR_CACHE_PROGRAM CACHE)
  find_program(ENVDOCTOR_CACHE_PROGRAM NAMES ${names} NO_DEFAULT_PATH PATHS ENV PATH)
  mark_as_advanced(ENVDOCTOR_CACHE_PROGRAM)
  if(ENVDOCTOR_CACHE_PROGRAM)
    set(${program} "${ENVDOCTOR_CACHE_PROGRAM}" PARENT_SCOPE)
  elseif(asked STREQUAL "auto")
    set(${program} "" PARENT_SCOPE)
  else()
    message(FATAL_ERROR "envdoctor: ${names} was asked for and is not on the search path; install it, or build with cache=off.")
  endif()
endfunction()

include_guard()
include(compile_fatbin_command)

#[=======================================================================[.rst:
try_launcher
------------

Drop ``ENVDOCTOR_NVCC_LAUNCHER`` of the caller, with a word, unless nvcc makes the same of try_nvcc's file through it:
a cache is never worth a build that fails.

.. code-block:: cmake

  try_launcher(<target>)
#]=======================================================================]
function(try_launcher target)
  if(NOT ENVDOCTOR_NVCC_LAUNCHER)
    return()
  endif()
  set(folder "${PROJECT_BINARY_DIR}/trial")
  compile_fatbin_command(command "${folder}/trial.cu" "${folder}/launched.fatbin" "${target}")
  # Not part of the build: it does not count in what the build had of the cache.
  execute_process(
    COMMAND "${CMAKE_COMMAND}" -E env --unset=CCACHE_STATSLOG ${command}
    WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}"
    OUTPUT_VARIABLE output
    ERROR_VARIABLE output
    RESULT_VARIABLE status)
  set(plain "none")
  set(launched "nothing")
  if(status EQUAL 0)
    file(SHA256 "${folder}/trial.fatbin" plain)
    file(SHA256 "${folder}/launched.fatbin" launched)
    set(output "it came out otherwise")
  endif()
  if(NOT plain STREQUAL launched)
    string(STRIP "${output}" output)
    message(STATUS "envdoctor: nvcc is run without ${ENVDOCTOR_NVCC_LAUNCHER}, which failed (${status}): ${output}")
    set(ENVDOCTOR_NVCC_LAUNCHER "" PARENT_SCOPE)
  endif()
endfunction()

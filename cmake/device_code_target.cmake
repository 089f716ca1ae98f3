include_guard()

#[=======================================================================[.rst:
device_code_target
------------------

The target ``device_code``: all that nvcc compiles, in the folder ``device_code`` of the build, with a manifest that
is written last. That folder is a shard, and a build of several needs no nvcc (read_shards).

.. code-block:: cmake

  device_code_target()

To be called where all fatbins are known.
#]=======================================================================]
function(device_code_target)
  get_property(fatbins GLOBAL PROPERTY ENVDOCTOR_FATBINS)
  if(NOT fatbins)
    return()
  endif()
  set(folder "${PROJECT_BINARY_DIR}/device_code")
  set(script "${PROJECT_BINARY_DIR}/write_manifest.cmake")
  list(JOIN ENVDOCTOR_DEVICE_ARCHS " " targets)
  list(JOIN ENVDOCTOR_NVCC_FLAGS " " flags)
  configure_file("${PROJECT_SOURCE_DIR}/cmake/write_manifest.cmake.in" "${script}" @ONLY)
  add_custom_target(
    device_code
    COMMAND "${CMAKE_COMMAND}" -P "${script}"
    COMMENT "Writing ${folder}/manifest.txt"
    VERBATIM)
  get_property(images GLOBAL PROPERTY ENVDOCTOR_IMAGES)
  add_dependencies(device_code ${images})
endfunction()

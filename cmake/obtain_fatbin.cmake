include_guard()
include(compile_fatbin_command)

#[=======================================================================[.rst:
obtain_fatbin
-------------

The device code of one ``.cu`` file for one architecture: from a shard where the build is made of those, else compiled.

.. code-block:: cmake

  obtain_fatbin(<fatbin> <name> <source> <targets>)

What is compiled lies in ``device_code/<name>.fatbin`` of the build folder; device_code_target makes a shard of that
folder.

Result Variables
^^^^^^^^^^^^^^^^
  <fatbin>  path of the file, which exists now or when the build has made it
#]=======================================================================]
function(obtain_fatbin fatbin name source targets)
  if(ENVDOCTOR_SHARDS)
    foreach(file IN LISTS ENVDOCTOR_SHARDS)
      get_filename_component(found "${file}" NAME)
      if(found STREQUAL "${name}.fatbin")
        set(${fatbin} "${file}" PARENT_SCOPE)
        return()
      endif()
    endforeach()
    message(FATAL_ERROR "envdoctor: no shard has ${name}.fatbin; compile the shards again from these sources.")
  endif()
  set(output "${PROJECT_BINARY_DIR}/device_code/${name}.fatbin")
  file(MAKE_DIRECTORY "${PROJECT_BINARY_DIR}/device_code") # ninja makes the folders of what it builds, make does not
  compile_fatbin_command(command "${source}" "${output}" "${targets}")
  file(GLOB headers "${CMAKE_CURRENT_SOURCE_DIR}/*.h" "${CMAKE_CURRENT_SOURCE_DIR}/*.cuh" "${PROJECT_SOURCE_DIR}/cpp/common/*.h"
       "${PROJECT_SOURCE_DIR}/cpp/common/*.cuh")
  add_custom_command(
    OUTPUT "${output}"
    COMMAND ${command}
    DEPENDS "${source}" ${headers}
    WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}"
    COMMENT "Compiling device code ${name}"
    VERBATIM)
  set_property(GLOBAL APPEND PROPERTY ENVDOCTOR_FATBINS "${name}.fatbin")
  set(${fatbin} "${output}" PARENT_SCOPE)
endfunction()

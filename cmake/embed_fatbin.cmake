include_guard()
include(compile_fatbin_command)
include(kernel_variant)

#[=======================================================================[.rst:
embed_fatbin
------------

Compile one ``.cu`` file of a kernel family for the chosen architectures and put the result into the library as data,
an image with the name ``<family>_<file>``.

.. code-block:: cmake

  embed_fatbin(<family> <source> [<target>...])

The library finds its images by itself (cpp/common/device_images.h): each is an entry in a linker section of that
name, so nothing lists them. Does nothing when the build has no device code.

With targets such as ``sm_90a`` it is compiled for those alone, and only where the build is for that architecture too.
#]=======================================================================]
function(embed_fatbin family source)
  if(NOT ENVDOCTOR_DEVICE_ARCHS)
    return()
  endif()
  set(archs ${ENVDOCTOR_DEVICE_ARCHS})
  if(ARGN)
    set(archs "")
    foreach(target IN LISTS ARGN)
      string(REGEX MATCH "[0-9]+" number "${target}")
      if(ENVDOCTOR_DEVICE_ARCHS MATCHES "sm_${number}(a|f)?(;|$)")
        list(APPEND archs "${target}")
      endif()
    endforeach()
    if(NOT archs)
      return()
    endif()
  endif()
  get_filename_component(stem "${source}" NAME_WE)
  get_filename_component(source "${source}" ABSOLUTE)
  set(image "${family}_${stem}")
  set(fatbin "${CMAKE_CURRENT_BINARY_DIR}/${image}.fatbin")
  compile_fatbin_command(command "${source}" "${fatbin}" "${archs}")
  file(GLOB headers "${CMAKE_CURRENT_SOURCE_DIR}/*.h" "${PROJECT_SOURCE_DIR}/cpp/common/*.h" "${PROJECT_SOURCE_DIR}/cpp/common/*.cuh")
  add_custom_command(
    OUTPUT "${fatbin}"
    COMMAND ${command}
    DEPENDS "${source}" ${headers}
    WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}"
    COMMENT "Compiling device code ${image}"
    VERBATIM)

  list(JOIN archs "," archs)
  set(holder "${CMAKE_CURRENT_BINARY_DIR}/${stem}_fatbin.c")
  configure_file("${PROJECT_SOURCE_DIR}/cmake/fatbin.c.in" "${holder}" @ONLY)
  set_source_files_properties("${holder}" PROPERTIES OBJECT_DEPENDS "${fatbin}")
  kernel_variant(${family} "${holder}")
endfunction()

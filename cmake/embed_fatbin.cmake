include_guard()
include(kernel_variant)
include(knows_target)
include(obtain_fatbin)

#[=======================================================================[.rst:
embed_fatbin
------------

Put the code of one ``.cu`` file of a kernel family for the chosen architectures into the library as data, an image with
the name ``<family>_<file>``.

.. code-block:: cmake

  embed_fatbin(<family> <source> [<target>...])

The library finds its images by itself (cpp/common/device_images.h): each is an entry in a linker section of that
name, so nothing lists them. Does nothing when the build has no device code.

Each architecture has a fatbin of its own, compiled here or elsewhere (obtain_fatbin); the assembler joins them, so that
one build and one of shards give the same bytes, and nothing of CUDA is needed for that.

With targets such as ``sm_90a`` it is compiled for those alone, and only where the build is for that architecture too and
the toolkit knows the target: the family has other code for that GPU.
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
        knows_target(known "${ENVDOCTOR_TOOLKIT}" "${target}")
        if(known)
          list(APPEND archs "${target}")
        else()
          message(STATUS "envdoctor: ${family}/${source} is left out: this toolkit does not know ${target}")
        endif()
      endif()
    endforeach()
    if(NOT archs)
      return()
    endif()
  endif()
  get_filename_component(stem "${source}" NAME_WE)
  get_filename_component(source "${source}" ABSOLUTE)
  set(image "${family}_${stem}")
  string(REGEX MATCHALL "[0-9]+[af]?" numbers "${archs}")
  list(REMOVE_DUPLICATES numbers)
  list(SORT numbers COMPARE NATURAL)
  set(fatbins "")
  set(images "")
  foreach(number IN LISTS numbers)
    set(targets ${archs})
    list(FILTER targets INCLUDE REGEX "_${number}$")
    obtain_fatbin(fatbin "${image}.${number}" "${source}" "${targets}")
    list(APPEND fatbins "${fatbin}")
    string(APPEND images "        \".incbin \\\"${fatbin}\\\", 16\\n\"\n")
  endforeach()

  list(JOIN archs "," archs)
  set(holder "${CMAKE_CURRENT_BINARY_DIR}/${stem}_fatbin.c")
  configure_file("${PROJECT_SOURCE_DIR}/cmake/fatbin.c.in" "${holder}" @ONLY)
  set_source_files_properties("${holder}" PROPERTIES OBJECT_DEPENDS "${fatbins}")
  kernel_variant(${family} "${holder}" "-ffile-prefix-map=${PROJECT_BINARY_DIR}=build")
  # Never from a cache: sccache sees no change in a file that .incbin names, and would link device code of yesterday.
  set_target_properties(${image}_fatbin PROPERTIES C_COMPILER_LAUNCHER "")
  # A target of its own: make knows a file that is compiled elsewhere in the tree by its target alone.
  add_custom_target(${image}_device_code DEPENDS ${fatbins})
  add_dependencies(${image}_fatbin ${image}_device_code)
  set_property(GLOBAL APPEND PROPERTY ENVDOCTOR_IMAGES ${image}_device_code)
endfunction()

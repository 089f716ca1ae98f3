include_guard()
include(plain_library)

#[=======================================================================[.rst:
kernel_variant
--------------

Compile one source file of a kernel family into the library, with flags of its own.

.. code-block:: cmake

  kernel_variant(<family> <source> [<flag>...])

The flags reach this file alone: a flag such as ``-mavx2`` on more would let the compiler put AVX2 into code that runs
before the dispatch has asked the processor.
#]=======================================================================]
function(kernel_variant family source)
  get_filename_component(stem "${source}" NAME_WE)
  set(variant "${family}_${stem}")
  add_library(${variant} OBJECT "${source}")
  plain_library(${variant})
  target_include_directories(${variant} PRIVATE "${PROJECT_SOURCE_DIR}/cpp")
  target_compile_options(${variant} PRIVATE ${ARGN})
  target_sources(envdoctor_kernels PRIVATE $<TARGET_OBJECTS:${variant}>)
endfunction()

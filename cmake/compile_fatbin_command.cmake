include_guard()

# What decides the machine code besides the sources, the toolkit and the architecture: shards must agree on it.
set(ENVDOCTOR_NVCC_FLAGS -Xfatbin=-compress-all -std=c++17 -O3 -Icpp)

#[=======================================================================[.rst:
compile_fatbin_command
----------------------

The nvcc command line that compiles one ``.cu`` file to a fatbin.

.. code-block:: cmake

  compile_fatbin_command(<command> <source> <output> <targets>)

Plain nvcc instead of CMake's CUDA language, for three reasons. That language links a test program against
cudart_static, which toolkits from wheels and split distribution packages often cannot; ``-fatbin`` stops before
any linking, so a compiler and its headers are enough. It would compile host stubs that need the CUDA runtime,
which the library does without. And whether to build device code at all is decided here, with a reason to print,
instead of in a compiler test that ends the configure step.

The host compiler of this build preprocesses for nvcc too, unless NVCC_CCBIN or CUDAHOSTCXX names another one.

It is to be run in PROJECT_SOURCE_DIR: with names relative to that the code comes out the same in every folder. Mapping
the folder away with -Xcompiler=-ffile-prefix-map would fail where its name has a space or a comma, which nvcc splits.

All targets are of one virtual architecture. Of several, ccache would preprocess the code for the first alone, and take
a change in what the others see for none; sccache runs what nvcc means to run one after the other at once, and fails.
#]=======================================================================]
function(compile_fatbin_command command source output targets)
  list(GET targets 0 virtual)
  string(REGEX REPLACE "^[a-z]+_" "compute_" virtual "${virtual}")
  list(JOIN targets "," codes)
  set(host "")
  if(DEFINED ENV{CUDAHOSTCXX} AND NOT "$ENV{CUDAHOSTCXX}" STREQUAL "")
    set(host "-ccbin=$ENV{CUDAHOSTCXX}")
  elseif(NOT DEFINED ENV{NVCC_CCBIN} OR "$ENV{NVCC_CCBIN}" STREQUAL "")
    set(host "-ccbin=${CMAKE_CXX_COMPILER}")
  endif()
  set(cached "")
  if(ENVDOCTOR_NVCC_LAUNCHER)
    # ccache looks at nvcc, which may be a wrapper, and at no program behind that.
    string(SHA256 toolkit "${ENVDOCTOR_TOOLKIT}")
    set(cached "-DENVDOCTOR_TOOLKIT=${toolkit}")
  endif()
  if(ENVDOCTOR_NVCC_LAUNCHER MATCHES "(^|[/;])ccache(;|$)")
    # It takes what has no -c for linking; nvcc does not mind, and sccache would make an object file.
    list(APPEND cached -c)
  endif()
  string(REPLACE "${PROJECT_SOURCE_DIR}/" "" source "${source}")
  set(${command}
      ${ENVDOCTOR_NVCC_LAUNCHER} "${ENVDOCTOR_NVCC_PATH}" -fatbin ${cached} ${ENVDOCTOR_NVCC_FLAGS} ${host}
      "-gencode=arch=${virtual},code=[${codes}]"
      -o "${output}" "${source}"
      PARENT_SCOPE)
endfunction()

include_guard()

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
#]=======================================================================]
function(compile_fatbin_command command source output targets)
  set(gencode "")
  foreach(target IN LISTS targets)
    string(REGEX REPLACE "^[a-z]+_" "compute_" virtual "${target}")
    list(APPEND gencode "-gencode=arch=${virtual},code=${target}")
  endforeach()
  set(host "")
  if(DEFINED ENV{CUDAHOSTCXX} AND NOT "$ENV{CUDAHOSTCXX}" STREQUAL "")
    set(host "-ccbin=$ENV{CUDAHOSTCXX}")
  elseif(NOT DEFINED ENV{NVCC_CCBIN} OR "$ENV{NVCC_CCBIN}" STREQUAL "")
    set(host "-ccbin=${CMAKE_CXX_COMPILER}")
  endif()
  string(REPLACE "${PROJECT_SOURCE_DIR}/" "" source "${source}")
  set(${command}
      "${ENVDOCTOR_NVCC_PATH}" -fatbin -Xfatbin=-compress-all -std=c++17 -O3 ${host} ${gencode}
      -Icpp
      -o "${output}" "${source}"
      PARENT_SCOPE)
endfunction()

include_guard()

#[=======================================================================[.rst:
plain_library
-------------

Make a target a library that needs nothing but libc and comes out the same in every folder.

.. code-block:: cmake

  plain_library(<target>)

- linked as C: a C++ feature that needs libstdc++ at run time is then a link error, not a new dependency
- no exceptions, no RTTI, hidden symbols: only what is marked ENVDOCTOR_API can be seen
- thread-local storage by offset: the general model would need the loader's own library by name
- no folder of this machine in the file: the project's is mapped away, and the build id is left out. Sources that the
  build writes map its own folder: for all, that option would keep sccache from knowing a file again in the next build
#]=======================================================================]
function(plain_library target)
  set_target_properties(
    ${target}
    PROPERTIES LINKER_LANGUAGE C
               POSITION_INDEPENDENT_CODE ON
               C_VISIBILITY_PRESET hidden
               CXX_VISIBILITY_PRESET hidden
               BUILD_RPATH_USE_ORIGIN ON
               SKIP_BUILD_RPATH ON)
  target_compile_options(
    ${target}
    PRIVATE -Wall
            -Wextra
            -ftls-model=initial-exec
            "-ffile-prefix-map=${PROJECT_SOURCE_DIR}=."
            "$<$<COMPILE_LANGUAGE:CXX>:-fno-exceptions;-fno-rtti>")
  target_link_options(${target} PRIVATE -Wl,--build-id=none -Wl,--no-undefined -Wl,--as-needed)
endfunction()

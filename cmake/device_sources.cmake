include_guard()

#[=======================================================================[.rst:
device_sources
--------------

Every file that device code may be compiled from, with its checksum.

.. code-block:: cmake

  device_sources(<lines> <root>)

Result Variables
^^^^^^^^^^^^^^^^
  <lines>  list of ``source <sha256> cpp/...``, sorted
#]=======================================================================]
function(device_sources lines root)
  file(GLOB_RECURSE names RELATIVE "${root}" "${root}/cpp/*.cu" "${root}/cpp/*.cuh" "${root}/cpp/*.h")
  list(SORT names)
  set(found "")
  foreach(name IN LISTS names)
    file(SHA256 "${root}/${name}" sum)
    list(APPEND found "source ${sum} ${name}")
  endforeach()
  set(${lines} "${found}" PARENT_SCOPE)
endfunction()

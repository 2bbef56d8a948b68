# SPDX-License-Identifier: Apache-2.0
# LibTorch as the imported target gamut::libtorch: the two libraries that gamut calls, of a CPU or a CUDA build alike.
# LibTorch's own TorchConfig.cmake is not asked, since that of a CUDA build insists on NVIDIA's toolkit; gamut opens
# libtorch_cuda while it runs (src/gamut/nn/cuda.h).
#
# The first of these that holds LibTorch >= 2.11 is taken; one that is named must:
#   1. Torch_DIR, CMAKE_PREFIX_PATH        an unpacked LibTorch, or a folder `torch` of a Python environment
#   2. VIRTUAL_ENV, CONDA_PREFIX           `torch` of the activated Python environment
#   3. .venv beside the sources            what scripts/setup.sh installs
# As a script (cmake -DSOURCE=FOLDER -P LibTorch.cmake) it prints "VERSION FOLDER" and a line "missing LIBRARY…", or
# "old VERSION in 'FOLDER'" when the one that is named is, or nothing when there is none.
set(GAMUT_OLDEST_LIBTORCH 2.11)

# The LibTorch in or around `folder`, which may be its root, an environment, or where its CMake files lie; "" = none.
function(gamut_libtorch_root folder out)
  set(${out} "" PARENT_SCOPE)
  file(GLOB packages LIST_DIRECTORIES TRUE ${folder}/lib/python3*/site-packages/torch)
  foreach(candidate ${folder} ${folder}/.. ${folder}/../.. ${folder}/../../.. ${folder}/torch ${folder}/libtorch ${packages})
    if(EXISTS ${candidate}/lib/libtorch_cpu.so AND EXISTS ${candidate}/include/ATen/ATen.h)
      get_filename_component(root ${candidate} ABSOLUTE)
      set(${out} ${root} PARENT_SCOPE)
      return()
    endif()
  endforeach()
endfunction()

function(gamut_libtorch_version root out)
  set(version "")
  foreach(file include/torch/headeronly/version.h include/torch/csrc/api/include/torch/version.h)
    if(EXISTS ${root}/${file})
      file(STRINGS ${root}/${file} line REGEX "\"[0-9]+\\.[0-9.]+\"")
      if(line MATCHES "\"([0-9]+\\.[0-9.]+)\"")
        set(version ${CMAKE_MATCH_1})
        break()
      endif()
    endif()
  endforeach()
  set(${out} "${version}" PARENT_SCOPE)
endfunction()

# Sets GAMUT_LIBTORCH and GAMUT_LIBTORCH_VERSION, both "" when nothing fits; GAMUT_LIBTORCH_OLD when a named one does not.
function(gamut_find_libtorch source)
  string(REPLACE ":" ";" from_environment "$ENV{CMAKE_PREFIX_PATH}")
  set(named ${Torch_DIR} $ENV{Torch_DIR} ${CMAKE_PREFIX_PATH} ${from_environment})
  list(LENGTH named last_named)
  set(number 0)
  foreach(variable GAMUT_LIBTORCH GAMUT_LIBTORCH_VERSION GAMUT_LIBTORCH_OLD)
    set(${variable} "" PARENT_SCOPE)
  endforeach()
  foreach(folder ${named} $ENV{VIRTUAL_ENV} $ENV{CONDA_PREFIX} ${source}/.venv)
    math(EXPR number "${number} + 1")
    gamut_libtorch_root(${folder} root)
    if(NOT root)
      continue()
    endif()
    gamut_libtorch_version(${root} version)
    if(version VERSION_GREATER_EQUAL GAMUT_OLDEST_LIBTORCH)
      set(GAMUT_LIBTORCH ${root} PARENT_SCOPE)
      set(GAMUT_LIBTORCH_VERSION ${version} PARENT_SCOPE)
      return()
    elseif(NOT number GREATER last_named)
      set(GAMUT_LIBTORCH_OLD "${version} in '${root}'" PARENT_SCOPE)
      return()
    endif()
  endforeach()
endfunction()

# Whether it was built with c10d and Gloo, by which several processes train together. A library that cannot be read by grep
# counts as one that was, as every wheel is.
function(gamut_libtorch_has_c10d root out)
  execute_process(COMMAND grep -q -a -m 1 _ZTVN4c10d16ProcessGroupGlooE ${root}/lib/libtorch_cpu.so
                  RESULT_VARIABLE missing ERROR_QUIET)
  set(has TRUE)
  if(missing EQUAL 1 OR NOT EXISTS ${root}/include/torch/csrc/distributed/c10d/ProcessGroupGloo.hpp)
    set(has FALSE)
  endif()
  set(${out} ${has} PARENT_SCOPE)
endfunction()

# Libraries that gamut::libtorch needs and the loader would not find, such as those of a CUDA wheel without its companions.
function(gamut_libtorch_missing root out)
  set(missing "")
  execute_process(COMMAND ldd ${root}/lib/libtorch_cpu.so OUTPUT_VARIABLE needed ERROR_QUIET)
  string(REGEX MATCHALL "[^\n\t ]+ => not found" lines "${needed}")
  foreach(line ${lines})
    string(REPLACE " => not found" "" name ${line})
    list(APPEND missing ${name})
  endforeach()
  set(${out} "${missing}" PARENT_SCOPE)
endfunction()

# Sets GAMUT_LIBTORCH and GAMUT_LIBTORCH_VERSION or ends with what to do. `built_with` and `version`: the folder that an
# installed gamut was compiled against, taken while it is there, and the version that another one must be of.
function(gamut_choose_libtorch source built_with version)
  if(built_with AND EXISTS ${built_with}/lib/libtorch_cpu.so)
    set(GAMUT_LIBTORCH ${built_with})
    set(GAMUT_LIBTORCH_VERSION ${version})
  else()
    gamut_find_libtorch(${source})
  endif()
  if(GAMUT_LIBTORCH_OLD)
    message(FATAL_ERROR "[setup] LibTorch must be at least ${GAMUT_OLDEST_LIBTORCH}; got ${GAMUT_LIBTORCH_OLD}; "
            "name another in CMAKE_PREFIX_PATH, or none")
  endif()
  if(NOT GAMUT_LIBTORCH)
    message(FATAL_ERROR "[setup] no LibTorch was found; run scripts/setup.sh in gamut's sources, activate a Python environment "
            "that has torch >= ${GAMUT_OLDEST_LIBTORCH}, or name a LibTorch in CMAKE_PREFIX_PATH")
  endif()
  string(REGEX MATCH "^[0-9]+\\.[0-9]+" minor "${GAMUT_LIBTORCH_VERSION}")
  string(REGEX MATCH "^[0-9]+\\.[0-9]+" expected "${version}")
  if(expected AND NOT minor STREQUAL expected)
    message(FATAL_ERROR "[setup] gamut was built with LibTorch ${version}; got ${GAMUT_LIBTORCH_VERSION} in '${GAMUT_LIBTORCH}'; "
            "name one of the same minor version in CMAKE_PREFIX_PATH, or build gamut with this one")
  endif()
  gamut_libtorch_missing(${GAMUT_LIBTORCH} missing)
  if(missing)
    message(FATAL_ERROR "[setup] the LibTorch in '${GAMUT_LIBTORCH}' needs libraries that are not there: ${missing}; "
            "run scripts/setup.sh, or install torch with its dependencies into that environment")
  endif()
  message(STATUS "LibTorch ${GAMUT_LIBTORCH_VERSION}: ${GAMUT_LIBTORCH}")
  set(GAMUT_LIBTORCH ${GAMUT_LIBTORCH} PARENT_SCOPE)
  set(GAMUT_LIBTORCH_VERSION ${GAMUT_LIBTORCH_VERSION} PARENT_SCOPE)
endfunction()

# ours: a folder whose nlohmann/json comes before the one that some LibTorch wheels carry, whose types do not link with it.
function(gamut_import_libtorch root ours)
  foreach(library c10 torch_cpu)
    add_library(gamut::lib${library} SHARED IMPORTED GLOBAL)
    set_target_properties(gamut::lib${library} PROPERTIES IMPORTED_LOCATION ${root}/lib/lib${library}.so)
  endforeach()
  # The libraries were built for one of libstdc++'s two ABIs; their symbols say which.
  file(STRINGS ${root}/lib/libc10.so new_abi REGEX "__cxx11" LIMIT_COUNT 1)
  if(new_abi)
    set(abi 1)
  else()
    set(abi 0)
  endif()
  add_library(gamut::libtorch INTERFACE IMPORTED GLOBAL)
  # What libtorch_cpu itself needs is found by its own RUNPATH. OpenMP: at::parallel_for stands in the headers.
  set_target_properties(gamut::libtorch PROPERTIES
    INTERFACE_COMPILE_DEFINITIONS _GLIBCXX_USE_CXX11_ABI=${abi}
    INTERFACE_INCLUDE_DIRECTORIES "${ours};${root}/include;${root}/include/torch/csrc/api/include"
    INTERFACE_LINK_OPTIONS "-fopenmp;-Wl,--allow-shlib-undefined"
    INTERFACE_LINK_LIBRARIES "gamut::libtorch_cpu;gamut::libc10")
endfunction()

if(CMAKE_SCRIPT_MODE_FILE STREQUAL CMAKE_CURRENT_LIST_FILE)
  gamut_find_libtorch(${SOURCE})
  if(GAMUT_LIBTORCH_OLD)
    execute_process(COMMAND ${CMAKE_COMMAND} -E echo "old ${GAMUT_LIBTORCH_OLD}")
  elseif(GAMUT_LIBTORCH)
    gamut_libtorch_missing(${GAMUT_LIBTORCH} missing)
    execute_process(COMMAND ${CMAKE_COMMAND} -E echo "${GAMUT_LIBTORCH_VERSION} ${GAMUT_LIBTORCH}")
    if(missing)
      execute_process(COMMAND ${CMAKE_COMMAND} -E echo "missing ${missing}")
    endif()
  endif()
endif()

# Compiler cache, linker and flags shared by every target.
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()

# -fPIC as a plain option: the precompiled header must see the same flags in libraries and programs.
# -fopenmp: without it at::parallel_for silently becomes a plain loop.
# -ffp-contract=off: the same source line gives the same bits whether or not it was inlined.
add_compile_options(-fPIC -Wall -Wextra -Werror -Wno-unknown-pragmas -fpch-preprocess -ffp-contract=off -fopenmp)
add_link_options(-fopenmp)
# From GCC 13 on these find faults inside the standard library and LibTorch's headers that are not there.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_GREATER_EQUAL 13)
  add_compile_options(-Wno-error=array-bounds -Wno-error=stringop-overflow -Wno-error=maybe-uninitialized)
endif()

find_program(GAMUT_CCACHE ccache)
if(GAMUT_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime ${GAMUT_CCACHE})
endif()

find_program(GAMUT_MOLD mold)
if(GAMUT_MOLD)
  add_link_options(-fuse-ld=mold)
endif()

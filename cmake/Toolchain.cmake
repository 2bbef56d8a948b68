# Compiler cache, linker and flags of gamut's own targets; a project that takes gamut in keeps its own.
if(PROJECT_IS_TOP_LEVEL AND NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()

# -fPIC as a plain option: the precompiled header must see the same flags in libraries and programs.
# -fopenmp: without it at::parallel_for silently becomes a plain loop.
# -ffp-contract=off: the same source line gives the same bits whether or not it was inlined.
set(GAMUT_COMPILE_OPTIONS -fPIC -Wall -Wextra -Wno-unknown-pragmas -fpch-preprocess -ffp-contract=off -fopenmp
    -fstack-protector-strong)
if(PROJECT_IS_TOP_LEVEL)
  list(APPEND GAMUT_COMPILE_OPTIONS -Werror)
endif()
# From GCC 13 on these find faults inside the standard library and LibTorch's headers that are not there.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_GREATER_EQUAL 13)
  list(APPEND GAMUT_COMPILE_OPTIONS -Wno-error=array-bounds -Wno-error=stringop-overflow -Wno-error=maybe-uninitialized)
endif()
# Files and servers are read that nobody has checked: an index beyond a buffer ends the program instead of going on.
# FORTIFY wants optimization and is at odds with sanitizers; the loops of kernels have their bounds from lanes.h.
set(optimized $<CONFIG:Release,RelWithDebInfo,MinSizeRel>)
set(GAMUT_HARDENING $<${optimized}:-U_FORTIFY_SOURCE> $<${optimized}:-D_FORTIFY_SOURCE=2> -D_GLIBCXX_ASSERTIONS)
set(GAMUT_LINK_OPTIONS -fopenmp -pie -Wl,-z,relro,-z,now)

# Looked for once: one that is installed later would have everything compiled and linked anew.
if(NOT DEFINED GAMUT_CCACHE)
  find_program(GAMUT_CCACHE ccache)
  find_program(GAMUT_MOLD mold)
endif()
if(GAMUT_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime ${GAMUT_CCACHE})
endif()

if(GAMUT_MOLD)
  list(APPEND GAMUT_LINK_OPTIONS -fuse-ld=mold)
endif()

# Of a library: how it is compiled. Of a program: how it is linked as well.
function(gamut_flags target)
  target_compile_options(${target} PRIVATE ${GAMUT_COMPILE_OPTIONS} ${GAMUT_HARDENING})
  get_target_property(type ${target} TYPE)
  if(type STREQUAL "EXECUTABLE")
    target_link_options(${target} PRIVATE ${GAMUT_LINK_OPTIONS})
  endif()
endfunction()

# The instruction sets that CPU kernels are compiled for; src/gamut/nn/kernels/cpu_path.cpp asks the machine for the same
# ones, lanes.h takes the width of its vectors from these flags.
set(GAMUT_PATHS baseline)
set(GAMUT_FLAGS_baseline)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64)$")
  list(APPEND GAMUT_PATHS avx2 avx512)
  set(GAMUT_FLAGS_avx2 -mavx2 -mfma)
  set(GAMUT_FLAGS_avx512 -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx2 -mfma)
endif()

# gamut_for_each_path(kernels SOURCES a.cpp b.cpp INTO gamut_nn): the sources once per path, as objects of the target.
function(gamut_for_each_path name)
  cmake_parse_arguments(ARG "" "INTO" "SOURCES" ${ARGN})
  foreach(path ${GAMUT_PATHS})
    add_library(${name}_${path} OBJECT ${ARG_SOURCES})
    target_compile_features(${name}_${path} PRIVATE cxx_std_20)
    target_include_directories(${name}_${path} PRIVATE ${PROJECT_SOURCE_DIR}/src)
    # One multiply-add instead of two roundings; psabi warns of vector arguments, which are all inlined.
    target_compile_options(${name}_${path} PRIVATE ${GAMUT_COMPILE_OPTIONS} -fno-stack-protector ${GAMUT_FLAGS_${path}}
                           -ffp-contract=fast -Wno-psabi)
    target_sources(${ARG_INTO} PRIVATE $<TARGET_OBJECTS:${name}_${path}>)
  endforeach()
endfunction()

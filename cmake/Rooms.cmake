# gamut_room(core SOURCES a.cpp b.cpp DEPS io nn LINK fmt::fmt [TORCH])
# One folder of src/gamut = one static library gamut_<room>. DEPS are other rooms, LINK outside libraries.
# TORCH links LibTorch and uses the one precompiled header.
function(gamut_room room)
  cmake_parse_arguments(ARG "TORCH" "" "SOURCES;DEPS;LINK" ${ARGN})
  add_library(gamut_${room} STATIC ${ARG_SOURCES})
  add_library(gamut::${room} ALIAS gamut_${room})
  set_target_properties(gamut_${room} PROPERTIES EXPORT_NAME ${room})
  set_property(GLOBAL APPEND PROPERTY GAMUT_ROOMS gamut_${room})
  gamut_flags(gamut_${room})
  target_compile_features(gamut_${room} PUBLIC cxx_std_20)
  target_include_directories(gamut_${room} PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/src> $<INSTALL_INTERFACE:include>)
  foreach(dep ${ARG_DEPS})
    target_link_libraries(gamut_${room} PUBLIC gamut_${dep})
  endforeach()
  target_link_libraries(gamut_${room} PRIVATE ${ARG_LINK})
  if(ARG_TORCH)
    gamut_use_torch(gamut_${room})
  endif()
  gamut_batch(gamut_${room})
endfunction()

# Compiles files in batches: LibTorch's headers, most of each file's cost, are paid once per batch.
function(gamut_batch target)
  set_target_properties(${target} PROPERTIES UNITY_BUILD ${GAMUT_UNITY} UNITY_BUILD_BATCH_SIZE 12)
  # A batch is no header: a class of one file may hold what that file alone knows. And g++ inlines more of a batch, where
  # it sees strings overlap and overflow that do not (its bug 105651). File by file, these warnings are on.
  if(GAMUT_UNITY AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(${target} PRIVATE -Wno-subobject-linkage -Wno-restrict -Wno-array-bounds
                           -Wno-stringop-overflow -Wno-stringop-overread)
  endif()
endfunction()

# Links LibTorch, whose headers warn of nothing as those of an imported target, and reuses the precompiled header. Without NDEBUG
# at::RecordFunction would have a member that the libraries, which are built with it, do not know.
function(gamut_use_torch target)
  target_link_libraries(${target} PUBLIC gamut::libtorch)
  target_compile_definitions(${target} PRIVATE $<$<NOT:$<CONFIG:Release,RelWithDebInfo,MinSizeRel>>:NDEBUG>)
  if(GAMUT_PCH AND NOT target STREQUAL gamut_pch)
    target_precompile_headers(${target} REUSE_FROM gamut_pch)
    target_compile_options(${target} PRIVATE -Winvalid-pch)
  endif()
endfunction()

# gamut_tests(io TORCH FAST a_test.cpp GOLDEN b_test.cpp …): one program tests_<room>, one CTest entry per file.
# The suite in `a_test.cpp` is named `a`: TEST(a, does_this).
function(gamut_tests room)
  cmake_parse_arguments(ARG "TORCH" "" "FAST;GOLDEN;PROPERTY;LEARNING;INTEGRATION;DEPS;LINK" ${ARGN})
  set(program tests_${room})
  add_executable(${program} ${ARG_FAST} ${ARG_GOLDEN} ${ARG_PROPERTY} ${ARG_LEARNING} ${ARG_INTEGRATION})
  foreach(dep ${room} ${ARG_DEPS})
    if(TARGET gamut_${dep})
      target_link_libraries(${program} PRIVATE gamut_${dep})
    endif()
  endforeach()
  target_link_libraries(${program} PRIVATE ${ARG_LINK} GTest::gtest_main)
  gamut_flags(${program})
  target_include_directories(${program} PRIVATE ${PROJECT_SOURCE_DIR}/tests ${PROJECT_SOURCE_DIR}/src)
  gamut_batch(${program})
  # What tests call is optimized as ever; they themselves take a third less to compile.
  target_compile_options(${program} PRIVATE $<$<CONFIG:Release>:-O1>)
  target_compile_definitions(${program} PRIVATE GAMUT_SOURCE_DIR="${PROJECT_SOURCE_DIR}" GAMUT_PROGRAM="${PROJECT_BINARY_DIR}/gamut")
  if(ARG_TORCH)
    gamut_use_torch(${program})
  endif()
  foreach(tier FAST GOLDEN PROPERTY LEARNING INTEGRATION)
    string(TOLOWER ${tier} label)
    foreach(file ${ARG_${tier}})
      get_filename_component(stem ${file} NAME_WE)
      string(REGEX REPLACE "_test$" "" suite ${stem})
      add_test(NAME ${room}.${suite} COMMAND ${program} --gtest_filter=${suite}.*)
      set_tests_properties(${room}.${suite} PROPERTIES LABELS ${label} TIMEOUT 900
                           FAIL_REGULAR_EXPRESSION "Running 0 tests")
    endforeach()
  endforeach()
endfunction()

# What `cmake --install build --prefix DIR` lays down: bin/gamut, the rooms' libraries and headers, share/gamut. DIR may be
# moved afterwards. LibTorch stays where it is.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

get_property(rooms GLOBAL PROPERTY GAMUT_ROOMS)
# One RUNPATH for both: where it is exchanged on installing, CMake fills the first with colons, which mean the current folder.
set_target_properties(gamut PROPERTIES EXPORT_NAME program INSTALL_RPATH ${GAMUT_LIBTORCH}/lib
                      BUILD_WITH_INSTALL_RPATH TRUE)
install(TARGETS gamut EXPORT gamut RUNTIME COMPONENT program)
install(TARGETS ${rooms} gamut_all EXPORT gamut)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/src/gamut DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")

# Recipes, the small models, and where fonts come from; src/gamut/core/input_files.h says how the program finds them.
file(STRINGS ${PROJECT_SOURCE_DIR}/src/gamut/tasks/glyphs/glyph_fonts.cpp faces REGEX "^    {\".*\"},$")
set(fonts "# file below /usr/share/fonts, Debian package, style\n")
foreach(face ${faces})
  string(REGEX REPLACE "^    {\"(.*)\", \"(.*)\", \"(.*)\"},$" "\\1\t\\2\t\\3" face "${face}")
  string(APPEND fonts "${face}\n")
endforeach()
file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/fonts.tsv CONTENT "${fonts}" @ONLY)
set(share ${CMAKE_INSTALL_DATAROOTDIR}/gamut)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/recipes ${PROJECT_SOURCE_DIR}/models DESTINATION ${share} COMPONENT program)
install(FILES ${PROJECT_BINARY_DIR}/fonts.tsv ${PROJECT_SOURCE_DIR}/LICENSE ${PROJECT_SOURCE_DIR}/NOTICE DESTINATION ${share}
        COMPONENT program)

set(package ${CMAKE_INSTALL_LIBDIR}/cmake/gamut)
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/gamutConfig.cmake.in ${PROJECT_BINARY_DIR}/gamutConfig.cmake
                              INSTALL_DESTINATION ${package} NO_SET_AND_CHECK_MACRO NO_CHECK_REQUIRED_COMPONENTS_MACRO)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/gamutConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/gamutConfig.cmake ${PROJECT_BINARY_DIR}/gamutConfigVersion.cmake
        ${PROJECT_SOURCE_DIR}/cmake/LibTorch.cmake ${PROJECT_SOURCE_DIR}/cmake/Dependencies.cmake DESTINATION ${package})
install(EXPORT gamut NAMESPACE gamut:: FILE gamutTargets.cmake DESTINATION ${package})

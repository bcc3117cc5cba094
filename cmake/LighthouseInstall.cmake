# What `cmake --install` copies beside the libraries and their headers: lhc, the bundled
# specifications, and the CMake package.

include(CMakePackageConfigHelpers)

set(package ${CMAKE_INSTALL_LIBDIR}/cmake/Lighthouse)
install(TARGETS lhc)
install(DIRECTORY kernels DESTINATION ${CMAKE_INSTALL_DATADIR}/lighthouse
  FILES_MATCHING PATTERN "*.lh" PATTERN tuning EXCLUDE)
install(EXPORT LighthouseTargets NAMESPACE Lighthouse:: DESTINATION ${package})

configure_package_config_file(cmake/LighthouseConfig.cmake.in
  ${CMAKE_CURRENT_BINARY_DIR}/LighthouseConfig.cmake INSTALL_DESTINATION ${package}
  PATH_VARS CMAKE_INSTALL_DATADIR)
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/LighthouseConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES
  ${CMAKE_CURRENT_BINARY_DIR}/LighthouseConfig.cmake
  ${CMAKE_CURRENT_BINARY_DIR}/LighthouseConfigVersion.cmake
  DESTINATION ${package})

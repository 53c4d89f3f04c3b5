# Installs the library with its headers, the atoll command, the licence and the examples, and what
# lets others find them: find_package(atoll) gives the target atoll::atoll, pkg-config the module
# atoll. Included last, when all targets are known.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/atoll")

install(TARGETS atoll EXPORT atollTargets
  LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}"
  ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}")
install(FILES "${PROJECT_SOURCE_DIR}/include/atoll/atoll.h"
  "${PROJECT_SOURCE_DIR}/include/atoll/atoll.hpp"
  "${PROJECT_SOURCE_DIR}/include/atoll/atoll_parts.h"
  DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/atoll")

if(TARGET atoll_cli)
  set_target_properties(atoll_cli PROPERTIES
    INSTALL_RPATH "$ORIGIN/../${CMAKE_INSTALL_LIBDIR}")
  install(TARGETS atoll_cli RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
endif()

install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" DESTINATION "${CMAKE_INSTALL_DOCDIR}")
install(DIRECTORY "${PROJECT_SOURCE_DIR}/docs/examples" DESTINATION "${CMAKE_INSTALL_DOCDIR}")

install(EXPORT atollTargets NAMESPACE atoll:: DESTINATION "${package_dir}")
configure_package_config_file("${CMAKE_CURRENT_LIST_DIR}/atollConfig.cmake.in"
  "${PROJECT_BINARY_DIR}/atollConfig.cmake" INSTALL_DESTINATION "${package_dir}"
  NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file("${PROJECT_BINARY_DIR}/atollConfigVersion.cmake"
  COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/atollConfig.cmake"
  "${PROJECT_BINARY_DIR}/atollConfigVersion.cmake" DESTINATION "${package_dir}")

# The prefix follows the file, so that an installed tree may be moved.
file(RELATIVE_PATH pkgconfig_prefix "/prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/prefix")
configure_file("${CMAKE_CURRENT_LIST_DIR}/atoll.pc.in" "${PROJECT_BINARY_DIR}/atoll.pc" @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/atoll.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")

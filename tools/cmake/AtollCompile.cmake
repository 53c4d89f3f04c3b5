# Language standards, warnings, sanitizers and the dependencies, for every target of the project.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_C_STANDARD 99)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)

# Of debug information lines and names are enough for traces and profiles, and take a quarter less
# time to make.
set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O2 -g1 -DNDEBUG")
set(CMAKE_C_FLAGS_RELWITHDEBINFO "-O2 -g1 -DNDEBUG")

# Sanitized builds keep enough optimisation for the end-to-end tests to be quick.
set(CMAKE_CXX_FLAGS_SANITIZED "-O1 -g1 -fno-omit-frame-pointer")
set(CMAKE_C_FLAGS_SANITIZED "-O1 -g1 -fno-omit-frame-pointer")

# libatoll is optimized as a whole: a short call goes through most rooms once, a few instructions
# in each, and so takes 5 to 8 % less CPU time. Objects hold plain code as well: for the tests, of
# which there are many programs.
option(ATOLL_LTO "Optimize libatoll at link time, where the build is optimized at all" ON)
set(ATOLL_LTO_COMPILE "")
set(ATOLL_LTO_LINK "")
if(ATOLL_LTO AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND NOT ATOLL_COVERAGE)
  set(ATOLL_LTO_COMPILE $<$<CONFIG:RelWithDebInfo,Release>:-flto=auto;-ffat-lto-objects>)
  set(ATOLL_LTO_LINK $<$<CONFIG:RelWithDebInfo,Release>:-flto=auto>)
  # The index of an archive is to name what the plain code of its objects defines. With GCC's
  # plugin, which binutils load by themselves where none is named, it names what the intermediate
  # code does: std::string::_M_create, say, which is inlined and gone from the plain code. A test
  # program that still looks for it is given the same object once more, and does not link.
  set(CMAKE_CXX_ARCHIVE_CREATE "<CMAKE_AR> qc --plugin none <TARGET> <LINK_FLAGS> <OBJECTS>")
  set(CMAKE_CXX_ARCHIVE_APPEND "<CMAKE_AR> q --plugin none <TARGET> <LINK_FLAGS> <OBJECTS>")
  set(CMAKE_CXX_ARCHIVE_FINISH "<CMAKE_RANLIB> --plugin none <TARGET>")
endif()

find_program(ATOLL_CCACHE ccache)
if(ATOLL_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_C_COMPILER_LAUNCHER "${ATOLL_CCACHE}")
  set(CMAKE_CXX_COMPILER_LAUNCHER "${ATOLL_CCACHE}")
endif()

add_library(atoll_flags INTERFACE)
target_compile_options(atoll_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion
  # Results must be the same bits on every CPU: no fused multiply-add behind the author's back.
  -ffp-contract=off
  $<$<COMPILE_LANGUAGE:CXX>:-Wnon-virtual-dtor -Woverloaded-virtual>
  $<$<BOOL:${ATOLL_WERROR}>:-Werror>)
if(ATOLL_SANITIZE)
  add_compile_options(-fsanitize=${ATOLL_SANITIZE} -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${ATOLL_SANITIZE})
  # Instrumented, the unused alternatives of a moved std::variant look uninitialized to GCC 12.
  target_compile_options(atoll_flags INTERFACE
    $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
endif()
if(ATOLL_COVERAGE)
  add_compile_options(--coverage)
  add_link_options(--coverage)
endif()

find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(Protobuf REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(CLI11 REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(tl-expected REQUIRED)
pkg_check_modules(LIBUV REQUIRED IMPORTED_TARGET libuv)
pkg_check_modules(HWY REQUIRED IMPORTED_TARGET libhwy)
pkg_check_modules(XXHASH REQUIRED IMPORTED_TARGET libxxhash)
# On x86 most packages of xxHash also export versions that pick their instruction set at run time;
# the plain ones are built for the oldest CPU, and half as fast.
include(CheckCXXSymbolExists)
set(CMAKE_REQUIRED_LIBRARIES PkgConfig::XXHASH)
check_cxx_symbol_exists(XXH3_128bits_update_dispatch "xxh_x86dispatch.h" ATOLL_XXHASH_DISPATCH)
unset(CMAKE_REQUIRED_LIBRARIES)
if(ATOLL_XXHASH_DISPATCH)
  set_property(TARGET PkgConfig::XXHASH APPEND PROPERTY
    INTERFACE_COMPILE_DEFINITIONS ATOLL_XXHASH_DISPATCH=1)
endif()

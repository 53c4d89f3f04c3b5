# atoll_test_folder(ROOM) makes one test program of all *_test.cpp files in the current folder and
# registers each of its cases with ctest.
# atoll_test(NAME SOURCES file... [LINK target...] [LABELS label...]) is the general form.
if(ATOLL_BUILD_TESTS)
  find_package(GTest REQUIRED)
  include(GoogleTest)
endif()

function(atoll_test name)
  cmake_parse_arguments(TEST "" "TIMEOUT" "SOURCES;LINK;LABELS" ${ARGN})
  if(NOT TEST_TIMEOUT)
    set(TEST_TIMEOUT 120)
  endif()
  add_executable(${name} ${TEST_SOURCES})
  atoll_unity(${name} tests)
  target_include_directories(${name} PRIVATE "${PROJECT_SOURCE_DIR}/tests")
  target_link_libraries(${name} PRIVATE atoll_flags ${TEST_LINK} GTest::gmock GTest::gtest_main)
  # What is tested is optimized. The tests need not be: it would take longer than they run.
  target_compile_options(${name} PRIVATE $<$<CONFIG:RelWithDebInfo>:-O1>)
  gtest_discover_tests(${name} TEST_PREFIX "${TEST_LABELS}." DISCOVERY_MODE PRE_TEST
    DISCOVERY_TIMEOUT 60
    PROPERTIES TIMEOUT ${TEST_TIMEOUT} LABELS "${TEST_LABELS}")
endfunction()

function(atoll_unit_tests room)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/*_test.cpp")
  atoll_test(${room}_unit_test SOURCES ${sources} LINK atoll_${room} ${ARGN} LABELS unit)
endfunction()

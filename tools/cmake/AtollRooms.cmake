# atoll_room(NAME [ROOMS room...] [LIBRARIES library...])
#
# One folder of src/ is one target, atoll_NAME, of all .cpp files in it. ROOMS is the folder's row
# in the table of the design: the only other folders whose headers it may include. The tidy tests
# read these calls and compare them with the includes.
function(atoll_room name)
  cmake_parse_arguments(ROOM "" "" "ROOMS;LIBRARIES" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/*.cpp")
  if(sources OR ROOM_GENERATED)
    add_library(atoll_${name} STATIC ${sources})
    set(scope PUBLIC)
    atoll_unity(atoll_${name} rooms)
    target_link_libraries(atoll_${name} PRIVATE atoll_flags)
    target_compile_options(atoll_${name} PRIVATE "${ATOLL_LTO_COMPILE}")
  else()
    add_library(atoll_${name} INTERFACE)
    set(scope INTERFACE)
  endif()
  target_include_directories(atoll_${name} ${scope} "${PROJECT_SOURCE_DIR}/src"
    "${PROJECT_SOURCE_DIR}/include")
  foreach(room IN LISTS ROOM_ROOMS)
    target_link_libraries(atoll_${name} ${scope} atoll_${room})
  endforeach()
  target_link_libraries(atoll_${name} ${scope} ${ROOM_LIBRARIES})
endfunction()

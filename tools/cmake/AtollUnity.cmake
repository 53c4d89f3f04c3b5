# atoll_unity(TARGET KIND), KIND: tests or rooms. Compiles up to eight files of the target as one
# where ATOLL_UNITY says so ("tests", or "all"). Most of the time goes into headers, which these
# files share: it takes a third of the time. A file that lacks an include of its own is not noticed
# then, so a preset with "all" must not be the only one that is tested.
set_property(CACHE ATOLL_UNITY PROPERTY STRINGS "" tests all)
if(NOT "${ATOLL_UNITY}" MATCHES "^(tests|all)?$")
  message(FATAL_ERROR "ATOLL_UNITY is '${ATOLL_UNITY}', not tests or all")
endif()

function(atoll_unity target kind)
  if(ATOLL_UNITY STREQUAL "all" OR ATOLL_UNITY STREQUAL "${kind}")
    set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 8)
  endif()
endfunction()

# Settings and helpers shared by every target of the project.

# Here, so that every folder sees the imported targets that static libraries hand on.
find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
find_package(nlohmann_json REQUIRED)

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
  # Precompiled headers are safe to cache with these settings (ccache manual, "Precompiled headers").
  set(lighthouse_ccache ${CMAKE_COMMAND} -E env
      CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
      CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${CCACHE_PROGRAM})
  set(CMAKE_C_COMPILER_LAUNCHER ${lighthouse_ccache})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${lighthouse_ccache})
endif()

add_compile_options(-Wall -Wextra -Wno-unused-parameter -ffunction-sections -fdata-sections)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  add_compile_options(-fpch-preprocess $<$<COMPILE_LANGUAGE:CXX>:-Wno-comment>)
endif()
if(LIGHTHOUSE_SANITIZE)
  add_compile_options(-fsanitize=address,undefined -fno-omit-frame-pointer -g1)
  add_link_options(-fsanitize=address,undefined)
endif()
if(LIGHTHOUSE_FUZZ)
  if(NOT CMAKE_CXX_COMPILER_ID MATCHES "Clang")
    message(FATAL_ERROR "LIGHTHOUSE_FUZZ needs clang: libFuzzer is part of it.")
  endif()
  # Coverage of everything guides the fuzzer; only the fuzzer itself links libFuzzer's main.
  add_compile_options(-fsanitize=fuzzer-no-link -g1)
endif()

# Include roots of the project, generated headers included.
add_library(lighthouse_includes INTERFACE)
target_include_directories(lighthouse_includes INTERFACE
  ${CMAKE_SOURCE_DIR}/dialect/include ${CMAKE_BINARY_DIR}/dialect/include
  ${CMAKE_SOURCE_DIR}/compiler/include ${CMAKE_BINARY_DIR}/compiler/include
  ${CMAKE_SOURCE_DIR}/runtime/include ${CMAKE_SOURCE_DIR}/tools)

# lighthouse_library(NAME SOURCES ... [LINK ...]): a static library without LLVM.
function(lighthouse_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_link_libraries(${name} PUBLIC lighthouse_includes ${ARG_LINK})
endfunction()

# Settings and helpers shared by every target of the project.

include(GNUInstallDirs)

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

# For what is handed to others: the C++ library inside, hidden like the rest, so that an older one of
# the system or of the process does not matter. The sanitizers want the shared one.
add_library(lighthouse_static_cxx INTERFACE)
if(NOT LIGHTHOUSE_SANITIZE)
  target_link_options(lighthouse_static_cxx INTERFACE -static-libstdc++)
endif()

# lighthouse_c_library(TARGET FILE NAME SOURCES ... LINK ... HEADERS ...): libFILE.so, which shows
# the functions lh_* alone and keeps to its own ones. It is installed with its headers, which lie in
# include/, as Lighthouse::NAME. Every such library contains the runtime: CMake refuses to link two.
function(lighthouse_c_library target file name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK;HEADERS" ${ARGN})
  set(exports ${CMAKE_SOURCE_DIR}/runtime/exports.map)
  add_library(${target} SHARED ${ARG_SOURCES})
  target_link_libraries(${target} PRIVATE ${ARG_LINK} lighthouse_static_cxx)
  target_include_directories(${target} INTERFACE
    $<BUILD_INTERFACE:${CMAKE_CURRENT_SOURCE_DIR}/include>
    $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  # Threads of the library may outlive a dlclose: it stays.
  target_link_options(${target} PRIVATE
    -Wl,--version-script=${exports} -Wl,-Bsymbolic -Wl,--gc-sections -Wl,-z,nodelete)
  set_target_properties(${target} PROPERTIES
    OUTPUT_NAME ${file} EXPORT_NAME ${name} SOVERSION 1
    LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/lib LINK_DEPENDS ${exports}
    INTERFACE_LIGHTHOUSE_LIBRARY ${name} COMPATIBLE_INTERFACE_STRING LIGHTHOUSE_LIBRARY)
  install(TARGETS ${target} EXPORT LighthouseTargets)
  foreach(header ${ARG_HEADERS})
    get_filename_component(folder ${header} DIRECTORY)
    string(REGEX REPLACE "^include" "${CMAKE_INSTALL_INCLUDEDIR}" folder ${folder})
    install(FILES ${header} DESTINATION ${folder})
  endforeach()
endfunction()

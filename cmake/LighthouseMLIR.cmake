# LLVM/MLIR: the one place that pins the version and says how it is linked.
#
# Debian's exported MLIR targets pull in the shared libLLVM/libMLIR, and some of them mix shared and
# static parts, which puts two LLVMs into one process. So only the headers, the tablegen rules and
# the static archives themselves are used: one link group, unused sections dropped, symbols hidden.

set(LIGHTHOUSE_LLVM_VERSION 22)

find_package(zstd QUIET) # before MLIR: LLVM's own package file expects the target to exist
if(NOT MLIR_DIR AND EXISTS /usr/lib/llvm-${LIGHTHOUSE_LLVM_VERSION}/lib/cmake/mlir)
  set(MLIR_DIR /usr/lib/llvm-${LIGHTHOUSE_LLVM_VERSION}/lib/cmake/mlir)
endif()
find_package(MLIR CONFIG QUIET)
if(NOT MLIR_FOUND)
  message(FATAL_ERROR
    "Lighthouse needs LLVM/MLIR ${LIGHTHOUSE_LLVM_VERSION}, which was not found. "
    "On Debian: apt-get install libmlir-22-dev mlir-22-tools llvm-22-dev; elsewhere set MLIR_DIR.")
endif()
if(NOT LLVM_VERSION_MAJOR EQUAL LIGHTHOUSE_LLVM_VERSION)
  message(FATAL_ERROR
    "Lighthouse needs LLVM/MLIR ${LIGHTHOUSE_LLVM_VERSION}; MLIR_DIR=${MLIR_DIR} holds ${LLVM_PACKAGE_VERSION}.")
endif()

list(APPEND CMAKE_MODULE_PATH "${MLIR_CMAKE_DIR}" "${LLVM_CMAKE_DIR}")
include(TableGen)
include(AddLLVM)
include(AddMLIR)

file(GLOB LIGHTHOUSE_MLIR_ARCHIVES ${LLVM_LIBRARY_DIR}/libMLIR*.a)
# Test-only and C-binding archives would drag in symbols that nothing here uses.
list(FILTER LIGHTHOUSE_MLIR_ARCHIVES EXCLUDE REGEX "libMLIR(CAPI|Test)")
file(GLOB LIGHTHOUSE_LLVM_ARCHIVES ${LLVM_LIBRARY_DIR}/libLLVM*.a)
if(NOT LIGHTHOUSE_MLIR_ARCHIVES OR NOT LIGHTHOUSE_LLVM_ARCHIVES)
  message(FATAL_ERROR "No static LLVM/MLIR archives in ${LLVM_LIBRARY_DIR}.")
endif()
find_package(ZLIB REQUIRED)
# The archive if there is one: unlike zlib, zstd is not on the list of what every Linux system has.
find_library(LIGHTHOUSE_ZSTD NAMES libzstd.a zstd REQUIRED)

# Headers for everything that uses MLIR ...
add_library(lighthouse_mlir_headers INTERFACE)
target_include_directories(lighthouse_mlir_headers SYSTEM INTERFACE
  ${LLVM_INCLUDE_DIRS} ${MLIR_INCLUDE_DIRS})
target_compile_definitions(lighthouse_mlir_headers INTERFACE ${LLVM_DEFINITIONS_LIST}
  _GNU_SOURCE __STDC_CONSTANT_MACROS __STDC_FORMAT_MACROS __STDC_LIMIT_MACROS)
target_compile_options(lighthouse_mlir_headers INTERFACE -fno-rtti -fno-exceptions)

# Debian's LLVM calls one function of glibc 2.36; all else of it is content with 2.34.
add_library(lighthouse_arc4random STATIC ${CMAKE_CURRENT_LIST_DIR}/arc4random.c)

# ... and the archives for final programs only.
add_library(lighthouse_mlir_archives INTERFACE)
target_link_libraries(lighthouse_mlir_archives INTERFACE
  -Wl,--start-group ${LIGHTHOUSE_MLIR_ARCHIVES} ${LIGHTHOUSE_LLVM_ARCHIVES} -Wl,--end-group
  lighthouse_arc4random ZLIB::ZLIB ${LIGHTHOUSE_ZSTD} pthread dl m)
target_link_options(lighthouse_mlir_archives INTERFACE
  -Wl,--gc-sections -Wl,--exclude-libs,ALL)

# Parsing the MLIR headers is most of a file's compile time: one precompiled set serves all.
add_library(lighthouse_mlir_pch OBJECT ${CMAKE_CURRENT_LIST_DIR}/pch.cpp)
target_link_libraries(lighthouse_mlir_pch PRIVATE lighthouse_mlir_headers)
target_precompile_headers(lighthouse_mlir_pch PRIVATE ${CMAKE_CURRENT_LIST_DIR}/pch.h)

# lighthouse_mlir_library(NAME SOURCES ... [DEPENDS tablegen-targets ...] [LINK libraries ...])
# A static library that may include LLVM and MLIR headers.
function(lighthouse_mlir_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS;LINK" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_link_libraries(${name} PUBLIC lighthouse_includes lighthouse_mlir_headers ${ARG_LINK})
  target_precompile_headers(${name} REUSE_FROM lighthouse_mlir_pch)
  if(ARG_DEPENDS)
    add_dependencies(${name} ${ARG_DEPENDS})
  endif()
endfunction()

if(LIGHTHOUSE_SANITIZE)
  add_library(lighthouse_sanitizer_options OBJECT ${CMAKE_CURRENT_LIST_DIR}/sanitizer.cpp)
endif()

# lighthouse_mlir_program(NAME SOURCES ... LINK ...): a program that contains LLVM and MLIR.
function(lighthouse_mlir_program name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE
    lighthouse_includes lighthouse_mlir_headers ${ARG_LINK} lighthouse_mlir_archives)
  if(LIGHTHOUSE_SANITIZE)
    target_sources(${name} PRIVATE $<TARGET_OBJECTS:lighthouse_sanitizer_options>)
  endif()
  # CMake would compile a program with -fPIE, for which the precompiled header is not made.
  set_target_properties(${name} PROPERTIES POSITION_INDEPENDENT_CODE OFF)
  target_compile_options(${name} PRIVATE -fPIC)
  target_precompile_headers(${name} REUSE_FROM lighthouse_mlir_pch)
endfunction()

# lighthouse_dialect_tablegen(TARGET DIALECT PREFIX): what tablegen makes of PREFIXOps.td, as
# PREFIX{Ops,Dialect,Types,Attrs,Enums}.{h,cpp}.inc beside it in the build tree.
function(lighthouse_dialect_tablegen target dialect prefix)
  include_directories(${MLIR_INCLUDE_DIRS} ${CMAKE_SOURCE_DIR}/dialect/include)
  set(LLVM_TARGET_DEFINITIONS ${prefix}Ops.td)
  mlir_tablegen(${prefix}Ops.h.inc -gen-op-decls)
  mlir_tablegen(${prefix}Ops.cpp.inc -gen-op-defs)
  mlir_tablegen(${prefix}Dialect.h.inc -gen-dialect-decls -dialect=${dialect})
  mlir_tablegen(${prefix}Dialect.cpp.inc -gen-dialect-defs -dialect=${dialect})
  mlir_tablegen(${prefix}Types.h.inc -gen-typedef-decls -typedefs-dialect=${dialect})
  mlir_tablegen(${prefix}Types.cpp.inc -gen-typedef-defs -typedefs-dialect=${dialect})
  mlir_tablegen(${prefix}Attrs.h.inc -gen-attrdef-decls -attrdefs-dialect=${dialect})
  mlir_tablegen(${prefix}Attrs.cpp.inc -gen-attrdef-defs -attrdefs-dialect=${dialect})
  mlir_tablegen(${prefix}Enums.h.inc -gen-enum-decls)
  mlir_tablegen(${prefix}Enums.cpp.inc -gen-enum-defs)
  add_public_tablegen_target(${target})
endfunction()

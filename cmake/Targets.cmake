include(GNUInstallDirs)
include(GoogleTest)

add_library(millrace_flags INTERFACE)
target_include_directories(millrace_flags INTERFACE
  $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
target_compile_features(millrace_flags INTERFACE cxx_std_20)
if(MILLRACE_SANITIZE)
  target_compile_options(millrace_flags INTERFACE -fsanitize=${MILLRACE_SANITIZE} -fno-omit-frame-pointer
                         -fno-sanitize-recover=all)
  target_link_options(millrace_flags INTERFACE -fsanitize=${MILLRACE_SANITIZE})
endif()
install(TARGETS millrace_flags EXPORT MillraceTargets)

add_library(millrace_warnings INTERFACE)
target_compile_options(millrace_warnings INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor
                       -Woverloaded-virtual $<$<BOOL:${MILLRACE_WERROR}>:-Werror>)

# One static library a folder: every .cc in it that is neither a test, a fuzzer nor a benchmark.
# millrace_folder(NAME DEPS target...) also makes the folder's test executable out of its *_test.cc.
# PRIVATE keeps the library out of the installed package: nothing that a job links needs it.
function(millrace_folder name)
  cmake_parse_arguments(ARG "PRIVATE" "" "DEPS;TEST_DEPS" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS *.cc)
  set(tests ${sources})
  set(benchmarks ${sources})
  list(FILTER sources EXCLUDE REGEX "_(test|fuzz|bench|main)\\.cc$")
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  list(FILTER benchmarks INCLUDE REGEX "_bench\\.cc$")
  if(sources)
    add_library(millrace_${name} STATIC ${sources})
    target_include_directories(millrace_${name} PRIVATE ${PROJECT_SOURCE_DIR}/src)
    target_link_libraries(millrace_${name} PUBLIC millrace_flags ${ARG_DEPS} PRIVATE $<BUILD_INTERFACE:millrace_warnings>)
  else()
    add_library(millrace_${name} INTERFACE)  # headers alone
    target_link_libraries(millrace_${name} INTERFACE millrace_flags ${ARG_DEPS})
  endif()
  set_target_properties(millrace_${name} PROPERTIES EXPORT_NAME ${name})
  if(NOT ARG_PRIVATE)
    install(TARGETS millrace_${name} EXPORT MillraceTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
  endif()
  if(MILLRACE_TESTS AND tests)
    add_executable(${name}_test ${tests})
    target_include_directories(${name}_test PRIVATE ${PROJECT_SOURCE_DIR}/src)
    target_link_libraries(${name}_test PRIVATE millrace_${name} ${ARG_TEST_DEPS} millrace_warnings GTest::gtest GTest::gmock GTest::gtest_main)
    gtest_discover_tests(${name}_test TEST_PREFIX ${name}. DISCOVERY_TIMEOUT 60 PROPERTIES TIMEOUT 300)
  endif()
  if(MILLRACE_BENCH AND benchmarks)
    add_executable(${name}_bench ${benchmarks})
    target_include_directories(${name}_bench PRIVATE ${PROJECT_SOURCE_DIR}/src)
    target_link_libraries(${name}_bench PRIVATE millrace_${name} ${ARG_TEST_DEPS} millrace_warnings benchmark::benchmark_main)
  endif()
endfunction()

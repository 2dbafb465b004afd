# What `millrace run` needs to compile and link a job, found beside the executable: one file for this build tree and
# one for the installed package. `name = value` lines, `archive` once for each; a path that is not absolute is relative
# to the file's folder.
get_property(archives GLOBAL PROPERTY MILLRACE_ARCHIVES)
set(build_archives "")
set(installed_archives "")
foreach(archive IN LISTS archives)
  string(APPEND build_archives "archive = $<TARGET_FILE:${archive}>\n")
  string(APPEND installed_archives "archive = ../$<TARGET_FILE_NAME:${archive}>\n")
endforeach()

set(libraries "")
foreach(library IN LISTS XXHASH_LIBRARIES LZ4_LIBRARIES ZSTD_LIBRARIES RE2_LIBRARIES HYPERSCAN_LIBRARIES SODIUM_LIBRARIES ITEMS fmt z simdjson)
  list(APPEND libraries -l${library})
endforeach()
list(REMOVE_DUPLICATES libraries)
list(JOIN libraries " " libraries)
set(sanitize "")
if(MILLRACE_SANITIZE)
  set(sanitize " -fsanitize=${MILLRACE_SANITIZE} -fno-omit-frame-pointer")
endif()

cmake_path(SET include NORMALIZE ${CMAKE_INSTALL_INCLUDEDIR})
cmake_path(RELATIVE_PATH include BASE_DIRECTORY ${CMAKE_INSTALL_LIBDIR}/millrace)
cmake_path(SET installed_flags NORMALIZE ${CMAKE_INSTALL_LIBDIR}/millrace/millrace.flags)
cmake_path(RELATIVE_PATH installed_flags BASE_DIRECTORY ${CMAKE_INSTALL_BINDIR})
target_compile_definitions(millrace_command PRIVATE MILLRACE_INSTALLED_FLAGS="${installed_flags}")

file(GENERATE OUTPUT ${PROJECT_BINARY_DIR}/millrace.flags CONTENT
"compiler = ${CMAKE_CXX_COMPILER}
include = ${PROJECT_SOURCE_DIR}/include
flags = -std=c++20 -O2 -pthread${sanitize}
libraries = ${libraries}
${build_archives}")
file(GENERATE OUTPUT ${PROJECT_BINARY_DIR}/installed/millrace.flags CONTENT
"compiler = g++
include = ${include}
flags = -std=c++20 -O2 -pthread
libraries = ${libraries}
${installed_archives}")
install(FILES ${PROJECT_BINARY_DIR}/installed/millrace.flags DESTINATION ${CMAKE_INSTALL_LIBDIR}/millrace)

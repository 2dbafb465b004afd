# Every library comes from the distribution's packages; scripts/packages names them.
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(fmt REQUIRED)
find_package(ZLIB REQUIRED)
find_package(CLI11 REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(simdjson REQUIRED)
pkg_check_modules(XXHASH REQUIRED IMPORTED_TARGET libxxhash)
pkg_check_modules(LZ4 REQUIRED IMPORTED_TARGET liblz4)
pkg_check_modules(ZSTD REQUIRED IMPORTED_TARGET libzstd)
# Streaming unpacks archives for the commands that it runs.
pkg_check_modules(ARCHIVE REQUIRED IMPORTED_TARGET libarchive)
pkg_check_modules(RE2 REQUIRED IMPORTED_TARGET re2)
# Keyed hashes and random numbers, by which the processes of a run know one another.
pkg_check_modules(SODIUM REQUIRED IMPORTED_TARGET libsodium)
# Hyperscan exists on x86 only; RE2 serves elsewhere.
pkg_check_modules(HYPERSCAN IMPORTED_TARGET libhs)
if(MILLRACE_TESTS)
  find_package(GTest REQUIRED)
endif()
if(MILLRACE_BENCH)
  find_package(benchmark REQUIRED)
endif()

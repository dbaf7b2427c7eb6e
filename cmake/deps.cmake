# Libraries that we do not write: libyaml, cJSON and cmocka come from the system; tree-sitter and its Python grammar are
# built here from the sources in their published Python packages, pinned by version and hash in cmake/deps.txt.
find_package(PkgConfig REQUIRED)
pkg_check_modules(YAML REQUIRED IMPORTED_TARGET yaml-0.1)
pkg_check_modules(CJSON REQUIRED IMPORTED_TARGET libcjson)

# One copy for all presets; never committed.
set(ADGEN_DEPS ${PROJECT_SOURCE_DIR}/build/deps CACHE PATH "where the pinned source archives are kept")

# The archive of one package: downloaded if it is not there, its hash checked, unpacked. Sets <result> to the folder.
function(adgen_unpack name version sha256 result)
  set(archive ${ADGEN_DEPS}/${name}-${version}.tar.gz)
  set(folder ${ADGEN_DEPS}/${name}-${version})
  if(NOT EXISTS ${archive})
    execute_process(COMMAND sh ${PROJECT_SOURCE_DIR}/cmake/fetch.sh ${ADGEN_DEPS} RESULT_VARIABLE failed)
    if(failed)
      message(FATAL_ERROR "cannot download ${name} ${version}; put ${name}-${version}.tar.gz into ${ADGEN_DEPS}")
    endif()
  endif()
  file(SHA256 ${archive} found)
  if(NOT found STREQUAL sha256)
    message(FATAL_ERROR "${archive} has the SHA-256 ${found}, not ${sha256}: remove it and run again")
  endif()
  if(NOT EXISTS ${folder}/.unpacked)
    file(REMOVE_RECURSE ${folder})
    file(ARCHIVE_EXTRACT INPUT ${archive} DESTINATION ${ADGEN_DEPS})
    file(TOUCH ${folder}/.unpacked)
  endif()
  set(${result} ${folder} PARENT_SCOPE)
endfunction()

# Pins: cmake/deps.txt is the one place; `name==version --hash=sha256:...` a line.
file(STRINGS ${CMAKE_CURRENT_LIST_DIR}/deps.txt pins REGEX "==")
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/deps.txt)
foreach(pin IN LISTS pins)
  string(REGEX MATCH "^([a-z-]+)==([0-9.]+) --hash=sha256:([0-9a-f]+)$" _ "${pin}")
  set(version ${CMAKE_MATCH_2})
  set(sha256 ${CMAKE_MATCH_3})
  string(REPLACE "-" "_" name "${CMAKE_MATCH_1}")
  adgen_unpack(${name} ${version} ${sha256} ${name}_${version})
endforeach()

set(core ${tree_sitter_0.26.1}/tree_sitter/core/lib)
set(grammar ${tree_sitter_python_0.25.0}/src)
set(scanner ${tree_sitter_python_0.23.6}/src)
add_library(treesitter STATIC ${core}/src/lib.c ${grammar}/parser.c ${scanner}/scanner.c)
target_include_directories(treesitter SYSTEM PUBLIC ${core}/include)
target_include_directories(treesitter PRIVATE ${core}/src ${grammar})
# Always optimised and never instrumented: it is not ours to test, and the debug build would spend its time in it.
target_compile_options(treesitter PRIVATE -w -O2)
target_compile_definitions(treesitter PRIVATE _GNU_SOURCE)
set_target_properties(treesitter PROPERTIES C_STANDARD 11)

# find_package(dhcpcallout-sdk CONFIG), with -Ddhcpcallout-sdk_DIR="$(dhcpcallout sdk --cmakedir)"
#
#   dhcpcallout::sdk                         the header, and what callouts that include <windows.h> need besides
#   dhcpcallout_add_callout(NAME SOURCES...) a callout: NAME.so on Linux and macOS, NAME.dll on Windows;
#                                            with the word DLLMAIN before the sources, its DllMain is called everywhere
#
# SPDX-License-Identifier: Apache-2.0

get_filename_component(dhcpcallout-sdk_INCLUDE_DIR "${CMAKE_CURRENT_LIST_DIR}/.." ABSOLUTE)

if(NOT TARGET dhcpcallout::sdk)
  add_library(dhcpcallout::sdk INTERFACE IMPORTED)
  set_property(TARGET dhcpcallout::sdk PROPERTY INTERFACE_INCLUDE_DIRECTORIES "${dhcpcallout-sdk_INCLUDE_DIR}")
  if(NOT WIN32)
    set(THREADS_PREFER_PTHREAD_FLAG ON)
    include(CMakeFindDependencyMacro)
    find_dependency(Threads)
    set_property(TARGET dhcpcallout::sdk APPEND PROPERTY INTERFACE_INCLUDE_DIRECTORIES
                 "${dhcpcallout-sdk_INCLUDE_DIR}/posix" "${dhcpcallout-sdk_INCLUDE_DIR}/posix/aliases")
    set_property(TARGET dhcpcallout::sdk PROPERTY INTERFACE_LINK_LIBRARIES Threads::Threads ${CMAKE_DL_LIBS})
  endif()
endif()

function(dhcpcallout_add_callout name)
  cmake_parse_arguments(PARSE_ARGV 1 callout "DLLMAIN" "" "")
  add_library(${name} MODULE ${callout_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PRIVATE dhcpcallout::sdk)
  # Nothing but the entry point is anybody else's business.
  set_target_properties(${name} PROPERTIES PREFIX "" C_VISIBILITY_PRESET hidden CXX_VISIBILITY_PRESET hidden
                                           VISIBILITY_INLINES_HIDDEN ON)
  if(callout_DLLMAIN AND NOT WIN32)
    if(NOT CMAKE_C_COMPILER)
      message(FATAL_ERROR "dhcpcallout_add_callout: DLLMAIN takes a C compiler: add C to the languages of project()")
    endif()
    target_sources(${name} PRIVATE "${dhcpcallout-sdk_INCLUDE_DIR}/posix/dllmain.c")
  endif()
  if(MINGW)
    # One file that needs no DLL of the compiler's; and no @12 behind the entry point's name where there are 32 bits.
    target_link_options(${name} PRIVATE -static -Wl,--kill-at)
  elseif(MSVC AND CMAKE_SIZEOF_VOID_P EQUAL 4)
    target_link_options(${name} PRIVATE /EXPORT:DhcpServerCalloutEntry=_DhcpServerCalloutEntry@12)
  endif()
endfunction()

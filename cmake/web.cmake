# The web application: `npm ci` and `vite build` make web/dist, which `losslens serve` finds. Where npm is missing or cannot
# reach its registry the rest is built all the same and says so; LOSSLENS_WEB=ON makes that an error, OFF leaves it out.
set(LOSSLENS_WEB AUTO CACHE STRING "Build the web application: AUTO, ON or OFF")
set_property(CACHE LOSSLENS_WEB PROPERTY STRINGS AUTO ON OFF)

function(losslens_add_web)
  target_compile_definitions(losslens PRIVATE LOSSLENS_WEB_BUILD="${CMAKE_SOURCE_DIR}/web/dist")
  if(LOSSLENS_WEB STREQUAL "OFF")
    return()
  endif()
  find_program(LOSSLENS_NPM npm)
  if(NOT LOSSLENS_NPM)
    if(LOSSLENS_WEB STREQUAL "ON")
      message(FATAL_ERROR "LOSSLENS_WEB=ON needs npm (tools/setup installs it)")
    endif()
    message(STATUS "npm is not installed: the web application is not built (tools/setup installs it)")
    return()
  endif()
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS web/src/*.ts web/src/*.tsx web/src/*.css web/public/*)
  set(stamp ${CMAKE_BINARY_DIR}/web.stamp)
  add_custom_command(
    OUTPUT ${stamp}
    COMMAND ${CMAKE_SOURCE_DIR}/tools/build_web ${LOSSLENS_WEB} ${stamp}
    DEPENDS ${sources} web/package-lock.json web/package.json web/vite.config.ts web/tsconfig.json web/index.html tools/build_web
    WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}/web
    COMMENT "The web application" USES_TERMINAL VERBATIM)
  add_custom_target(web ALL DEPENDS ${stamp})
  install(DIRECTORY web/dist/ DESTINATION share/losslens/web OPTIONAL)
endfunction()

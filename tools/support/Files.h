//===- Files.h - Files that are written whole or not at all -----*- C++ -*-===//
#ifndef LIGHTHOUSE_SUPPORT_FILES_H
#define LIGHTHOUSE_SUPPORT_FILES_H

#include "lighthouse/runtime/Status.h"

#include <initializer_list>
#include <string>
#include <string_view>

namespace lighthouse::support {

/// Writes `parts` one after another to a file. One that is there is replaced when all is written;
/// after an error it is as it was. What is no regular file, a device, a pipe or a link, is written
/// in place.
runtime::Status writeFile(const std::string &path, std::initializer_list<std::string_view> parts);

} // namespace lighthouse::support

#endif // LIGHTHOUSE_SUPPORT_FILES_H

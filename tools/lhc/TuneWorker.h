//===- TuneWorker.h - One candidate of lhc tune, in a process of its own ------------*- C++ -*-===//
//
// `lhc tune` starts itself again, with the same options, for each candidate: a candidate that
// crashes, hangs or leaves a GPU unusable takes only its own process with it. Everything passes
// through a folder of temporary files.
//
//   arg-0.npy, ...             the arguments, in the order of the command line
//   cubins/                    what the CUDA driver makes of PTX
//   0/, 1/, ...                one for each candidate:
//     table.json                 its settings
//     program.lha                compiled
//     times.json                 the median seconds of each launch
//     out-0.npy, ...             the results
//     log                        errors
//
//===------------------------------------------------------------------------------------------===//
#ifndef LIGHTHOUSE_TOOLS_LHC_TUNEWORKER_H
#define LIGHTHOUSE_TOOLS_LHC_TUNEWORKER_H

#include "SpecOptions.h"

#include "lighthouse/Tuning/Search.h"

namespace lhc {

/// Names of files in the folders.
std::string argumentFile(const std::string &root, size_t index);
std::string outputFile(const std::string &folder, size_t index);
std::string cubinFolder(const std::string &root);
std::string folderOf(const std::string &root, size_t candidate);

/// What the launches of a candidate took.
Result<std::vector<lighthouse::tuning::LaunchTime>> readTimes(const std::string &folder);

/// Compiles `request` with the table in `folder`, and loads it where the target is a GPU. Returns
/// an exit code.
int compileCandidate(const SpecOptions &options, lighthouse::Request request,
                     const std::string &root, const std::string &folder);

/// Runs what `compileCandidate` left, once to warm up and then `repeat` times. Returns an exit code.
int timeCandidate(const SpecOptions &options, const std::string &root, const std::string &folder,
                  unsigned repeat);

} // namespace lhc

#endif // LIGHTHOUSE_TOOLS_LHC_TUNEWORKER_H

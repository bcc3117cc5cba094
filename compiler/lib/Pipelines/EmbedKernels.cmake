# Writes OUTPUT, a C++ file with the text of the specifications FILES in the folder ROOT.
# usage: cmake -DOUTPUT=... -DROOT=... -DFILES=a.lh,sub/b.lh -P EmbedKernels.cmake
string(REPLACE "," ";" files "${FILES}")
set(text "// Generated from kernels/.\n#include \"BundledKernels.h\"\n\n")
set(entries "")
foreach(file ${files})
  file(READ ${ROOT}/${file} hex HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
  string(MAKE_C_IDENTIFIER ${file} symbol)
  string(APPEND text "static constexpr char ${symbol}[] = {${bytes}0};\n")
  string(APPEND entries "    {\"${file}\", {${symbol}, sizeof(${symbol}) - 1}},\n")
endforeach()
string(APPEND text "\nstatic constexpr lighthouse::BundledFile files[] = {\n${entries}};\n\n"
  "llvm::ArrayRef<lighthouse::BundledFile> lighthouse::bundledKernels() { return files; }\n")
file(WRITE ${OUTPUT} "${text}")

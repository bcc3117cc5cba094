// Carrier of the precompiled header; see LighthouseMLIR.cmake.

//===- StandaloneMain.cpp - Drives a fuzz target without libFuzzer ----------------------===//
//
// usage: FrontendFuzzer [-runs=N] [-seconds=N] [-seed=N] FILE-OR-FOLDER...
//
// Replays all files, then mutates them until the given number of runs or seconds is reached. The
// input being run is written to crash.lh in the working directory if the process dies.
//
//===------------------------------------------------------------------------------------===//
#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <unistd.h>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

namespace {

using Clock = std::chrono::steady_clock;

std::string current; // the input being run
constexpr unsigned secondsPerInput = 10;
constexpr size_t largestInput = 1 << 16;

extern "C" void saveAndDie(int signal) {
  int file = open("crash.lh", O_WRONLY | O_CREAT | O_TRUNC, 0600);
  if (file >= 0) {
    (void)!write(file, current.data(), current.size());
    close(file);
  }
  const char *message = signal == SIGALRM ? "input takes too long; saved to crash.lh\n"
                                          : "input crashes; saved to crash.lh\n";
  (void)!write(STDERR_FILENO, message, std::strlen(message));
  _exit(1);
}

void runOne(const std::string &input) {
  current = input;
  alarm(secondsPerInput);
  LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t *>(current.data()), current.size());
  alarm(0);
}

class Mutator {
public:
  Mutator(const std::vector<std::string> &seeds, uint64_t seed) : seeds(seeds), random(seed) {}

  std::string next() {
    std::string text = pick(seeds);
    // Most mutants differ little, so that they get beyond the parser.
    bool gentle = below(4) != 0;
    for (unsigned steps = 1 + below(3); steps > 0; --steps)
      gentle ? exchangeWord(text) : mutate(text);
    text.resize(std::min(text.size(), largestInput));
    return text;
  }

private:
  size_t below(size_t bound) { return bound ? random() % bound : 0; }
  const std::string &pick(const std::vector<std::string> &from) { return from[below(from.size())]; }

  void mutate(std::string &text) {
    static const std::vector<std::string> words{"kernel",
                                                "fn",
                                                "pipeline",
                                                "let",
                                                "var",
                                                "static",
                                                "for",
                                                "in",
                                                "if",
                                                "else",
                                                "while",
                                                "return",
                                                "range",
                                                "grid",
                                                "requires",
                                                "implements",
                                                "import",
                                                "load",
                                                "store",
                                                "dot",
                                                "reshape",
                                                "sum",
                                                "cumsum",
                                                "where",
                                                "full",
                                                "zeros",
                                                "iota",
                                                "f32",
                                                "bf16",
                                                "i32",
                                                "bool",
                                                "type",
                                                "int",
                                                "None",
                                                "inf",
                                                "nan",
                                                "true",
                                                "(",
                                                ")",
                                                "[",
                                                "]",
                                                "{",
                                                "}",
                                                "<",
                                                ">",
                                                ",",
                                                ";",
                                                ":",
                                                ":+",
                                                "->",
                                                "=",
                                                "==",
                                                "+",
                                                "-",
                                                "*",
                                                "/",
                                                "%",
                                                "!",
                                                "&&",
                                                "<<",
                                                "0",
                                                "1",
                                                "-1",
                                                "128",
                                                "1048577",
                                                "2147483648",
                                                "9223372036854775807",
                                                "1e308",
                                                "0x7f",
                                                "\"text\"",
                                                "//"};
    size_t at = below(text.size() + 1);
    size_t length = std::min(text.size() - at, 1 + below(32));
    switch (below(8)) {
    case 0: // a byte
      if (at < text.size())
        text[at] = static_cast<char>(random());
      break;
    case 1:
      text.erase(at, length);
      break;
    case 2: // a piece of itself elsewhere
      text.insert(below(text.size() + 1), text.substr(at, length));
      break;
    case 3: { // a piece of another seed
      const std::string &other = pick(seeds);
      size_t from = below(other.size() + 1);
      text.insert(at, other.substr(from, below(200)));
      break;
    }
    case 4: // many times the same
      for (size_t count = below(200); count > 0; --count)
        text.insert(at, text.substr(at, std::min<size_t>(length, 4)));
      break;
    default: { // one word for another: of the language, or one that stands somewhere already
      const std::string &other = below(2) ? text : pick(seeds);
      auto [from, fromEnd] = wordAt(other, below(other.size() + 1));
      std::string word = below(2) ? pick(words) : other.substr(from, fromEnd - from);
      auto [begin, end] = wordAt(text, at);
      text.replace(begin, end - begin, word);
      break;
    }
    }
  }

  /// Replaces a name by another name, or a number by another number.
  void exchangeWord(std::string &text) {
    static const std::vector<std::string> numbers{"0",  "1",    "2",       "3",
                                                  "64", "1000", "1048577", "2147483648"};
    for (unsigned tries = 0; tries < 20; ++tries) {
      auto [begin, end] = wordAt(text, below(text.size() + 1));
      if (begin == end)
        continue;
      auto isNumber = [](const std::string &word) {
        return std::isdigit(static_cast<unsigned char>(word.front())) != 0;
      };
      bool number = isNumber(text.substr(begin, end - begin));
      const std::string &other = below(4) ? text : pick(seeds);
      auto [from, fromEnd] = wordAt(other, below(other.size() + 1));
      std::string word = other.substr(from, fromEnd - from);
      if (number && (word.empty() || !isNumber(word)))
        word = pick(numbers);
      if (word.empty() || isNumber(word) != number)
        continue;
      text.replace(begin, end - begin, word);
      return;
    }
  }

  /// The bounds of the word around a place, empty where there is none.
  static std::pair<size_t, size_t> wordAt(const std::string &text, size_t at) {
    auto isWord = [&](size_t i) {
      return std::isalnum(static_cast<unsigned char>(text[i])) != 0 || text[i] == '_';
    };
    size_t begin = at, end = at;
    while (begin > 0 && isWord(begin - 1))
      --begin;
    while (end < text.size() && isWord(end))
      ++end;
    return {begin, end};
  }

  const std::vector<std::string> &seeds;
  std::mt19937_64 random;
};

} // namespace

int main(int argc, char **argv) {
  uint64_t runs = 0, seconds = 0, seed = 1;
  std::vector<std::string> seeds;
  auto addFile = [&](const std::filesystem::path &path) {
    std::ifstream file(path, std::ios::binary);
    seeds.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  };
  for (int i = 1; i < argc; ++i) {
    std::string arg = argv[i];
    auto option = [&](const char *name, uint64_t &value) {
      size_t length = std::strlen(name);
      if (arg.compare(0, length, name) != 0)
        return false;
      value = std::strtoull(arg.c_str() + length, nullptr, 10);
      return true;
    };
    if (option("-runs=", runs) || option("-seconds=", seconds) || option("-seed=", seed))
      continue;
    std::vector<std::filesystem::path> paths;
    if (std::filesystem::is_directory(arg))
      for (const auto &entry : std::filesystem::recursive_directory_iterator(arg))
        if (entry.is_regular_file())
          paths.push_back(entry.path());
    if (std::filesystem::is_regular_file(arg))
      paths.push_back(arg);
    std::sort(paths.begin(), paths.end());
    for (const std::filesystem::path &path : paths)
      addFile(path);
  }
  if (seeds.empty()) {
    std::fprintf(stderr, "no inputs\n");
    return 1;
  }
  for (int signal : {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL, SIGALRM})
    std::signal(signal, saveAndDie);

  Clock::time_point start = Clock::now();
  for (const std::string &input : seeds)
    runOne(input);
  Mutator mutator(seeds, seed);
  uint64_t done = 0;
  auto elapsed = [&] {
    return static_cast<uint64_t>(
        std::chrono::duration_cast<std::chrono::seconds>(Clock::now() - start).count());
  };
  for (; done < runs && (seconds == 0 || elapsed() < seconds); ++done)
    runOne(mutator.next());
  std::printf("%zu files, %llu mutations, no crash\n", seeds.size(),
              static_cast<unsigned long long>(done));
  return 0;
}
